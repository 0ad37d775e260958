//! The gateway.toml that `mandate-gateway init` writes: complete but for what is sold and to whom.

use std::net::{Ipv4Addr, SocketAddr};

use http::uri::{Authority, Scheme};
use mandate_config::{KeyReference, KeyStore};
use toml_edit::Value;

use super::{Merchant, Settings, UpstreamAddress};

/// What a first gateway.toml says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Who sells.
    pub merchant: Merchant,
    /// Which key signs.
    pub key: KeyReference,
    /// Where the gateway listens.
    pub listen: SocketAddr,
    /// The API behind it.
    pub upstream: UpstreamAddress,
}

impl Settings {
    /// What a first gateway.toml of a merchant says where nothing else is chosen.
    #[must_use]
    pub fn template(merchant: Merchant) -> Template {
        Template {
            merchant,
            key: KeyReference { store: KeyStore::Auto, account: "default".to_owned() },
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8402)),
            upstream: UpstreamAddress {
                scheme: Scheme::HTTP,
                authority: Authority::from_static("127.0.0.1:8080"),
                base_path: String::new(),
            },
        }
    }
}

impl Template {
    /// The whole file. It is good, and shows actions and principals as comments alone: until they are filled in, nothing
    /// is sold, and to nobody.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { merchant, key, listen, upstream } = self;
        // Ids, stores and addresses hold nothing that would have to be escaped.
        let name = Value::from(merchant.name.as_str());
        let (listen, upstream) = (format!("\"{listen}\""), format!("\"{upstream}\""));
        let (store, account) =
            (format!("\"{}\"", key.store.as_str()), format!("\"{}\"", key.account));
        format!(
            r#"# gateway.toml: what is sold, to whom, and where. The merchant's one file.
#
# A file with any fault is refused whole, and every fault is told with its line. What is not listed here is refused:
# routes, principals, keys. No key or password ever stands in this file. Nobody else may be able to write to it.
#
# A running gateway takes a changed file by itself. Where a change needs a restart, a file with that change is refused
# whole until then.

listen = {listen:<32} # where agents come, an IP address and a port; a change needs a restart
upstream = {upstream:<30} # the API behind it; it must accept calls from the gateway only
# enrolment = "open"                      # optional: accept any did:key beside the principals below; default "listed"

# Who sells. `id` is the merchant in every mandate, and stays; `name` is for people, at most 80 bytes.
[merchant]
id = "{id}"
name = {name}

# Which key signs carts, receipts and the log. A reference only. A change needs a restart.
[key]
store = {store:<23} # auto | secret-service | keyutils | credential (systemd)
account = {account:<21} # the key's name in the store: a-z, 0-9, `.`, `_`, `-`

# How long a price is promised, from 1 to 900 seconds, written "60s" or "5m".
[mandates]
cart_ttl = "5m"

# What one principal may do at a time, from 1 to 1000000 each, and what a call may take. These are the defaults.
# A change of `connections` or `client_timeout` needs a restart.
[limits]
requests_per_s = 50             # calls of one principal a second, in the long run
burst = 100                     # calls of one principal at once after a pause
in_flight = 32                  # calls of one principal under way, each until its answer is taken
connections = 1024              # connections at once, of all; one address alone gets three quarters of them
client_timeout = "15s"          # for a client to send its headers, its body, and to ask again; 1 to 300 seconds
upstream_timeout = "30s"        # for the API to begin its answer; 1 to 300 seconds

# Where Prometheus may read the gateway's figures, and anybody else on this machine: how often what is asked for, no
# amounts and no principals. Optional; left out, only the operator's door tells them. Take the marks away to turn it on.
# [metrics]
# listen = "127.0.0.1:9465"     # an address of this machine alone: 127.0.0.1 or [::1], and a port

# What is sold: one table for each action; without one every call is refused. Take the marks away and write your own.
#
# `sku` is the action's name in every mandate. `route` is a method and a path; {{room}} stands for one segment of a path.
# No call may be on two routes. `price` is "free", an amount for one unit with exactly the currency's digits, or
# {{ quote = "POST /quotes" }}: then the gateway asks the API at that path, which must have no effect and be no action's.
# `request` is optional: "required" if an intent has to name the digest of its request; default "optional".
#
# [[action]]
# sku = "search_rooms"
# route = "GET /rooms"
# price = "free"
#
# [[action]]
# sku = "book_room"
# route = "POST /bookings"
# price = {{ quote = "POST /quotes" }}
# request = "required"
#
# [[action]]
# sku = "late_checkout"
# route = "POST /rooms/{{room}}/late-checkout"
# price = "18.00 EUR"

# To whom: one table for each principal whose mandates are accepted.
#
# `id` is a did:key, or a name that the principal chose for itself. `keys` may be left out for a did:key, which holds
# its own; it is there for a name, and after a change of keys. `account` is optional: what you call the customer.
#
# [[principal]]
# id = "did:key:…"
# account = "customer 4711"
#
# [[principal]]
# id = "ada"
# keys = [{{ kty = "OKP", crv = "Ed25519", x = "…" }}]
"#,
            id = merchant.id,
        )
    }
}

#[cfg(test)]
mod tests {
    use mandate::{PrincipalId, PublicKey};

    use super::*;
    use crate::settings::{Limits, Price};

    /// Source: RFC 8037, appendix A.2.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    /// Source: The did:key Method, section 3.1 (Ed25519).
    const DID: &str = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";

    fn template(name: &str) -> Template {
        let id = "lux-hotels".parse().unwrap();
        Settings::template(Merchant { id, name: name.parse().unwrap() })
    }

    fn filled_in(text: &str) -> String {
        let text = text.replace("did:key:…", DID).replace('…', X);
        let setting = |rest: &str| {
            let (key, _) = rest.split_once(" = ").unwrap_or((rest, ""));
            rest.starts_with('[') || key.bytes().all(|b| b.is_ascii_lowercase())
        };
        let lines = text.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest) if setting(rest) && !rest.starts_with("enrolment") => rest,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_new_file_is_good_and_sells_nothing_to_nobody() {
        let settings = Settings::parse(&template("Lux Hotels").text()).unwrap();
        assert!(settings.actions.is_empty() && settings.enrolment.principals.is_empty());
        assert!(!settings.enrolment.open);
    }

    #[test]
    fn filled_in_it_says_what_was_asked_for_and_else_the_defaults() {
        let mut template = template(r#"Lux "the \ one" = ["#);
        template.listen = "[::1]:80".parse().unwrap();
        template.upstream = "https://api.lux.example/v1".parse().unwrap();
        template.key = KeyReference { store: KeyStore::Keyutils, account: "shop".to_owned() };
        let settings = Settings::parse(&filled_in(&template.text())).unwrap();
        assert_eq!(settings.merchant, template.merchant);
        assert_eq!((settings.listen, &settings.upstream), (template.listen, &template.upstream));
        assert_eq!(settings.key, template.key);
        assert_eq!((settings.cart_ttl_s, settings.limits), (300, Limits::default()));
        assert_eq!(settings.metrics_listen, Some("127.0.0.1:9465".parse().unwrap()));
        assert_eq!(settings.actions.len(), 3);
        assert!(matches!(settings.actions[1].price, Price::Quote(_)));
        let did: PrincipalId = DID.parse().unwrap();
        let listed = settings.enrolment.principals.get(&did).unwrap();
        assert_eq!(listed.account.as_ref().unwrap().as_str(), "customer 4711");
        assert_eq!(listed.keys.iter().map(PublicKey::did_key).collect::<Vec<_>>(), [DID]);
        assert!(!settings.enrolment.open);
    }

    #[test]
    fn enrolment_may_be_opened_where_it_stands() {
        let text = filled_in(&template("Lux").text()).replace("# enrolment", "enrolment");
        assert!(Settings::parse(&text).unwrap().enrolment.open);
    }

    /// As in wallet.example.toml.
    #[test]
    fn the_explanations_line_up_and_fit_on_a_screen() {
        let text = template("Lux Hotels").text();
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        for (block, column) in text.split("\n\n").zip([0, 42, 0, 32, 0, 32]) {
            let places = block.lines().filter_map(|line| line.rfind(" # "));
            assert!(places.map(|at| at + 1).all(|at| at == column), "{block}");
        }
    }
}
