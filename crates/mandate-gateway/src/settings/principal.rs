//! `[[principal]]` and `enrolment`: whose mandates are accepted.

use std::collections::BTreeMap;

use mandate::{KeyId, KeySet, PrincipalId, PrincipalRole, PublicKey};
use mandate_config::{Item, Read, Table, each, id, key_set, name, once, one_of};

use super::fault::{GatewayFault, KEY, PRINCIPAL, Report};
use super::{Enrolment, Principal};

const PRINCIPAL_KEYS: &[&str] = &["id", "keys", "account"];

/// Where ids and keys stand that are listed already.
#[derive(Debug, Default)]
struct Seen {
    ids: BTreeMap<PrincipalId, usize>,
    keys: BTreeMap<KeyId, usize>,
}

/// Reads whose mandates are accepted; nobody's, if nothing is said.
pub(super) fn enrolment(root: &mut Table<'_>, report: &mut Report<'_>) -> Read<Enrolment> {
    let open = root.optional("enrolment", report, |item, report| {
        let words = &["listed", "open"];
        let word = one_of(item, report, words, |word| word, GatewayFault::EnrolmentUnknown)?;
        Ok(word == "open")
    });
    let items = root.tables("principal", "each under a header [[principal]]", report);
    let (open, items) = (open.map(|open| open.unwrap_or(false)), items?);
    let mut seen = Seen::default();
    let (principals, all) = each(&items, report, |item, report| principal(item, &mut seen, report));
    all?;
    Ok(Enrolment { principals: principals.into_iter().collect(), open: open? })
}

fn principal(
    item: &Item<'_>,
    seen: &mut Seen,
    report: &mut Report<'_>,
) -> Read<(PrincipalId, Principal)> {
    let expected = "a table under the header [[principal]]";
    let mut table = Table::open(item, PRINCIPAL_KEYS, expected, report)?;
    let id: Read<PrincipalId> = table.required("id", "id = \"did:key:…\"", report, id);
    let keys = keys(&mut table, id.as_ref().map_err(|reported| *reported), report);
    let account = table.optional("account", report, name);
    // A principal that stands twice has its keys twice; that is not another fault.
    if let Ok(id) = &id {
        once(&mut seen.ids, id.clone(), table.item("id").as_ref(), PRINCIPAL, report)?;
    }
    let keys = keys?;
    for key in keys.iter() {
        let at = place(key, &table, report).or_else(|| table.item("id"));
        once(&mut seen.keys, key.id(), at.as_ref(), KEY, report)?;
    }
    Ok((id?, Principal { keys, account: account? }))
}

/// Reads the keys that sign for a principal; a `did:key` is one itself, as long as no others are given in its place.
fn keys(
    table: &mut Table<'_>,
    id: Read<&PrincipalId>,
    report: &mut Report<'_>,
) -> Read<KeySet<PrincipalRole>> {
    let read = |item: &Item<'_>, report: &mut Report<'_>| key_set(item, report, "principal");
    match id.map(PrincipalId::did_key) {
        Ok(Some(own)) => {
            let given = table.optional("keys", report, read)?;
            Ok(given.unwrap_or_else(|| KeySet::new([own])))
        }
        Ok(None) => {
            let example = "keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }]; only a did:key has its key in its id";
            table.required("keys", example, report, read)
        }
        Err(reported) => table.optional("keys", report, read)?.ok_or(reported),
    }
}

/// Where a key stands in the list of keys, if there is one.
fn place<'a>(key: &PublicKey, table: &Table<'a>, report: &mut Report<'_>) -> Option<Item<'a>> {
    let keys = table.item("keys")?;
    // The list was read before, so nothing is noted of it here.
    let elements = keys.elements(report, "a list of keys").ok()?;
    let x = key.x();
    let is_it = |element: &Item<'_>| {
        let found = element.value().get("x").and_then(|x| x.get_ref().as_str());
        found.is_some_and(|found| found == x)
    };
    elements.into_iter().find(is_it)
}
