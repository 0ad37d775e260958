//! The agent in the README, as a reader would run it: a real wallet, a real gateway, and an API behind it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use mandate::key::Jwk;
use mandate::{KeySet, MerchantId};
use mandate_gateway::{Limits, Principal, serve};
use mandate_host::clock::wall_clock;
use mandate_tests::Home;
use mandate_tests::gateway::{GatewayHome, Reaction, SaleState, Wire};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::page::block;
use crate::script::{packages, workspace};

/// Room for one booking of 180.00 EUR, and not for two.
const CAP: &str = r#"
[[cap]]
per = "day"
spend = "200.00 EUR"
merchant = "lux-hotels"
"#;

/// The agent's folder: its program, and what it generates from the `.proto` file.
struct Agent<'p> {
    folder: TempDir,
    packages: &'p Path,
}

impl<'p> Agent<'p> {
    /// An agent for which the wallet's sockets are where they are for everyone.
    fn new(packages: &'p Path, home: &Home) -> Self {
        let folder = TempDir::with_prefix("mandate-").unwrap();
        let sockets = home.paths.wallet_socket().parent().unwrap().to_owned();
        fs::create_dir(folder.path().join("run")).unwrap();
        symlink(sockets, folder.path().join("run/mandate")).unwrap();
        fs::write(folder.path().join("agent.py"), block("README.md", "python", "agent.py"))
            .unwrap();
        let agent = Self { folder, packages };
        let mut generate = agent.python();
        generate.args(["-m", "grpc_tools.protoc", "-I"]).arg(workspace().join("proto"));
        generate.args(["--python_out=.", "--grpc_python_out=.", "mandate/v1/wallet.proto"]);
        assert!(generate.status().unwrap().success());
        agent
    }

    fn python(&self) -> Command {
        let mut command = Command::new(self.packages.join("bin/python3"));
        command.current_dir(self.folder.path());
        command
    }

    /// What the agent prints about one purchase.
    fn buys(&self, action: &str, url: &str, body: &str) -> String {
        let mut command = self.python();
        command.env("XDG_RUNTIME_DIR", self.folder.path().join("run")).args([
            "agent.py",
            "lux-hotels",
            action,
        ]);
        let output = command.args([url, body]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A wallet.toml that trusts the gateway's key.
fn wallet_toml(home: &Home, shop: &GatewayHome) -> String {
    let Jwk { kty, crv, x } = Jwk::from(&shop.public_key());
    let key = format!(r#"{{ kty = "{kty}", crv = "{crv}", x = "{x}" }}"#);
    home.toml(CAP).replace(&home.lux.toml_key(), &key)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_of_the_readme_searches_books_and_is_stopped_by_its_cap() {
    let Some(packages) = packages() else { return };
    let Some(home) = Home::new() else { return };
    let shop_home = GatewayHome::made_at(wall_clock().seconds());
    assert_eq!(shop_home.merchant(), "lux-hotels".parse::<MerchantId>().unwrap());
    home.write(&wallet_toml(&home, &shop_home));
    let daemon = home.spawn(env!("CARGO_BIN_EXE_mandated"));

    let mut settings = shop_home.settings([]);
    let principal = Principal { keys: KeySet::new([home.key]), account: None };
    settings.enrolment.principals.insert(home.principal(), principal);
    let shop = shop_home.open(settings).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ended = CancellationToken::new();
    let (service, stopped) = (shop.service(), ended.clone());
    let server =
        tokio::spawn(async move { serve(listener, service, &Limits::default(), stopped).await });

    // The booking is executed, its answer is lost, and the agent asks again.
    shop_home.api.script([Reaction::default(), Reaction::executed_but(Wire::Lost)]);
    let (rooms, bookings) =
        (format!("http://{address}/rooms"), format!("http://{address}/bookings"));
    let room = r#"{"room": "sea view", "nights": 2}"#;
    let told = tokio::task::spawn_blocking(move || {
        let agent = Agent::new(&packages, &home);
        let told = [
            agent.buys("search_rooms", &rooms, ""),
            agent.buys("book_room", &bookings, room),
            agent.buys("book_room", &bookings, room),
        ];
        daemon.stop();
        told
    });
    let [search, booking, second] = told.await.unwrap();
    assert_eq!(search, "200 {\"from\":\"the API\"}\n");
    assert_eq!(booking, "200 {\"from\":\"the API\"}\n");
    assert!(second.starts_with("CAP_EXCEEDED {"), "{second}");

    let sales = shop.check().await;
    let states: Vec<SaleState> = sales.values().map(|sale| sale.state).collect();
    assert_eq!(states, [SaleState::Executed; 2]);
    assert_eq!(shop_home.api.executions().len(), 2, "one search and one booking");
    ended.cancel();
    server.await.unwrap();
    shop.close().await.unwrap();
}
