//! Adds a principal to the text of a `gateway.toml`, and leaves everything else as people wrote it.

use mandate::key::Jwk;
use mandate::{KeyId, PrincipalId};
use thiserror::Error;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::fault::Faults;
use super::{Principal, Settings};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Why a principal is not added.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// The file cannot be changed where it stands.
    #[error("the file cannot be edited; add the principal by hand")]
    Edit(#[source] toml_edit::TomlError),
    /// The file is bad, or would be; the lines are those of the file as it would be.
    #[error(transparent)]
    File(#[from] Faults),
    /// A key signs for another principal already.
    #[error("the key {key} is listed for {principal}; a key has one principal")]
    KeyListed {
        /// The key.
        key: KeyId,
        /// Whose it is.
        principal: PrincipalId,
    },
    /// It is in the file.
    #[error(
        "{principal} is listed already, and nothing was changed; edit its [[principal]] to change it"
    )]
    Listed {
        /// The principal.
        principal: PrincipalId,
    },
}

impl Settings {
    /// Adds a principal to the text of a good `gateway.toml`. Every comment and the order stay; the new text is good.
    ///
    /// `keys` is left out where it is the one in the id.
    ///
    /// # Errors
    ///
    /// [`EnrolError::Listed`] and [`EnrolError::KeyListed`] if it is there; [`EnrolError::File`] if the text is bad, or
    /// would be.
    pub fn enrol(
        text: &str,
        id: &PrincipalId,
        principal: &Principal,
    ) -> Result<String, EnrolError> {
        Self::parse(text)?.check_new(id, principal)?;
        let mut document: DocumentMut = text.parse().map_err(EnrolError::Edit)?;
        add(&mut document, id, principal);
        let text = as_before(text, &document.to_string());
        Self::parse(&text)?;
        Ok(text)
    }

    fn check_new(&self, id: &PrincipalId, principal: &Principal) -> Result<(), EnrolError> {
        for (listed, known) in &self.enrolment.principals {
            if listed == id {
                return Err(EnrolError::Listed { principal: id.clone() });
            }
            let mut keys = principal.keys.iter().map(mandate::PublicKey::id);
            if let Some(key) = keys.find(|key| known.keys.key(key).is_some()) {
                return Err(EnrolError::KeyListed { key, principal: listed.clone() });
            }
        }
        Ok(())
    }
}

/// Puts a principal behind the last one, or at the end.
fn add(document: &mut DocumentMut, id: &PrincipalId, principal: &Principal) {
    let entries = entries(id, principal);
    match document.get_mut("principal") {
        Some(Item::ArrayOfTables(tables)) => tables.push(table(entries, "\n")),
        // `principal = [{ … }]`
        Some(Item::Value(Value::Array(list))) => list.push(InlineTable::from_iter(entries)),
        _ => {
            // What stands behind the last table belongs before the new one.
            let before = document.trailing().as_str().unwrap_or_default().to_owned();
            document.set_trailing("");
            let mut tables = ArrayOfTables::new();
            tables.push(table(entries, &format!("{before}\n")));
            document.insert("principal", Item::ArrayOfTables(tables));
        }
    }
}

fn entries(id: &PrincipalId, principal: &Principal) -> Vec<(&'static str, Value)> {
    let Principal { keys, account } = principal;
    let mut entries = vec![("id", Value::from(id.as_str()))];
    if !id.did_key().is_some_and(|own| keys.iter().eq([&own])) {
        let keys = keys.iter().map(|key| {
            let Jwk { kty, crv, x } = key.into();
            InlineTable::from_iter([("kty", kty), ("crv", crv), ("x", x)])
        });
        entries.push(("keys", keys.collect::<Array>().into()));
    }
    entries.extend(account.as_ref().map(|account| ("account", Value::from(account.as_str()))));
    entries
}

fn table(entries: Vec<(&'static str, Value)>, before: &str) -> Table {
    let mut table = Table::from_iter(entries);
    table.decor_mut().set_prefix(before);
    table
}

/// The new text with the byte order mark and the line ends of the old one, which `toml_edit` does not keep; in a file of
/// mixed line ends, all become those of its first line.
fn as_before(old: &str, new: &str) -> String {
    let mark = if old.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK } else { "" };
    let of_windows = old.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n"));
    let line_end = if of_windows { "\r\n" } else { "\n" };
    format!("{mark}{}", new.replace('\n', line_end))
}
