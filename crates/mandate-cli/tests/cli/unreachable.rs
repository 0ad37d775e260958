//! A wallet that is not there: exit code 3, and the way to start it.

use std::fs;
use std::os::unix::net::UnixListener;

use crate::desk::{CAPS, Desk};

/// Everything that needs the running wallet.
const NEEDS_IT: [&str; 14] = [
    "status",
    "metrics",
    "budget",
    "explain --merchant lux-hotels --action book_room",
    "intent --merchant lux-hotels --action book_room",
    "pay CART",
    "receipt CART",
    "freeze",
    "thaw --yes",
    "thaw --clock --yes",
    "lock",
    "unlock --yes",
    "holds",
    "settle",
];

#[test]
fn a_wallet_that_does_not_run_is_exit_3() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    let cart = desk.file("cart", "e30.e30.e30");
    let assert_unreachable = |way_out: &str| {
        for needs_it in NEEDS_IT {
            for form in ["", " --json"] {
                let arguments = format!("{}{form}", needs_it.replace("CART", &cart));
                let err = desk.mandate(&arguments).refused(3);
                assert!(err.starts_with("error: cannot reach the wallet on /"), "{err}");
                assert!(err.contains(way_out), "{arguments}: {err}");
            }
        }
    };
    assert_unreachable("no wallet is running there; start it with `mandated`");
    // What a killed wallet leaves behind.
    fs::create_dir(desk.home.paths.runtime_dir()).expect("a folder");
    for socket in [desk.home.paths.wallet_socket(), desk.home.paths.control_socket()] {
        drop(UnixListener::bind(socket).expect("a socket"));
    }
    assert_unreachable("the wallet that made this socket has ended; start it with `mandated`");
}

#[test]
fn what_reads_files_needs_no_wallet() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    for reads in ["key show", "merchant list", "config check", "audit log", "audit verify"] {
        desk.mandate(reads).yes();
        desk.mandate(&format!("{reads} --json")).json(0);
    }
}
