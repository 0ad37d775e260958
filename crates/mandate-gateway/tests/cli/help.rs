//! The help of every command, frozen in a file, and what a wrong call is told.

use std::fmt::Write as _;

use mandate_tests::{Said, bare, said};

use crate::shop::{BINARY, assert_golden};

/// Every command; what is not in this list does not exist.
const COMMANDS: [&str; 21] = [
    "",
    "run",
    "init",
    "config",
    "config check",
    "principal",
    "principal add",
    "resolve",
    "audit",
    "audit log",
    "audit show",
    "audit verify",
    "audit export",
    "audit prove",
    "audit check",
    "audit reconcile",
    "clock",
    "clock confirm",
    "lock",
    "unlock",
    "doctor",
];

fn gateway(arguments: &str) -> Said {
    let mut command = bare(BINARY);
    command.env("HOME", "/nowhere").args(arguments.split_whitespace());
    said(command)
}

#[test]
fn the_help_of_every_command_is_as_it_was() {
    let mut shown = String::new();
    let mut everywhere = String::new();
    for command in COMMANDS {
        let help = gateway(&format!("{command} --help")).yes();
        // The same for every command, and shown once.
        let (start, rest) = help.split_once("Options for every command:\n").expect("a heading");
        let (options, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
        if everywhere.is_empty() {
            options.trim_end().clone_into(&mut everywhere);
            writeln!(shown, "Options for every command:\n{everywhere}\n").expect("text");
        }
        assert_eq!(options.trim_end(), everywhere, "{command}");
        let title = format!("$ mandate-gateway {command} --help").replace("  ", " ");
        writeln!(shown, "{title}\n{}\n\n{after}", start.trim_end()).expect("text");
    }
    assert_golden("help.txt", &shown);
}

#[test]
fn the_help_names_every_command_and_no_other() {
    let named = |help: &str| {
        let (_, list) = help.split_once("Commands:\n").expect("a list");
        let lines = list.lines().take_while(|line| !line.is_empty());
        let words = lines.filter_map(|line| line.split_whitespace().next());
        words.filter(|word| *word != "help").map(str::to_owned).collect::<Vec<_>>()
    };
    let mut found = vec![String::new()];
    for command in named(&gateway("--help").yes()) {
        found.push(command.clone());
        let help = gateway(&format!("help {command}")).yes();
        if help.contains("Commands:\n") {
            found.extend(named(&help).into_iter().map(|below| format!("{command} {below}")));
        }
    }
    assert_eq!(found, COMMANDS);
}

#[test]
fn a_wrong_call_is_exit_2_and_told_the_way_out() {
    let hash = "A".repeat(43);
    let resolve = format!("resolve {hash}");
    let wrong = [
        ("resolv", "'resolve'"),
        ("--jsn doctor", "'--json'"),
        ("resolve abc", "'abc' for '[H]'"),
        ("resolve --executed", "required arguments were not provided"),
        (resolve.as_str(), "--executed, or --void"),
        (&format!("{resolve} --executed --void"), "cannot be used with"),
        (&format!("{resolve} --void --order X"), "cannot be used with"),
        (&format!("{resolve} --executed --reason X"), "cannot be used with"),
        (&format!("{resolve} --order X"), "--executed"),
        ("audit show abc", "no jti (22 characters)"),
        ("audit log --kind purchase", "init, policy, policy_refused, cart, use"),
        ("audit log --since 1h --from 3", "cannot be used with"),
        ("principal add", "<ID_OR_DID>"),
        ("principal add ada", "ada is no did:key, so its key has to be told: pass --key"),
        ("principal add ada --key {}", "missing field"),
        ("init --id Lux", "holds 'L'"),
        ("init --store keyutil --id lux", "auto, secret-service, keyutils or credential"),
        (
            "config check",
            "/nowhere/.config/mandate/gateway.toml does not exist; run `mandate-gateway init`",
        ),
        ("audit verify", "there is no book at /nowhere/.local/state/mandate/gateway.db"),
        ("resolve", "there is no book at /nowhere/.local/state/mandate/gateway.db"),
        ("run", "gateway.toml does not exist"),
        ("", "gateway.toml does not exist"),
    ];
    for (arguments, told) in wrong {
        let err = gateway(arguments).refused(2);
        assert!(err.contains(told), "mandate-gateway {arguments}: {told:?} is not in {err}");
    }
}

#[test]
fn a_hash_may_begin_with_a_hyphen() {
    let hash = format!("-{}", "A".repeat(42));
    let err = gateway(&format!("resolve {hash} --void --yes")).refused(2);
    assert!(err.contains("there is no book"), "{err}");
}

#[test]
fn the_version_is_told() {
    let version = concat!("mandate-gateway ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(gateway("--version").yes(), version);
}
