//! The wallet.toml that `mandate init` writes: complete, good, and granting nothing yet.

use jiff::tz::TimeZone;
use mandate::PrincipalId;
use mandate::text::Title;
use mandate_keys::KeyLocation;
use mandate_terminal::init::toml_text;

/// What a new wallet.toml says.
#[derive(Debug)]
pub(crate) struct Template<'a> {
    /// The principal's name, for people.
    pub(crate) name: &'a str,
    /// A stable id, if one was chosen.
    pub(crate) id: Option<&'a PrincipalId>,
    /// An IANA name.
    pub(crate) timezone: &'a str,
    /// Where the key is.
    pub(crate) location: &'a KeyLocation,
    /// The uid that agents run under at first: the principal's own.
    pub(crate) uid: u32,
}

impl Template<'_> {
    /// The whole file.
    pub(crate) fn text(&self) -> String {
        let Self { name, id, timezone, location, uid } = self;
        let id = id.map(|id| format!("id = \"{id}\"\n")).unwrap_or_default();
        format!(
            r#"# The wallet's rules. What is not listed here is refused.
# Every setting is explained in wallet.example.toml. After an edit run `mandate config check`; the running wallet
# takes a good file by itself and keeps the last good one while this one is bad.

[principal]
name = {name}
{id}timezone = "{timezone}"

[key]
store = "{store}"
account = "{account}"

# Who may ask: the kernel tells the uid of whoever connects. This is your own uid, so every program that you run
# can ask. Give agents a user of their own (user = "travel"), and the wallet another, so that an agent can neither
# read the key nor change this file.
[[agent]]
name = "agent"
uid = {uid}

# Whom agents may ask, and for what. `mandate merchant add URL` asks a merchant for its keys and actions, shows them
# to you, and adds such a block with a cap.
#
# [[merchant]]
# id = "lux-hotels"
# url = "https://api.lux-hotels.example"
# keys = [{{ kty = "OKP", crv = "Ed25519", x = "…" }}]
# free = ["search_rooms"]
# paid = ["book_room"]

# How much may be spent. A paid action needs at least one cap with an amount over time; every cap that matches
# must hold.
#
# [[cap]]
# per = "payment"
# spend = "250.00 EUR"
#
# [[cap]]
# per = "day"
# spend = "500.00 EUR"
"#,
            name = toml_text(name),
            store = location.choice,
            account = location.account,
        )
    }
}

/// The IANA name of the system's time zone; UTC where it has none that others know.
pub(crate) fn system_timezone() -> String {
    let zone = TimeZone::system();
    let known = zone.iana_name().filter(|name| !zone.is_unknown() && TimeZone::get(name).is_ok());
    known.unwrap_or("UTC").to_owned()
}

/// The user's name, or a word that stands for it.
pub(crate) fn user_name(variable: impl Fn(&str) -> Option<String>) -> String {
    let named = ["USER", "LOGNAME"].into_iter().filter_map(variable);
    let mut usable = named.filter(|name| !name.is_empty() && name.parse::<Title>().is_ok());
    usable.next().unwrap_or_else(|| "me".to_owned())
}

#[cfg(test)]
mod tests {
    use mandate_keys::{Account, Service, StoreChoice};
    use mandate_policy::{KeyStore, Rules};

    use super::*;
    use mandated::SystemUsers;

    fn parsed(name: &str, id: Option<&PrincipalId>) -> Rules {
        let location = KeyLocation {
            service: Service::Wallet,
            choice: StoreChoice::SecretService,
            account: "work".parse::<Account>().unwrap(),
        };
        let template =
            Template { name, id, timezone: "Europe/Paris", location: &location, uid: 1000 };
        Rules::parse(&template.text(), &SystemUsers).unwrap()
    }

    #[test]
    fn a_new_file_is_good_and_grants_nothing() {
        let rules = parsed("Ada", None);
        assert_eq!(rules.principal().name.as_str(), "Ada");
        assert_eq!(rules.principal().id, None);
        assert_eq!(rules.timezone().iana_name(), Some("Europe/Paris"));
        assert_eq!(
            (rules.key().store, rules.key().account.as_str()),
            (KeyStore::SecretService, "work")
        );
        assert_eq!(rules.agent_by_uid(1000).map(|agent| agent.name.as_str()), Some("agent"));
        assert_eq!((rules.merchants().count(), rules.caps().len()), (0, 0));
    }

    #[test]
    fn its_examples_are_good_once_their_marks_are_taken_away() {
        let location = KeyLocation {
            service: Service::Wallet,
            choice: StoreChoice::Auto,
            account: Account::default(),
        };
        let template =
            Template { name: "Ada", id: None, timezone: "UTC", location: &location, uid: 1000 };
        let text = template.text().replace('…', "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let setting = |line: &str| line.starts_with("[[") || line.contains(" = ");
        let open = text.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest) if setting(rest) && !rest.contains('`') && !rest.contains('(') => rest,
            _ => line,
        });
        let text: Vec<&str> = open.collect();
        let rules = Rules::parse(&text.join("\n"), &SystemUsers).unwrap();
        assert_eq!((rules.merchants().count(), rules.caps().len()), (1, 2));
    }

    #[test]
    fn a_name_cannot_break_its_line_and_an_id_is_kept() {
        let id: PrincipalId = "ada".parse().unwrap();
        let rules = parsed(r#"Ada "the \ one" = ["#, Some(&id));
        assert_eq!(rules.principal().name.as_str(), r#"Ada "the \ one" = ["#);
        assert_eq!(rules.principal().id, Some(id));
    }

    #[test]
    fn a_user_without_a_usable_name_is_me() {
        let name = |user: &'static str| user_name(move |_| Some(user.to_owned()));
        assert_eq!(name("ada"), "ada");
        assert_eq!(name("a\u{1b}"), "me");
        assert_eq!(user_name(|_| None), "me");
    }

    #[test]
    fn the_time_zone_is_one_that_others_know() {
        assert!(TimeZone::get(&system_timezone()).is_ok());
    }
}
