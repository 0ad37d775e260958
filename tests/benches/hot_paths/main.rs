//! How far each hot path is from what it is made of, in one run on one machine.
//!
//! ```sh
//! cargo bench -p mandate-tests --bench hot_paths -- [--growth] [--full] [--json] [--rounds N]
//! ```
//!
//! The daemon is the built one, over a key in the kernel's keyring and a ledger on disk; who calls it is a process of
//! its own, and so is the server that stands beside it as a floor. In each round every floor and every path has its
//! turn. A figure is the median over the rounds; in brackets are the least and the most. A figure never fails the run,
//! a call that is refused always does.
//!
//! The ledger lies in the system's folder for temporary files, which must be on a disk.

mod calls;
mod child;
mod client;
mod crowd;
mod floor_server;
mod gateway;
mod goals;
mod growth;
mod local;
mod machine;
mod payers;
mod peers;
mod rounds;
mod rows;
mod setup;
mod upstream;

use std::path::Path;

use gateway::Market;
use machine::Machine;
use mandate_tests::bench::figures::Figure;
use peers::Peers;
use rounds::Extent;
use rows::Rows;
use serde_json::json;
use setup::Stage;

/// Rounds; figures are medians over them.
const ROUNDS: u64 = 5;
/// How often `--full` does everything that a round does once.
const TIMES_FULL: u64 = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1..)
    };
    if let Some([part, argument, ..]) = after(child::PART) {
        return match part.as_str() {
            "client" => client::serve(argument),
            "floor" => floor_server::serve(Path::new(argument)),
            "payers" => payers::serve(argument),
            "upstream" => upstream::serve(),
            part => panic!("no such part: {part}"),
        };
    }
    let rounds = after("--rounds").and_then(<[_]>::first);
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let machine = Machine::look(&std::env::temp_dir());
    if machine.is_in_memory() {
        println!("{machine}nothing is measured: {} is in memory", std::env::temp_dir().display());
        return;
    }
    let (is_full, is_json) = (after("--full").is_some(), after("--json").is_some());
    let daemon = setup::built("mandated");
    if after("--growth").is_some() {
        let growth = growth::measure(&daemon, rounds, is_full);
        if is_json {
            println!("{}", json!({ "machine": machine, "growth": growth.json() }));
        } else {
            println!("{machine}\n{}", growth.lines().join("\n"));
        }
        return;
    }
    let extent = Extent { times: if is_full { TIMES_FULL } else { 1 } };
    let mut stage = Stage::start(&daemon);
    let mut market = Market::open(&setup::built("mandate-gateway"));
    let peers = Peers::start();
    let (mut rows, mut waited) = (Rows::default(), Figure::default());
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        waited.add(rounds::round(&mut stage, extent, &mut rows));
        market.round(extent, &mut rows);
        peers.round(extent, &mut rows);
    }
    let ratios = goals::ratios(&rows);
    if is_json {
        let ratios: Vec<_> = ratios.iter().map(goals::Ratio::json).collect();
        let run = json!({
            "machine": machine, "waited_for_a_processor": waited.json(), "rows": rows.json(),
            "ratios": ratios, "absent": peers.absent,
        });
        println!("{run}");
    } else {
        println!("{machine}\n{rows}");
        ratios.iter().for_each(|ratio| println!("{ratio}"));
        peers.absent.iter().for_each(|absent| println!("{absent}"));
        machine::disturbed(&waited).iter().for_each(|warning| println!("\n{warning}"));
    }
}
