//! One round: every floor and every path once, in turns.

use crate::calls::{Burst, Call, Connection, Server};
use crate::local;
use crate::machine::waited;
use crate::rows::{By, Rows};
use crate::setup::Stage;

pub const SIGN: &str = "floor: Ed25519 sign";
pub const VERIFY: &str = "floor: Ed25519 verify_strict";
const SYNC: &str = "floor: 4 KiB append and fdatasync";
pub const COMMIT_INTENT: &str = "floor: SQLite commit of an intent";
pub const COMMIT_PAYMENT: &str = "floor: SQLite commit of a payment";
pub const VERIFY_PAYMENT: &str = "floor: verify_strict of a payment";
pub const CHECK: &str = "a payment verified in memory";
pub const ISSUE: &str = "a payment signed in memory";
pub const EMPTY: &str = "floor: empty call";
pub const SIGN_INTENT: &str = "floor: intent signed without a ledger";
pub const SIGN_PAYMENT: &str = "floor: payment signed without a ledger";
pub const MINT_INTENT: &str = "MintIntent";
pub const MINT_PAYMENT: &str = "MintPayment";
pub const RECORD_RECEIPT: &str = "RecordReceipt";
pub const GET_BUDGET: &str = "GetBudget";
pub const UPSTREAM: &str = "floor: the API called directly";
pub const PAID: &str = "the API through the gateway, paid";

/// A wallet's calls in the order of a round: what one mints, a later one needs, and a floor stands beside each.
const CALLS: [(&str, Server, Call); 7] = [
    (EMPTY, Server::Floor, Call::GetPrincipal),
    (MINT_INTENT, Server::Wallet, Call::MintIntent),
    (SIGN_INTENT, Server::Floor, Call::MintIntent),
    (MINT_PAYMENT, Server::Wallet, Call::MintPayment),
    (SIGN_PAYMENT, Server::Floor, Call::MintPayment),
    (RECORD_RECEIPT, Server::Wallet, Call::RecordReceipt),
    (GET_BUDGET, Server::Wallet, Call::GetBudget),
];

/// Clients at a time, on which connections, and how many calls they make together in one round.
///
/// A wallet lets one uid have 128 connections; who makes a new one for each call has two while the old one is let go.
const CLIENTS: [(u64, Connection, u64); 7] = [
    (1, Connection::Warm, 1_000),
    (8, Connection::Warm, 1_200),
    (32, Connection::Warm, 1_920),
    (128, Connection::Warm, 2_560),
    (1, Connection::New, 200),
    (8, Connection::New, 400),
    (32, Connection::New, 960),
];

/// Operations on the curve, syncs, and commits of each kind, in one round.
const CURVE: u64 = 1_000;
const SYNCS: u64 = 300;
const COMMITS: u64 = 500;

/// How much of everything a round does.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub times: u64,
}

/// Measures everything once; gives the share of its time in which the curve had to wait for a processor.
pub fn round(stage: &mut Stage, extent: Extent, rows: &mut Rows) -> f64 {
    let waited = waited(|| in_memory(stage, extent, rows));
    for (clients, connection, calls) in CLIENTS {
        for (what, server, call) in CALLS {
            if (clients, connection) == (1, Connection::Warm) {
                on_disk((server, call), stage, extent, rows);
            }
            let calls = calls * extent.times;
            let times = stage.burst(Burst { server, call, connection, clients, calls, lines: 1 });
            rows.add(what, By::Clients(clients, connection), times);
        }
    }
    waited
}

fn in_memory(stage: &Stage, extent: Extent, rows: &mut Rows) {
    let (count, tokens) = (CURVE * extent.times, &stage.tokens);
    let all = [
        (SIGN, local::sign(count)),
        (VERIFY, local::verify(count)),
        (VERIFY_PAYMENT, local::verify_payment(tokens, &stage.key(), count)),
        (CHECK, local::check_payment(tokens, &stage.keys(), count)),
        (ISSUE, local::sign_payment(tokens, count)),
    ];
    for (what, times) in all {
        rows.add(what, By::Itself, times);
    }
}

/// What a call waits for the disk, just before that call is measured.
fn on_disk(next: (Server, Call), stage: &Stage, extent: Extent, rows: &mut Rows) {
    let (dir, entries, count) = (stage.folder(), &stage.entries, COMMITS * extent.times);
    let (what, times) = match next {
        (Server::Floor, Call::GetPrincipal) => (SYNC, local::sync(dir, SYNCS * extent.times)),
        (Server::Wallet, Call::MintIntent) => {
            (COMMIT_INTENT, local::commit(dir, &entries.intent, count))
        }
        (Server::Wallet, Call::MintPayment) => {
            (COMMIT_PAYMENT, local::commit(dir, &entries.payment, count))
        }
        _ => return,
    };
    rows.add(what, By::Itself, times);
}
