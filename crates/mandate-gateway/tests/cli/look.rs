//! What the operator and the auditor are shown: every table frozen in a file, every document by the names of its
//! members, and both the same while the gateway runs and while it is stopped.

use std::fmt::Write as _;

use mandate_tests::golden::member_names;

use crate::shop::{Lived, Shop, assert_golden};

/// Everything that shows facts; `BOOKED`, `WAITS` and `BARRED` stand for payments, `JTI` for the id of the first.
const LOOKS: [&str; 13] = [
    "config check",
    "resolve",
    "audit log",
    "audit log --kind receipt",
    "audit log --action search_rooms",
    "audit log --principal nobody",
    "audit log --from 2 --limit 2",
    "audit show BOOKED",
    "audit show JTI",
    "audit show WAITS",
    "audit show BARRED",
    "audit show 0",
    "audit verify",
];

fn look(pattern: &str, lived: &Lived) -> String {
    pattern
        .replace("BOOKED", &lived.booked.hash().to_string())
        .replace("BARRED", &lived.barred.hash().to_string())
        .replace("WAITS", &lived.waits.hash().to_string())
        .replace("JTI", &lived.booked.claims().jti.to_string())
}

#[test]
fn every_table_is_as_it_was_running_or_stopped() {
    let Some(mut shop) = Shop::closed() else { return };
    let lived = shop.live();
    let shown = |shop: &Shop| {
        let mut shown = String::new();
        for pattern in LOOKS {
            let said = shop.gateway(&look(pattern, &lived));
            assert_eq!(said.err, "", "{pattern}");
            let (out, code) = (said.out, said.code.expect("an exit code"));
            write!(shown, "$ mandate-gateway {pattern}\n{out}[exit code {code}]\n\n")
                .expect("text");
        }
        shop.masked(&shown)
    };
    let stopped = shown(&shop);
    assert_golden("looks.txt", &stopped);
    shop.open();
    assert_eq!(shown(&shop), stopped);
}

#[test]
fn every_document_keeps_the_names_of_its_members() {
    let Some(shop) = Shop::closed() else { return };
    let lived = shop.live();
    let mut shown = String::new();
    for pattern in LOOKS {
        let said = shop.gateway(&format!("{} --json", look(pattern, &lived)));
        let document = said.json(0);
        write!(shown, "mandate-gateway {pattern} --json\n{}\n", member_names(&document))
            .expect("text");
    }
    assert_golden("members.txt", &shown);
}

/// Everything that does something, in this order; `WAITS` stands for a payment and `DID` for a principal.
const DEEDS: [&str; 9] = [
    "resolve WAITS --executed --order LUX-9 --yes",
    "resolve WAITS --executed",
    "resolve WAITS --void",
    "resolve",
    "principal add DID --account newcomer",
    "principal add DID",
    "clock confirm --yes",
    "audit log --from 13",
    "doctor",
];

#[test]
fn every_deed_is_told_as_it_was_running_or_stopped() {
    let mut shown = String::new();
    for runs in [false, true] {
        let Some(mut shop) = Shop::closed() else { return };
        let lived = shop.live();
        if runs {
            shop.open();
        }
        writeln!(shown, "# The gateway {}.\n", if runs { "runs" } else { "is stopped" })
            .expect("text");
        for pattern in DEEDS {
            let did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
            let said = shop.gateway(&look(pattern, &lived).replace("DID", did));
            let (out, code) = (machineless(&said.out), said.code.expect("an exit code"));
            let err = said.err;
            write!(shown, "$ mandate-gateway {pattern}\n{out}{err}[exit code {code}]\n\n")
                .expect("text");
        }
        shown = shop.masked(&shown);
    }
    assert_golden("deeds.txt", &shown);
}

/// Without what a doctor finds of the machine that the tests run on.
fn machineless(text: &str) -> String {
    let mut is_dropped = false;
    let kept = text.lines().filter(|line| {
        if !line.starts_with(' ') {
            let check = line.split_whitespace().nth(1);
            is_dropped = matches!(check, Some("disk" | "memory" | "ntp" | "unit"));
        }
        !is_dropped
    });
    kept.fold(String::new(), |text, line| text + line + "\n")
}
