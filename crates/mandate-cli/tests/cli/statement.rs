//! One month of a wallet as its principal reads it: at a terminal, as a document, and as a page.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use mandate::UnixSeconds;
use mandate_cli::Session;
use mandate_tests::golden::masked;
use mandate_tests::months::{self, LOOKED_AT, Lived};
use mandate_tests::{Said, alone};
use tokio::runtime::Runtime;

use crate::desk::{CAPS, Desk};
use crate::mask::assert_golden;

/// Runs the command line in this process at [`LOOKED_AT`], so that what is current does not change.
fn told(lived: &Lived, arguments: &[&str]) -> Said {
    let (config, state_dir) = (lived.config(), lived.state_dir());
    let places: [&Path; 5] =
        ["mandate".as_ref(), "--config".as_ref(), &config, "--state-dir".as_ref(), &state_dir];
    let places = places.into_iter().map(OsString::from);
    let arguments = places.chain(arguments.iter().map(OsString::from));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let session = Session {
        input: &mut std::io::empty(),
        input_is_terminal: false,
        out: &mut out,
        err: &mut err,
        now: UnixSeconds::new(LOOKED_AT).expect("a moment"),
    };
    let alone = alone();
    let code = mandate_cli::run(arguments, session);
    drop(alone);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: (code == ExitCode::SUCCESS).then_some(0), out: text(out), err: text(err) }
}

fn lived<F: Future<Output = Lived>>(life: F) -> Lived {
    Runtime::new().expect("threads").block_on(life)
}

#[test]
fn a_statement_is_as_it_was() {
    let lived = lived(months::usual());
    let text = told(&lived, &["statement"]).yes();
    assert_golden("statement.txt", &masked(&text));
    assert_eq!(told(&lived, &["statement", "--month", "2026-11"]).yes(), text);
    let json = told(&lived, &["statement", "--json"]).yes();
    assert_golden("statement.json", &masked(&json));
    let page = lived.file("page.html");
    let path = page.to_str().expect("UTF-8");
    let said = told(&lived, &["statement", "--html", path]).yes();
    assert_eq!(said, format!("the statement of November 2026 is in {path}\n"));
    assert_golden("statement.html", &masked(&fs::read_to_string(&page).expect("a page")));
    let october = told(&lived, &["statement", "--month", "2026-10"]).yes();
    assert!(october.contains("all in EUR                    1  240.00 EUR"), "{october}");
}

#[test]
fn a_month_without_anything_says_so() {
    let lived = lived(months::empty());
    let text = told(&lived, &["statement", "--month", "2027-02"]).yes();
    for said in ["Statement of February 2027", "nothing was spent", "nothing was refused", "none"] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
}

#[test]
fn the_page_replaces_nothing_but_a_file() {
    let lived = lived(months::empty());
    let folder = lived.file("");
    let said = told(&lived, &["statement", "--html", folder.to_str().expect("UTF-8")]);
    assert!(said.err.contains("is no regular file; it was not touched"), "{}", said.err);
    let page = lived.file("page.html");
    let path = page.to_str().expect("UTF-8");
    for _again in 0..2 {
        let document = told(&lived, &["statement", "--json", "--html", path]).json(0);
        assert_eq!(document["html"], path);
        assert_eq!(document["month"], "2026-11");
    }
}

#[test]
fn the_file_says_what_the_wallet_said() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.book("180.00 EUR");
    let document = |desk: &Desk| {
        let mut document = desk.mandate("statement --json").json(0);
        document.as_object_mut().expect("an object").remove("made_at");
        document
    };
    let running = document(&desk);
    assert_eq!(running["totals"][0]["held"]["amount"], 18_000);
    assert_eq!(running["policy"]["in_force"], true);
    desk.stop();
    assert_eq!(document(&desk), running);
}
