//! The help of every command, frozen in a file, and what a wrong call is told.

use std::fmt::Write as _;
use std::fs::File;
use std::process::Stdio;

use crate::desk::{Said, bare, said, start};
use crate::mask::assert_golden;

/// Every command; what is not in this list does not exist.
const COMMANDS: [&str; 39] = [
    "",
    "init",
    "key",
    "key show",
    "status",
    "metrics",
    "budget",
    "statement",
    "explain",
    "intent",
    "pay",
    "receipt",
    "freeze",
    "thaw",
    "approvals",
    "approve",
    "deny",
    "lock",
    "unlock",
    "holds",
    "settle",
    "merchant",
    "merchant add",
    "merchant list",
    "config",
    "config check",
    "config diff",
    "audit",
    "audit log",
    "audit show",
    "audit verify",
    "audit export",
    "audit prove",
    "audit check",
    "audit reconcile",
    "backup",
    "restore",
    "doctor",
    "help",
];

fn mandate(arguments: &str) -> Said {
    let mut command = bare();
    command.env("HOME", "/nowhere").args(arguments.split_whitespace());
    said(command)
}

#[test]
fn the_help_of_every_command_is_as_it_was() {
    let mut shown = String::new();
    let mut everywhere = String::new();
    for command in COMMANDS.into_iter().filter(|command| *command != "help") {
        let help = mandate(&format!("{command} --help")).yes();
        assert_eq!(mandate(&format!("help {command}")).yes(), help, "{command}");
        // The same for every command, and shown once.
        let (start, rest) = help.split_once("Options for every command:\n").expect("a heading");
        let (options, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
        if everywhere.is_empty() {
            options.trim_end().clone_into(&mut everywhere);
            writeln!(shown, "Options for every command:\n{everywhere}\n").expect("text");
        }
        assert_eq!(options.trim_end(), everywhere, "{command}");
        let title = format!("$ mandate {command} --help").replace("  ", " ");
        writeln!(shown, "{title}\n{}\n\n{after}", start.trim_end()).expect("text");
    }
    assert_golden("help.txt", &shown);
}

#[test]
fn the_help_names_every_command_and_no_other() {
    let named = |help: &str| {
        let (_, list) = help.split_once("Commands:\n").expect("a list");
        let lines = list.lines().take_while(|line| !line.is_empty());
        lines
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let mut found = vec![String::new()];
    for command in named(&mandate("--help").yes()) {
        found.push(command.clone());
        let help = mandate(&format!("help {command}")).yes();
        if help.contains("Commands:\n") && command != "help" {
            let below = named(&help).into_iter().filter(|below| below != "help");
            found.extend(below.map(|below| format!("{command} {below}")));
        }
    }
    assert_eq!(found, COMMANDS);
}

#[test]
fn the_version_is_told() {
    let version = concat!("mandate ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(mandate("--version").yes(), version);
}

#[test]
fn a_wrong_call_is_exit_2_and_told_the_way_out() {
    let wrong = [
        ("", "Usage: mandate"),
        ("freez", "'freeze'"),
        ("--jsn status", "'--json'"),
        ("settle --merchant Lux", "holds 'L'"),
        ("merchant add", "<URL>"),
        ("merchant add lux.example", "does not start with https://"),
        ("merchant add https://ada:pw@lux.example", "names a user"),
        ("merchant add https://lux.example --yes", "whoever answers at that URL could be anyone"),
        ("merchant add https://lux.example --fingerprint x", "is not 32 bytes"),
        ("merchant add https://lux.example --day-cap 100", "for '--day-cap <AMOUNT>'"),
        ("merchant add http://lux.example", "--insecure-http"),
        ("key rotate", "unrecognized subcommand 'rotate'"),
        ("status now", "unexpected argument 'now'"),
        ("explain", "--merchant <ID>"),
        ("explain --merchant Lux --action x", "holds 'L'"),
        ("explain --merchant lux --action x --amount 180", "for '--amount <AMOUNT>'"),
        ("statement --month 2026-13", "is no month; write it as 2026-11"),
        ("budget --currency euro", "three capital letters, as in EUR"),
        ("intent --merchant a --action b --quantity 0", "1..=1000"),
        ("intent --merchant a --action b --body x", "--request <METHOD TARGET>"),
        ("intent --merchant a --action b --request POST", "as in \"POST /bookings\""),
        ("pay", "<FILE>"),
        ("pay /nowhere", "cannot read /nowhere"),
        ("pay eyJhbGci.eyJpc3Mi.c2ln", "pass - for standard input"),
        ("receipt eyJhbGci.eyJpc3Mi.c2ln", "pass - for standard input"),
        ("thaw --agent a --merchant b", "cannot be used with"),
        ("thaw --clock --agent a", "cannot be used with"),
        ("audit log --kind purchase", "intent, approval_request, approval, payment"),
        ("audit log --since yesterday", "24h, 7d, a day as 2026-11-24"),
        ("audit log --all --limit 3", "cannot be used with"),
        ("audit show abc", "no jti (22 characters"),
        ("config diff", "<FILE>"),
        ("init --store keyutil", "auto, secret-service, keyutils or credential"),
        ("init --account Ada!", "for '--account <NAME>'"),
        ("status", "--runtime-dir"),
        ("config check", "/nowhere/.config/mandate/wallet.toml does not exist; run `mandate init`"),
        ("audit log", "there is no ledger at /nowhere/.local/state/mandate/wallet.db"),
    ];
    for (arguments, told) in wrong {
        let err = mandate(arguments).refused(2);
        assert!(err.contains(told), "mandate {arguments}: {told:?} is not in {err}");
    }
}

#[test]
fn without_a_home_each_place_has_to_be_named() {
    let told = |arguments: &[&str]| {
        let mut command = bare();
        command.args(arguments);
        said(command).refused(2)
    };
    assert_eq!(told(&["status"]), "error: neither --config nor HOME is set; pass --config\n");
    let err = told(&["status", "--config", "/nowhere/wallet.toml"]);
    assert_eq!(err, "error: neither --state-dir nor HOME is set; pass --state-dir\n");
}

#[test]
fn an_answer_that_cannot_be_written_is_no_yes() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let mut command = bare();
    command.arg("--version").stdout(full).stderr(Stdio::piped());
    let said: Said = start(&mut command).wait_with_output().expect("an end").into();
    assert_eq!(said.code, Some(1));
    assert!(said.err.starts_with("error: cannot write the answer: "), "{}", said.err);
}
