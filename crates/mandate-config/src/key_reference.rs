//! `[key]`: which key of which store signs.

use mandate::Sku;

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::report::{Read, Report};
use crate::table::Table;
use crate::value::{id, one_of};

/// The key's name in its store if nothing else is said.
const ACCOUNT: &str = "default";

/// Which key of which store signs. What it names is not checked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReference {
    /// The store.
    pub store: KeyStore,
    /// The key's name there: `[a-z0-9][a-z0-9._-]{0,63}`.
    pub account: String,
}

/// The stores that `[key]` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStore {
    /// The Secret Service if there is one, else the kernel keyring.
    Auto,
    /// A systemd credential.
    Credential,
    /// The kernel keyring.
    Keyutils,
    /// The desktop's keyring.
    SecretService,
}

impl KeyStore {
    /// Every store, in the order in which they are explained to people.
    pub const ALL: [Self; 4] = [Self::Auto, Self::SecretService, Self::Keyutils, Self::Credential];

    /// As the file spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Credential => "credential",
            Self::Keyutils => "keyutils",
            Self::SecretService => "secret-service",
        }
    }
}

/// Reads the `[key]` table of a file; what is left out of it, or all of it, has its default.
///
/// # Errors
///
/// Those of [`Table::open`] and [`id`]; [`FaultKind::Store`] is noted if there is no such store.
pub fn key_reference<F: OwnFault>(
    root: &Table<'_>,
    report: &mut Report<'_, F>,
) -> Read<KeyReference> {
    let key = root.optional("key", report, |item, report| {
        let known = &["store", "account"];
        let table = Table::open(item, known, "a table under the header [key]", report)?;
        let store = table.optional("store", report, store);
        let account = table.optional("account", report, |item, report| {
            // Any id will do: they all have the one form.
            id::<Sku, F>(item, report).map(String::from)
        });
        let (store, account) = (store?, account?);
        Ok(KeyReference {
            store: store.unwrap_or(KeyStore::Auto),
            account: account.unwrap_or_else(|| ACCOUNT.to_owned()),
        })
    })?;
    let default = || KeyReference { store: KeyStore::Auto, account: ACCOUNT.to_owned() };
    Ok(key.unwrap_or_else(default))
}

fn store<F: OwnFault>(item: &Item<'_>, report: &mut Report<'_, F>) -> Read<KeyStore> {
    one_of(item, report, &KeyStore::ALL, KeyStore::as_str, FaultKind::Store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;
    use crate::testing::TestFault;

    fn key(text: &str) -> Result<KeyReference, String> {
        let key = parse::<_, TestFault>(text, &["key"], |root, report| key_reference(root, report));
        key.map_err(|faults| faults.to_string())
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let default = KeyReference { store: KeyStore::Auto, account: "default".to_owned() };
        assert_eq!(key(""), Ok(default.clone()));
        assert_eq!(key("[key]"), Ok(default));
        let named = "[key]\nstore = \"keyutils\"\naccount = \"shop\"\n";
        let told = KeyReference { store: KeyStore::Keyutils, account: "shop".to_owned() };
        assert_eq!(key(named), Ok(told));
    }

    #[test]
    fn every_store_has_its_name_and_no_other_is_taken() {
        for store in KeyStore::ALL {
            let text = format!("[key]\nstore = \"{}\"\n", store.as_str());
            assert_eq!(key(&text).map(|key| key.store), Ok(store));
        }
        let told = key("[key]\nstore = \"keyutil\"\n");
        assert!(told.is_err_and(|told| told.ends_with("(did you mean \"keyutils\"?)")));
    }
}
