//! Every refusal there is, met over the socket: its exact reason, its code, and that it changes nothing.

mod asks;
mod carts;
mod merchants;
mod wallet;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mandate_policy::Reason;
use mandate_proto::v1;
use mandate_tests::{Agent, Denied, Home, denied};
use tonic::Code;

const CAPS: &str = r#"
[[cap]]
per = "day"
spend = "500.00 EUR"
"#;

/// The codes of `mandate.v1`, written down a second time.
fn code(reason: &str) -> Code {
    match reason {
        "AGENT_UNKNOWN"
        | "MERCHANT_NOT_ALLOWED"
        | "ACTION_NOT_ALLOWED"
        | "CURRENCY_NOT_CAPPED"
        | "PRICE_ABOVE_LIMIT"
        | "APPROVAL_DENIED" => Code::PermissionDenied,
        "CAP_EXCEEDED" | "COUNT_EXCEEDED" | "RATE_LIMITED" | "TOO_MANY_UNSETTLED" => {
            Code::ResourceExhausted
        }
        "CART_MALFORMED"
        | "CART_SIGNATURE_INVALID"
        | "CART_MISMATCH"
        | "RECEIPT_INVALID"
        | "FIELD_INVALID"
        | "IDEMPOTENCY_CONFLICT" => Code::InvalidArgument,
        "KEY_UNAVAILABLE" | "LEDGER_UNAVAILABLE" => Code::Unavailable,
        _ => Code::FailedPrecondition,
    }
}

/// As gRPC writes them.
const CODES: [(Code, &str); 5] = [
    (Code::FailedPrecondition, "FAILED_PRECONDITION"),
    (Code::InvalidArgument, "INVALID_ARGUMENT"),
    (Code::PermissionDenied, "PERMISSION_DENIED"),
    (Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
    (Code::Unavailable, "UNAVAILABLE"),
];

/// What was met, in order.
#[derive(Default)]
struct Met {
    reasons: BTreeSet<String>,
}

impl Met {
    #[track_caller]
    fn expect<T: std::fmt::Debug>(
        &mut self,
        reason: &str,
        answer: Result<T, tonic::Status>,
    ) -> Denied {
        let denied = denied(answer);
        assert_eq!((denied.reason.as_str(), denied.code), (reason, code(reason)), "{denied:?}");
        assert!(denied.metadata.contains_key("retryable"), "{denied:?}");
        assert!(denied.message.len() > 10, "{denied:?}");
        self.reasons.insert(denied.reason.clone());
        denied
    }
}

#[tokio::test]
async fn every_reason_is_met_by_its_fault_alone() {
    if Home::new().is_none() {
        return;
    }
    let mut met = Met::default();
    asks::requests(&mut met).await;
    asks::rules(&mut met).await;
    carts::carts(&mut met).await;
    carts::times(&mut met).await;
    merchants::receipts(&mut met).await;
    merchants::forks(&mut met).await;
    merchants::unsettled(&mut met).await;
    wallet::frozen(&mut met).await;
    wallet::strangers(&mut met).await;
    wallet::without_a_key(&mut met).await;
    wallet::full_disk(&mut met).await;
    wallet::damaged_ledger(&mut met).await;
    wallet::rate(&mut met).await;
    let all: BTreeSet<String> = Reason::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(met.reasons, all);
}

/// What agent builders read names every reason, under its code.
#[test]
fn the_manual_and_the_contract_list_every_reason_under_its_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let read = |path| fs::read_to_string(root.join(path)).expect("a text");
    let (manual, contract) = (read("docs/api.md"), read("proto/mandate/v1/wallet.proto"));
    let (mut listed, mut under) = (BTreeMap::new(), "");
    for line in contract.lines().map_while(|line| line.strip_prefix("//")) {
        for word in line.split_whitespace() {
            if CODES.iter().any(|(_, name)| *name == word) {
                under = word;
            } else if Reason::ALL.iter().any(|reason| reason.to_string() == word) {
                // The first word about a reason is its place in the table.
                listed.entry(word).or_insert(under);
            }
        }
    }
    for reason in Reason::ALL.iter().map(ToString::to_string) {
        let code = code(&reason);
        let (_, name) = CODES.iter().find(|(known, _)| *known == code).expect("a code");
        assert!(manual.contains(&format!("| `{reason}` | {name} |")), "docs/api.md: {reason}");
        assert_eq!(listed.get(reason.as_str()), Some(name), "wallet.proto: {reason}");
    }
}

fn home(rules: &str) -> Home {
    let home = Home::new().expect("a keyring, as before");
    home.write(&home.toml(rules));
    home
}

fn ask(change: impl FnOnce(&mut v1::MintIntentRequest)) -> v1::MintIntentRequest {
    let mut ask = Agent::book_room();
    change(&mut ask);
    ask
}
