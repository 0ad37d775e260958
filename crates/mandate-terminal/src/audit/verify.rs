//! `audit verify DIR`: whether an export is whole, and signed by a key that is believed.

use std::path::{Path, PathBuf};

use clap::Args;
use mandate::{Head, Root};
use mandate_audit::{Export, ExportError, Log};
use serde::Serialize;

use super::keys;
use crate::failure::{Failure, chain};
use crate::ui::{Ui, counted};

/// What is checked; without a folder, the journal itself.
#[derive(Debug, Args)]
pub struct Arguments {
    /// An export to check instead of the journal
    #[arg(value_name = "DIR", requires = "keys")]
    pub dir: Option<PathBuf>,
    /// A public key that may have signed the export: a JWK, a `did:key`, a verifier key, or a file that holds one; after
    /// the name of its log and `=`, for that log alone
    #[arg(long = "key", value_name = "JWK", requires = "dir")]
    pub keys: Vec<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'v> {
    Whole { whole: bool, log: &'v Log, size: u64, root: Root, key: String },
    Broken { whole: bool, fault: &'v str },
}

/// Checks an export; what does not fit is a failed check.
///
/// # Errors
///
/// [`Failure`].
pub fn run(dir: &Path, keys: &[String], ui: &mut Ui<'_>) -> Result<(), Failure> {
    let keys = keys::read(keys)?;
    let whole = Export::open(dir, &keys).and_then(|export| {
        export.verify(|_, _| ())?;
        Ok(export)
    });
    match whole {
        Ok(export) => {
            let Head { size, root } = export.head();
            let (log, key) = (export.log(), export.key().id().to_string());
            ui.answer(&Answer::Whole { whole: true, log, size, root, key: key.clone() }, |ui| {
                let entries = counted(size, "entry", "entries");
                ui.line(format_args!(
                    "the export of {log} is whole: {entries}, root {root}, signed by {key}"
                ))
            })
        }
        Err(error @ ExportError::Open { .. }) => Err(Failure::Config(chain(&error))),
        Err(error) => {
            let fault = chain(&error);
            if ui.is_json() {
                ui.document(&Answer::Broken { whole: false, fault: &fault })?;
                return Err(Failure::Said);
            }
            let is_open = matches!(error, ExportError::KeyUndecided { .. });
            let verdict = if is_open { "is not believed" } else { "is not whole" };
            Err(Failure::Check(format!("the export {verdict}: {fault}")))
        }
    }
}
