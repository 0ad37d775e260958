//! What `mandate merchant add` wrote, and whether the running wallet goes by it.

use mandate::{KeyId, MerchantId, Money, PolicyDigest, Sku};
use serde::Serialize;

use super::block::Block;
use crate::failure::{Failure, chain};
use crate::places::Places;
use crate::ui::Ui;
use crate::wallet::Control;
use crate::wallet_file::WalletFile;

/// What was written, and whether it counts.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a MerchantId,
    url: &'a str,
    keys: Vec<KeyId>,
    free: Vec<&'a Sku>,
    paid: Vec<&'a Sku>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day_cap: Option<Money>,
    config: String,
    in_force: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
}

/// Whether the running wallet goes by the new file.
pub(super) enum Force {
    /// It does.
    Now,
    /// None runs that could be asked.
    Later(String),
    /// One runs and does not.
    No(String),
}

/// Has the running wallet read the file, and checks that it is this one.
pub(super) fn put_in_force(places: &Places, text: &str) -> Force {
    let control = match Control::connect(places) {
        Ok(control) => control,
        Err(Failure::Denied(denial)) => return Force::No(denial.message),
        Err(failure) => return Force::Later(chain(&failure)),
    };
    match control.reload() {
        Ok(told) if told.policy_digest == PolicyDigest::of(text.as_bytes()).to_string() => {
            Force::Now
        }
        Ok(_) => {
            let path = control.status().map(|status| status.config_path).unwrap_or_default();
            Force::No(format!("the running wallet goes by another file: {path}"))
        }
        Err(failure) => Force::No(chain(&failure)),
    }
}

/// Says what was written; a wallet that runs and does not obey it is a failure.
pub(super) fn tell(
    block: &Block<'_>,
    file: &WalletFile,
    force: &Force,
    ui: &mut Ui<'_>,
) -> Result<(), Failure> {
    let Block { id, url, keys, free, paid, day_cap } = block;
    let answer = Answer {
        id,
        url,
        keys: keys.iter().map(mandate::PublicKey::id).collect(),
        free: free.clone(),
        paid: paid.clone(),
        day_cap: *day_cap,
        config: file.path().display().to_string(),
        in_force: matches!(force, Force::Now),
        problem: match force {
            Force::Now => None,
            Force::Later(problem) | Force::No(problem) => Some(problem),
        },
    };
    ui.answer(&answer, |ui| {
        ui.line(format_args!("added {id} to {}", answer.config))?;
        match (&force, day_cap) {
            (Force::Now, Some(cap)) => ui.line(format_args!(
                "it is in force: at most {cap} in a day, for every listed agent"
            )),
            (Force::Now, None) => ui.line("it is in force, for every listed agent"),
            (Force::Later(_), _) => {
                ui.line("no wallet runs that could be told; it is in force once mandated starts")
            }
            (Force::No(_), _) => Ok(()),
        }
    })?;
    match force {
        Force::Now | Force::Later(_) => Ok(()),
        Force::No(_) if ui.is_json() => Err(Failure::Said),
        Force::No(problem) => {
            Err(Failure::Check(format!("it was written and is not in force: {problem}")))
        }
    }
}
