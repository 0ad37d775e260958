//! The standard health service, on both sockets.
//!
//! `mandate.v1.Wallet` serves while it could mint; `mandate.v1.Control` serves as long as the daemon runs. Beside them
//! each condition of minting has a name of its own, `mandate.v1.Wallet.thawed` and so on, and serves while all is well
//! with it. The whole (`""`) serves while the wallet does and, on the principal's socket, the newest wallet.toml is the
//! one in force: an agent is told what stands against its own mints and nothing of the principal's file.

use tokio::sync::Mutex;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthApi, HealthServer};
use tonic_health::server::{HealthReporter, HealthService};

use mandate_proto::v1::control_server::ControlServer;
use mandate_proto::v1::wallet_server::WalletServer;

use crate::control::ControlService;
use crate::wallet::WalletService;

/// The name of the whole in the health protocol.
const WHOLE: &str = "";
/// The one condition that agents are not told of.
const CONFIG: &str = "config";

/// What has to be right, and whether it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a condition of its own, by its name")]
pub(crate) struct Conditions {
    /// The clock is believed.
    pub(crate) clock: bool,
    /// The newest wallet.toml is in force. Minting does not need it.
    pub(crate) config: bool,
    /// The key is at hand.
    pub(crate) key: bool,
    /// The ledger answers and is believed.
    pub(crate) ledger: bool,
    /// The wallet as a whole is not frozen.
    pub(crate) thawed: bool,
    /// The principal did not lock the key away.
    pub(crate) unlocked: bool,
}

impl Conditions {
    /// Nothing is known: as a wallet starts, and while its ledger does not answer.
    pub(crate) const UNKNOWN: Self = Self {
        clock: false,
        config: true,
        key: false,
        ledger: false,
        thawed: false,
        unlocked: false,
    };

    /// Each by its name.
    pub(crate) fn each(self) -> [(&'static str, bool); 6] {
        let Self { clock, config, key, ledger, thawed, unlocked } = self;
        [
            ("clock", clock),
            (CONFIG, config),
            ("key", key),
            ("ledger", ledger),
            ("thawed", thawed),
            ("unlocked", unlocked),
        ]
    }

    /// Whether a mint could be granted.
    pub(crate) fn can_mint(self) -> bool {
        self.each().into_iter().all(|(name, well)| well || name == CONFIG)
    }
}

/// What health says.
#[derive(Debug)]
pub(crate) struct Health {
    agents: HealthReporter,
    principal: HealthReporter,
    /// What was told last. Reports take turns over it, so that the newest look is the last to be told.
    told: Mutex<Conditions>,
}

impl Health {
    /// Nothing serves yet but control.
    pub(crate) async fn new() -> Self {
        let (agents, principal) = (HealthReporter::new(), HealthReporter::new());
        let health = Self { agents, principal, told: Mutex::new(Conditions::UNKNOWN) };
        let control = <ControlServer<ControlService> as NamedService>::NAME;
        for (reporter, names) in health.each(Conditions::UNKNOWN) {
            reporter.set_service_status(control, ServingStatus::Serving).await;
            for (name, well) in names {
                reporter.set_service_status(name, serving(well)).await;
            }
        }
        health
    }

    /// The service for the agents' socket.
    pub(crate) fn for_agents(&self) -> HealthServer<impl HealthApi + use<>> {
        HealthServer::new(HealthService::from_health_reporter(self.agents.clone()))
    }

    /// The service for the principal's socket.
    pub(crate) fn for_principal(&self) -> HealthServer<impl HealthApi + use<>> {
        HealthServer::new(HealthService::from_health_reporter(self.principal.clone()))
    }

    /// Looks how it stands and says it; whoever watches is told at once, and of changes alone.
    pub(crate) async fn tell(&self, look: impl Future<Output = Conditions>) {
        let mut told = self.told.lock().await;
        let found = look.await;
        for ((reporter, now), (_, before)) in self.each(found).into_iter().zip(self.each(*told)) {
            for ((name, well), _) in now.into_iter().zip(before).filter(|(now, old)| now != old) {
                reporter.set_service_status(name, serving(well)).await;
            }
        }
        // Only now: who is stopped in between has not told all of it.
        *told = found;
    }

    /// Every name on each socket, and whether it serves.
    fn each(&self, conditions: Conditions) -> [(&HealthReporter, Vec<(String, bool)>); 2] {
        let wallet = <WalletServer<WalletService> as NamedService>::NAME;
        let can_mint = conditions.can_mint();
        let names = |whole, shown: fn(&str) -> bool| {
            let own = conditions.each().into_iter().filter(move |(name, _)| shown(name));
            let own = own.map(|(name, well)| (format!("{wallet}.{name}"), well));
            let services = [(WHOLE.to_owned(), whole), (wallet.to_owned(), can_mint)];
            services.into_iter().chain(own).collect()
        };
        [
            (&self.agents, names(can_mint, |name| name != CONFIG)),
            (&self.principal, names(can_mint && conditions.config, |_| true)),
        ]
    }
}

fn serving(yes: bool) -> ServingStatus {
    if yes { ServingStatus::Serving } else { ServingStatus::NotServing }
}
