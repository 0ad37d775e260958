//! The texts that another side's export keeps: what it may have been handed by us.

use std::path::Path;

use mandate_audit::Export;
use serde_json::Value;

use super::keys;
use crate::failure::{Failure, chain};

/// The file of an export that names its owner's key.
const KEY_FILE: &str = "key";

/// Every text of an export's entries that may be a token, in order, with the entry it is in.
///
/// The export is believed to be its own owner's and no more: whoever reads a token looks at its signature.
///
/// # Errors
///
/// [`Failure::Check`] if the folder is no export that its own key signed, or not whole.
pub fn tokens(dir: &Path) -> Result<Vec<(u64, String)>, Failure> {
    let keys = keys::read(&[dir.join(KEY_FILE).display().to_string()])?;
    let bad = |error| Failure::Check(format!("{}: {}", dir.display(), chain(&error)));
    let export = Export::open(dir, &keys).map_err(bad)?;
    let mut found = Vec::new();
    export
        .verify(|link, _| {
            let Ok(Value::Object(members)) = serde_json::from_str(link.entry.body) else { return };
            let texts = members.into_iter().filter_map(|(_, value)| match value {
                Value::String(text) if is_like_a_token(&text) => Some(text),
                _ => None,
            });
            found.extend(texts.map(|text| (link.entry.seq, text)));
        })
        .map_err(bad)?;
    Ok(found)
}

fn is_like_a_token(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').count() == 2
}
