//! The daemon over a home as a process of its own, in this test binary.

use std::ffi::OsStr;
use std::path::PathBuf;

use mandate_journal::{Hooks, Options};
use mandate_proto::paths::{Overrides, Paths};
use mandated::{Config, run};
use tokio::sync::oneshot;

use crate::Home;
use crate::rerun::{Rerun, log_to_stderr, say, standing, told_to_end};

/// Where the daemon's files are; without them the child's test does nothing.
const PLACES: [&str; 3] =
    ["MANDATE_DAEMON_CONFIG", "MANDATE_DAEMON_STATE_DIR", "MANDATE_DAEMON_RUNTIME_DIR"];
/// The commit at which the child's writer stands still, as in `before 7`.
const STAND: &str = "MANDATE_DAEMON_STAND";

impl Home {
    /// Runs the daemon over this home in `test` of this binary, which has to call [`serve_home_as_child`].
    ///
    /// It says `ready`. With `stand` it says `stands` when its ledger's writer reached that commit, as in `before 7` or
    /// `after 7`, and stands there.
    #[must_use]
    pub fn start_child(&self, test: &str, stand: Option<&str>) -> Rerun {
        let places = [self.paths.config(), self.paths.state_dir(), self.paths.runtime_dir()];
        let mut environment: Vec<(&str, &OsStr)> =
            PLACES.into_iter().zip(places.map(|place| place.as_os_str())).collect();
        environment.extend(stand.map(|stand| (STAND, OsStr::new(stand))));
        Rerun::start(test, &environment, &self.log())
    }
}

/// The child's whole work: the daemon as it ships, until the parent ends it. Gives `false` at once in any other process.
///
/// # Panics
///
/// If the daemon does not start, or ends badly.
pub fn serve_home_as_child() -> bool {
    let places = PLACES.map(|place| std::env::var_os(place).map(PathBuf::from));
    let [config @ Some(_), state_dir, runtime_dir] = places else { return false };
    let overrides = Overrides { config, state_dir, runtime_dir };
    let paths = Paths::resolve(overrides).expect("all places are given");
    log_to_stderr();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let (ready, told) = oneshot::channel();
        tokio::spawn(async move {
            if told.await.is_ok() {
                say("ready");
            }
        });
        let hooks = std::env::var(STAND).map_or_else(|_| Hooks::default(), |at| standing(&at));
        let config = Config {
            ledger: Options { hooks, ..Options::default() },
            ready: Some(ready),
            ..Config::new(paths)
        };
        if let Err(error) = run(config, told_to_end()).await {
            say(&format!("failed {error:?}"));
            panic!("{error}");
        }
    });
    true
}
