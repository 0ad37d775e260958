//! The two processes: the wallet and the gateway as they ship.

use std::ffi::OsStr;
use std::path::PathBuf;

use mandate_proto::paths::{Overrides, Paths};
use mandate_tests::Home;
use mandate_tests::gateway::serve_as_child;
use mandate_tests::rerun::{Rerun, log_to_stderr, say, told_to_end};
use mandated::{Config, run};
use tokio::sync::oneshot;

/// The test that is the gateway's process.
pub const GATEWAY: &str = "child::serves_a_merchant";
/// The test that is the wallet's process.
const WALLET: &str = "child::serves_a_principal";

/// Where the wallet's files are; without them the wallet's test does nothing.
const PLACES: [&str; 3] =
    ["MANDATE_SOAK_CONFIG", "MANDATE_SOAK_STATE_DIR", "MANDATE_SOAK_RUNTIME_DIR"];

/// Runs the wallet of a home; it says `ready`.
pub fn start_wallet(home: &Home) -> Rerun {
    let places = [home.paths.config(), home.paths.state_dir(), home.paths.runtime_dir()];
    let environment: Vec<(&str, &OsStr)> =
        PLACES.into_iter().zip(places.map(|place| place.as_os_str())).collect();
    Rerun::start(WALLET, &environment, &home.log())
}

#[test]
fn serves_a_merchant() {
    serve_as_child();
}

#[test]
fn serves_a_principal() {
    let places = PLACES.map(|place| std::env::var_os(place).map(PathBuf::from));
    let [config @ Some(_), state_dir, runtime_dir] = places else { return };
    let paths = Paths::resolve(Overrides { config, state_dir, runtime_dir }).unwrap();
    log_to_stderr();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ready, told) = oneshot::channel();
        tokio::spawn(async move {
            if told.await.is_ok() {
                say("ready");
            }
        });
        let config = Config { ready: Some(ready), ..Config::new(paths) };
        run(config, told_to_end()).await.unwrap();
    });
}
