//! The standard health service, on both sockets.
//!
//! `mandate.v1.Wallet` serves while it could mint; `mandate.v1.Control` serves as long as the daemon runs; the whole
//! (`""`) serves while the wallet does and the newest wallet.toml is the one in force.

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

/// What health says.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    reporter: HealthReporter,
}

impl Health {
    /// Nothing serves yet but control.
    pub(crate) async fn new() -> Self {
        let health = Self { reporter: HealthReporter::new() };
        health.set(false, true).await;
        let control = <ControlServer<ControlService> as NamedService>::NAME;
        health.reporter.set_service_status(control, ServingStatus::Serving).await;
        health
    }

    /// The service, for one socket.
    pub(crate) fn service(&self) -> HealthServer<impl HealthApi> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Says whether the wallet could mint and whether the newest wallet.toml is in force.
    pub(crate) async fn set(&self, can_mint: bool, policy_is_newest: bool) {
        let wallet = <WalletServer<WalletService> as NamedService>::NAME;
        self.reporter.set_service_status(wallet, serving(can_mint)).await;
        self.reporter.set_service_status(WHOLE, serving(can_mint && policy_is_newest)).await;
    }
}

fn serving(yes: bool) -> ServingStatus {
    if yes { ServingStatus::Serving } else { ServingStatus::NotServing }
}
