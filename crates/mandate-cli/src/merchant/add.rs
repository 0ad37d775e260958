//! `mandate merchant add`: lists a merchant in wallet.toml, with its keys and a cap for a day.
//!
//! What a merchant publishes is not signed, so whoever answers at its address could have said it. It counts once a
//! person has compared the fingerprints, or a script brings them from elsewhere.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use clap::Args;
use mandate::{KeyId, Money};
use mandate_policy::{UrlError, check_url};

use super::block::Block;
use super::offer::Offer;
use super::show::show;
use super::written::{put_in_force, tell};
use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::wallet_file::WalletFile;

const HELP: &str = "\
Asks URL/.well-known/mandate.json, shows what the merchant says it is, sells and signs with, and puts a [[merchant]]
block and a [[cap]] for it into wallet.toml. Nothing of that answer is signed: whoever answers at URL could have sent
it. Compare each fingerprint with what the merchant tells you some other way. A script does so with --fingerprint, once
for each key and for no other.

Examples:
  mandate merchant add https://api.lux-hotels.example
  mandate merchant add https://api.lux-hotels.example --day-cap \"300.00 EUR\" \\
    --yes --fingerprint kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

/// Options of `mandate merchant add`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Where the merchant's API is
    #[arg(value_name = "URL", value_parser = read_url)]
    url: String,
    /// The most that it is paid in a day; needed if anything it sells is paid for
    #[arg(long, value_name = "AMOUNT")]
    day_cap: Option<Money>,
    /// The fingerprint of a key that the merchant told you some other way; once for each of its keys
    #[arg(long, value_name = "F", allow_hyphen_values = true)]
    fingerprint: Vec<KeyId>,
    /// Take http:// from other machines, where anybody on the way can change the answer
    #[arg(long)]
    insecure_http: bool,
    /// Do not ask; needs --fingerprint
    #[arg(long)]
    yes: bool,
}

/// Asks the merchant, shows, asks the person, writes.
pub(crate) fn run(arguments: Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let Arguments { url, day_cap, fingerprint, insecure_http, yes } = arguments;
    if yes && fingerprint.is_empty() {
        let problem = "--yes needs --fingerprint, once for each key: whoever answers at that URL could be anyone, so \
                       bring the fingerprints that the merchant told you some other way";
        return Err(Failure::Usage(problem.to_owned()));
    }
    if !insecure_http && is_open_to_others(&url) {
        let problem = "with http:// anybody on the way can put their own keys into the answer; use https://, or pass \
                       --insecure-http if you compare the fingerprints all the same";
        return Err(Failure::Usage(problem.to_owned()));
    }
    let file = WalletFile::load(context.places.config())?;
    let offer = Offer::ask(&url)?;
    if file.rules().merchant(&offer.id).is_some() {
        let (id, path) = (&offer.id, file.path().display());
        return Err(Failure::Config(format!(
            "{path} lists {id} already; to change its keys, url or actions edit its [[merchant]] block, nothing was \
             written"
        )));
    }
    check_fingerprints(&fingerprint, &offer)?;
    if !yes {
        show(&url, &offer, context.ui)?;
    }
    let day_cap = settle_cap(day_cap, &offer, yes, context)?;
    let question = match day_cap {
        Some(cap) => format!("Add this merchant, to be paid at most {cap} in a day?"),
        None => "Add this merchant?".to_owned(),
    };
    if !yes && !context.is_confirmed(&question)? {
        return Err(Failure::Check("nothing was changed".to_owned()));
    }
    let block = Block {
        id: &offer.id,
        url: &url,
        keys: &offer.keys,
        free: offer.free().collect(),
        paid: offer.paid().collect(),
        day_cap,
    };
    let text = block
        .put_into(file.text())
        .map_err(|error| Failure::Config(format!("{} {}", file.path().display(), chain(&error))))?;
    file.replace(&text)?;
    let force = put_in_force(&context.places, &text);
    tell(&block, &file, &force, context.ui)
}

/// The address of an API, without the slash at its end.
fn read_url(text: &str) -> Result<String, UrlError> {
    check_url(text)?;
    Ok(text.trim_end_matches('/').to_owned())
}

/// Whether an answer crosses a network in the clear.
fn is_open_to_others(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let is_loopback = if let Some((address, _port)) = bracketed {
        address.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback())
    } else {
        let host = authority.split(':').next().unwrap_or_default();
        host == "localhost" || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
    };
    !is_loopback
}

/// Exactly the keys that were named, if any were.
fn check_fingerprints(named: &[KeyId], offer: &Offer) -> Result<(), Failure> {
    let (named, found): (BTreeSet<KeyId>, _) =
        (named.iter().copied().collect(), offer.fingerprints());
    if named.is_empty() || named == found {
        return Ok(());
    }
    let joined =
        |ids: &BTreeSet<KeyId>| ids.iter().map(KeyId::to_string).collect::<Vec<_>>().join(", ");
    Err(Failure::Check(format!(
        "these are not the keys that you named, and nothing was written: the address offers {}; you named {}; ask the \
         merchant which are its own",
        joined(&found),
        joined(&named)
    )))
}

/// The cap for a day: given, typed, or not needed.
fn settle_cap(
    given: Option<Money>,
    offer: &Offer,
    yes: bool,
    context: &mut Context<'_, '_>,
) -> Result<Option<Money>, Failure> {
    let is_paid = offer.paid().next().is_some();
    match given {
        Some(_) if !is_paid => {
            let problem = "--day-cap caps nothing: everything that this merchant sells is free";
            Err(Failure::Usage(problem.to_owned()))
        }
        Some(cap) => Ok(Some(cap)),
        None if !is_paid => Ok(None),
        None if yes || !context.input_is_terminal => {
            let problem = "this merchant is paid for what it does; pass --day-cap with the most that it may be paid in \
                           a day, as in --day-cap \"100.00 EUR\"";
            Err(Failure::Usage(problem.to_owned()))
        }
        None => {
            let typed = context.answer("The most it may be paid in a day, as in 100.00 EUR:")?;
            let cap = typed.trim().parse().map_err(|error| {
                Failure::Usage(format!("{:?} {error}; nothing was changed", typed.trim()))
            })?;
            Ok(Some(cap))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for url in [
            "http://127.0.0.1:80",
            "http://127.8.8.8",
            "http://[::1]:8080/v1",
            "http://localhost:1/a",
        ] {
            assert!(!is_open_to_others(url), "{url}");
        }
        assert!(!is_open_to_others("https://lux.example"));
        for url in [
            "http://lux.example",
            "http://[::2]",
            "http://localhost.lux.example",
            "http://128.0.0.1",
            "http://127.0.0.1.lux.example",
        ] {
            assert!(is_open_to_others(url), "{url}");
        }
    }

    #[test]
    fn an_address_has_no_slash_at_its_end() {
        assert_eq!(read_url("https://lux.example/v1//").unwrap(), "https://lux.example/v1");
        assert_eq!(read_url("https://lux.example").unwrap(), "https://lux.example");
        assert!(read_url("https://lux.example/?a").is_err());
    }
}
