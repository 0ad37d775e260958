//! A statement as the command line writes it, and the values that its page carries.

use std::ffi::OsString;
use std::path::Path;

use mandate::UnixSeconds;
use mandate_cli::Session;
use mandate_tests::Said;

/// Runs the command line in this process, at this second.
pub fn mandate(config: &Path, state_dir: &Path, now: u64, arguments: &[&str]) -> Said {
    let places = [
        OsString::from("mandate"),
        "--config".into(),
        config.into(),
        "--state-dir".into(),
        state_dir.into(),
    ];
    let arguments = places.into_iter().chain(arguments.iter().map(OsString::from));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let session = Session {
        input: &mut std::io::empty(),
        input_is_terminal: false,
        out: &mut out,
        err: &mut err,
        now: UnixSeconds::new(now).expect("a moment"),
    };
    let code = mandate_cli::run(arguments, session);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = if code == std::process::ExitCode::SUCCESS { Some(0) } else { None };
    Said { code, out: text(out), err: text(err) }
}

/// An element of a page: its name and its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element<'p> {
    pub name: &'p str,
    attributes: Vec<(&'p str, &'p str)>,
}

impl<'p> Element<'p> {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&'p str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// The start tags of a page, in order. Attributes are quoted, as our pages and a browser's dump have them.
pub fn elements(page: &str) -> Vec<Element<'_>> {
    page.split('<').skip(1).filter_map(element).collect()
}

fn element(tag: &str) -> Option<Element<'_>> {
    let end = tag.find(|c: char| !c.is_ascii_alphanumeric())?;
    let (name, mut rest) = tag.split_at(end);
    if name.is_empty() {
        return None;
    }
    let mut attributes = Vec::new();
    while let Some((key, after)) = rest.split_once("=\"") {
        if key.contains('>') {
            break;
        }
        let (value, after) = after.split_once('"')?;
        attributes.push((key.trim(), value));
        rest = after;
    }
    Some(Element { name, attributes })
}

/// One amount of a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    /// What it adds up.
    pub sum: String,
    /// Of which merchant and action; nothing for a whole currency or a single line.
    pub of: Option<(String, String)>,
    /// Whether it is of everything in its currency.
    pub is_of_a_currency: bool,
    /// What became of the one payment that it is of.
    pub fate: Option<String>,
    pub currency: String,
    pub minor: u64,
}

/// Every amount of a page, in order.
pub fn amounts(page: &str) -> Vec<Amount> {
    let mut row = None;
    let mut amounts = Vec::new();
    for element in elements(page) {
        match element.name {
            "tr" => row = Some(element),
            "section" => row = None,
            _ => {
                let Some(minor) = element.attribute("data-minor") else { continue };
                let of_row = |name: &str| Some(row.as_ref()?.attribute(name)?.to_owned());
                let text = |name: &str| element.attribute(name).expect("a name").to_owned();
                amounts.push(Amount {
                    sum: text("data-sum"),
                    of: of_row("data-merchant").zip(of_row("data-action")),
                    is_of_a_currency: of_row("data-total").is_some(),
                    fate: of_row("data-fate"),
                    currency: text("data-currency"),
                    minor: minor.parse().expect("a number"),
                });
            }
        }
    }
    amounts
}
