//! What is there, and what `init` may therefore do: a decision before anything is touched.

use mandate::PublicKey;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whether there is a configuration file; a bad one was refused before.
    pub config: bool,
    /// The key in its store.
    pub key: Option<PublicKey>,
    /// The ledger.
    pub ledger: LedgerFound,
    /// Whether that key was made by an `init` that did not come to its end, or is said to be new.
    pub key_is_new: bool,
}

/// The side's journal with its projections, as far as it can be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerFound {
    /// There is none.
    Absent,
    /// Another process holds it: the daemon runs.
    Held,
    /// There is one, and the key that it belongs to.
    Of(PublicKey),
}

/// What is to be made, in the order key, ledger, configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Draw a new key.
    pub key: bool,
    /// Make a ledger for the key.
    pub ledger: bool,
    /// Write a configuration file.
    pub config: bool,
}

/// Why nothing may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The key may have signed for a ledger that is gone: a new one would forget all of that.
    LedgerLost,
    /// The ledger needs its key, and no other key can take its place.
    KeyLost,
    /// The key is not that of the ledger.
    KeyIsAnother,
    /// The daemon runs, and what it lacks cannot be told.
    Running,
}

/// Decides; a half that is missing is made only where no past can be lost by it.
///
/// # Errors
///
/// [`Refused`], and nothing may be touched.
pub fn plan(found: &Found) -> Result<Plan, Refused> {
    let Found { config, key, ledger, key_is_new } = found;
    let (make_key, make_ledger) = match (key, ledger) {
        (None, LedgerFound::Absent) => (true, true),
        (Some(_), LedgerFound::Absent) if *key_is_new => (false, true),
        (Some(_), LedgerFound::Absent) => return Err(Refused::LedgerLost),
        (Some(key), LedgerFound::Of(owner)) if key == owner => (false, false),
        (Some(_), LedgerFound::Of(_)) => return Err(Refused::KeyIsAnother),
        (Some(_), LedgerFound::Held) if *config => (false, false),
        (_, LedgerFound::Held) => return Err(Refused::Running),
        (None, LedgerFound::Of(_)) => return Err(Refused::KeyLost),
    };
    Ok(Plan { key: make_key, ledger: make_ledger, config: !config })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(x: &str) -> PublicKey {
        let jwk = mandate::key::Jwk { kty: "OKP".into(), crv: "Ed25519".into(), x: x.into() };
        jwk.try_into().unwrap()
    }

    fn ours() -> PublicKey {
        key("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    }

    fn other() -> PublicKey {
        key("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
    }

    fn ledger_of(key: PublicKey) -> LedgerFound {
        LedgerFound::Of(key)
    }

    fn decide(
        config: bool,
        key: Option<PublicKey>,
        ledger: LedgerFound,
        new: bool,
    ) -> Result<Plan, Refused> {
        plan(&Found { config, key, ledger, key_is_new: new })
    }

    #[test]
    fn a_new_wallet_is_made_whole_and_a_whole_one_is_left_alone() {
        let all = Plan { key: true, ledger: true, config: true };
        assert_eq!(decide(false, None, LedgerFound::Absent, false), Ok(all));
        let nothing = Plan { key: false, ledger: false, config: false };
        assert_eq!(decide(true, Some(ours()), ledger_of(ours()), false), Ok(nothing));
        assert_eq!(decide(true, Some(ours()), LedgerFound::Held, false), Ok(nothing));
    }

    #[test]
    fn a_running_wallet_is_left_alone() {
        assert_eq!(decide(false, Some(ours()), LedgerFound::Held, true), Err(Refused::Running));
        assert_eq!(decide(true, None, LedgerFound::Held, false), Err(Refused::Running));
    }

    #[test]
    fn a_config_alone_is_completed() {
        let rest = Plan { key: true, ledger: true, config: false };
        assert_eq!(decide(true, None, LedgerFound::Absent, false), Ok(rest));
    }

    #[test]
    fn a_wallet_without_its_config_gets_an_empty_one() {
        let config = Plan { key: false, ledger: false, config: true };
        assert_eq!(decide(false, Some(ours()), ledger_of(ours()), false), Ok(config));
    }

    #[test]
    fn an_old_key_gets_no_new_ledger() {
        for config in [true, false] {
            let refused = decide(config, Some(ours()), LedgerFound::Absent, false);
            assert_eq!(refused, Err(Refused::LedgerLost));
            let ledger = Plan { key: false, ledger: true, config: !config };
            assert_eq!(decide(config, Some(ours()), LedgerFound::Absent, true), Ok(ledger));
        }
    }

    #[test]
    fn a_ledger_takes_no_other_key() {
        for (config, new) in [(true, true), (true, false), (false, true), (false, false)] {
            let lost = decide(config, None, ledger_of(ours()), new);
            assert_eq!(lost, Err(Refused::KeyLost));
            let another = decide(config, Some(other()), ledger_of(ours()), new);
            assert_eq!(another, Err(Refused::KeyIsAnother));
        }
    }
}
