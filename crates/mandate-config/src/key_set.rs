//! Reads the public keys of a party.

use std::collections::BTreeMap;

use mandate::key::{Jwk, KeyError, Role};
use mandate::{KeySet, PublicKey};

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::list::each;
use crate::once::{Once, once};
use crate::report::{Read, Report};
use crate::table::Table;
use crate::value::text;

/// Reads the keys of a party, each a JWK; `whose` is the party in a message: `merchant`.
///
/// # Errors
///
/// What is wrong with each key is noted; [`FaultKind::KeysEmpty`] if there is none.
pub fn key_set<R: Role, F: OwnFault>(
    item: &Item<'_>,
    report: &mut Report<'_, F>,
    whose: &'static str,
) -> Read<KeySet<R>> {
    let items = item.elements(
        report,
        "a list of keys, as in [{ kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }]",
    )?;
    if items.is_empty() {
        return Err(item.fault(report, FaultKind::KeysEmpty { whose }));
    }
    let mut seen = BTreeMap::new();
    let (keys, all) = each(&items, report, |item, report| {
        let key = public_key(item, report)?;
        once(&mut seen, key.id(), Some(item), Once::KEY, report)?;
        Ok(key)
    });
    all.map(|()| KeySet::new(keys))
}

/// Reads a JWK of exactly `kty`, `crv` and `x`.
///
/// Source: RFC 8037, section 2.
fn public_key<F: OwnFault>(item: &Item<'_>, report: &mut Report<'_, F>) -> Read<PublicKey> {
    let expected = "a key, as in { kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }";
    let mut table = Table::open(item, &["kty", "crv", "x"], expected, report)?;
    let kty = table.required("kty", "kty = \"OKP\"", report, text);
    let crv = table.required("crv", "crv = \"Ed25519\"", report, text);
    let x = table.required("x", "x = \"…\", the public key in base64url", report, text);
    let (kty, crv, x) = (kty?, crv?, x?);
    let jwk = Jwk { kty: kty.to_owned(), crv: crv.to_owned(), x: x.to_owned() };
    PublicKey::try_from(jwk).map_err(|error| {
        let wrong = match error {
            KeyError::Type if kty != "OKP" => "kty",
            KeyError::Type => "crv",
            _ => "x",
        };
        table.item(wrong).as_ref().unwrap_or(item).fault(report, error)
    })
}

#[cfg(test)]
mod tests {
    use mandate::PrincipalRole;

    use super::*;
    use crate::testing::read;

    /// Source: RFC 8037, appendix A.2.
    const KEY: &str =
        r#"{ kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }"#;

    #[test]
    fn a_list_of_keys_belongs_to_the_party_that_is_asked_for() {
        let keys = |value: &str| {
            let keys =
                read(value, |item, report| key_set::<PrincipalRole, _>(item, report, "principal"));
            keys.map(|keys| keys.iter().count())
        };
        assert_eq!(keys(&format!("[{KEY}]")), Ok(1));
        let empty = "1:9: field: is empty; without a key nothing of this principal could be verified: list the public key that it publishes";
        assert_eq!(keys("[]"), Err(empty.to_owned()));
        let twice = keys(&format!("[{KEY}, {KEY}]"));
        let told = "field[2]: this key is listed already on line 1; remove one of the two";
        assert!(twice.is_err_and(|found| found.ends_with(told)));
        assert!(keys(r#"[{ kty = "RSA" }]"#).is_err_and(|found| found.lines().count() == 2));
    }
}
