//! `mandate-gateway run`: the gateway in the foreground, until SIGTERM or SIGINT.

use mandate_host::log::{self, LogFormat};
use mandate_host::program;
use mandate_terminal::failure::Failure;
use tokio::sync::oneshot;

use super::context::Context;
use crate::RunConfig;

/// Runs it. Prints where it listens once it does.
pub(crate) fn run(log_format: LogFormat, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let warnings = program::start(log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Check(format!("cannot start: {error}")))?;
    let (ready, told) = oneshot::channel();
    let (file, state_dir) = (context.places.config(), context.places.state_dir());
    let config = RunConfig::new(file.to_owned(), state_dir.to_owned());
    let config = RunConfig { warnings, ready: Some(ready), ..config };
    runtime.block_on(async {
        let gateway = crate::run(config, program::stop_signal());
        let mut gateway = std::pin::pin!(gateway);
        let ended = tokio::select! {
            Ok(listen) = told => {
                let told = context.ui.line(format_args!("http://{listen}"));
                // Nobody may be reading.
                told.and_then(|()| context.ui.flush()).unwrap_or_default();
                gateway.await
            }
            ended = gateway.as_mut() => ended,
        };
        ended.map_err(|error| {
            let why = log::chain_lines(&error);
            if error.is_config() { Failure::Config(why) } else { Failure::Check(why) }
        })
    })
}
