//! The built gateway as a service manager runs it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use mandate_tests::start;
use rustix::process::{Pid, Signal, kill_process};

use crate::shop::Shop;

#[test]
fn it_runs_answers_its_operator_and_stops() {
    let Some(shop) = Shop::closed() else { return };
    let hash = shop.reserved().hash().to_string();
    let log = File::create(shop.path("log")).expect("a log");
    let mut command = shop.command(["--log-format", "json"]);
    command.stdout(Stdio::piped()).stderr(log);
    let mut gateway = start(&mut command);
    let mut said = BufReader::new(gateway.stdout.take().expect("a pipe")).lines();
    let listens = said.next().expect("a line").expect("text");
    assert!(listens.starts_with("http://127.0.0.1:"), "{listens}");
    let err = shop.gateway("run").refused(1);
    assert!(err.contains("is held by another process"), "{err}");
    // It is ready once it has its key.
    let settled = shop.run(["resolve", &hash, "--executed", "--yes"]).yes();
    assert!(settled.starts_with("settled: executed\n"), "{settled}");
    kill_process(Pid::from_child(&gateway), Signal::TERM).expect("a living process");
    assert!(gateway.wait().expect("an end").success());
    assert!(!shop.state_dir().join("gateway.sock").exists());
    shop.gateway("audit verify").yes();
}
