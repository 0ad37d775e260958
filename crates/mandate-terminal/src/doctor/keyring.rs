//! Whether the key is still there tomorrow.

use mandate_keys::StoreKind;

use super::Finding;

/// What becomes of a key in this store.
#[must_use]
pub fn keyring(store: StoreKind) -> Finding {
    let detail = format!("{store}: {}", store.durability());
    if store.is_volatile() {
        let way_out = "choose the Secret Service on a desktop, a systemd credential on a server; a key that is there stays where it is";
        Finding::warn("keyring", detail, way_out)
    } else {
        Finding::ok("keyring", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_store_that_forgets_is_a_warning() {
        assert_eq!(keyring(StoreKind::Keyutils).result, Verdict::Warn);
        assert_eq!(keyring(StoreKind::Credential).result, Verdict::Ok);
        assert_eq!(keyring(StoreKind::SecretService).result, Verdict::Ok);
    }
}
