//! What one entry says, in a line, and what it can be found by.

use mandate::Money;
use mandate::history::Rule;
use mandate::token::{Cart, CartClaims, Draft, Receipt, ReceiptClaims};
use mandate_terminal::ui::counted;
use serde_json::value::RawValue;

use crate::book::event::{self, Decider, Event, kind};
use crate::cli::record::{Presented, Record, Said};

/// Every kind of entry, for `--kind`.
pub(crate) const KINDS: [&str; 13] = [
    kind::INIT,
    kind::POLICY,
    kind::POLICY_REFUSED,
    kind::CART,
    kind::USE,
    kind::RECEIPT,
    kind::BAR,
    kind::REFUSAL,
    kind::EQUIVOCATION,
    kind::RATE_LIMITED,
    kind::LOCK,
    kind::UNLOCK,
    kind::CLOCK,
];

/// What an entry says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fact {
    /// Whose mandate it is about.
    pub(crate) principal: Option<String>,
    /// Who acted.
    pub(crate) agent: Option<String>,
    /// What it is about.
    pub(crate) action: Option<String>,
    /// How much it is about.
    pub(crate) total: Option<Money>,
    /// Everything else, in words.
    pub(crate) words: String,
}

impl Fact {
    /// Reads what an entry says; of a kind that this version does not know, nothing.
    pub(crate) fn of(record: &Record) -> Self {
        let Some(event) = record.event() else {
            return Self::words("written by a newer version; see --json".to_owned());
        };
        match event {
            Event::Init(init) => Self::words(format!("merchant {}", init.merchant)),
            Event::Policy(policy) => Self::words(format!("gateway.toml {}", policy.digest)),
            Event::PolicyRefused(refused) => {
                Self::words(format!("gateway.toml {}, {} faults", refused.digest, refused.faults))
            }
            Event::Cart(cart) => Self::of_cart(cart),
            Event::Use(used) => {
                let hash = |mandate: &Presented| mandate.hash().to_string();
                Self::of_mandate(&used.mandate, hash)
            }
            Event::Receipt(receipt) => {
                let by = decider(receipt.by);
                let of = receipt.of_seq;
                Self::of_receipt(&receipt.header, &receipt.claims, |claims| {
                    format!("{} by {by} for entry {of}{}", claims.status, said(claims))
                })
            }
            Event::Bar(bar) => Self::of_receipt(&bar.header, &bar.claims, |claims| {
                format!("{}, was never presented{}", claims.status, said(claims))
            }),
            Event::Refusal(refusal) => Self::of_mandate(&refusal.mandate, |_| {
                format!("{}: {}: {}", refusal.call, refusal.reason, refusal.message)
            }),
            Event::Equivocation(found) => Self::of_mandate(&found.token, |_| contradiction(found)),
            Event::RateLimited(limited) => Self {
                principal: Some(limited.principal.to_string()),
                words: format!("{} calls over a limit", limited.calls),
                ..Self::default()
            },
            Event::Lock(event::Lock { reason: Some(reason) }) => {
                Self::words(format!("by itself: {reason}"))
            }
            Event::Lock(_) | Event::Unlock(_) => Self::words("by the operator".to_owned()),
            Event::Clock(_) => Self::words("confirmed by the operator".to_owned()),
        }
    }

    fn words(words: String) -> Self {
        Self { words, ..Self::default() }
    }

    fn of_cart(cart: &event::Cart) -> Self {
        let Some(claims) = cart_claims(cart) else { return Self::default() };
        Self {
            principal: Some(claims.aud.to_string()),
            agent: Some(claims.act.to_string()),
            action: Some(claims.action.sku.to_string()),
            total: Some(claims.total),
            words: claims.jti.to_string(),
        }
    }

    fn of_mandate(compact: &str, words: impl FnOnce(&Presented) -> String) -> Self {
        let Some(mandate) = Presented::read(compact) else { return Self::default() };
        let Said { principal, agent, sku, total, .. } = mandate.said();
        Self {
            principal: Some(principal.to_string()),
            agent: Some(agent.to_string()),
            action: Some(sku.to_string()),
            total,
            words: words(&mandate),
        }
    }

    fn of_receipt(
        header: &RawValue,
        claims: &RawValue,
        words: impl FnOnce(&ReceiptClaims) -> String,
    ) -> Self {
        let Some(claims) = receipt_claims(header, claims) else { return Self::default() };
        Self {
            principal: Some(claims.aud.to_string()),
            agent: Some(claims.act.to_string()),
            action: Some(claims.action.sku.to_string()),
            total: claims.total,
            words: words(&claims),
        }
    }
}

/// What two heads of a wallet's log say, and why they cannot both be true.
pub(crate) fn contradiction(found: &event::Equivocation) -> String {
    let event::Equivocation { peer: _, rule, token, earlier, earlier_seq } = found;
    let entries = |compact| {
        let size = Presented::read(compact)?.head().size;
        Some(counted(size, "entry", "entries"))
    };
    match (rule, entries(token), entries(earlier)) {
        (Rule::Backwards, Some(new), Some(before)) => format!(
            "the wallet's log had {before} in the token of entry {earlier_seq}, and has {new} in this one"
        ),
        (Rule::SameSize, Some(new), Some(_)) => format!(
            "this token and the one of entry {earlier_seq} are each the last entry of a log of {new}"
        ),
        (rule, ..) => format!("{rule}, against entry {earlier_seq}"),
    }
}

/// Who said what became of a use.
pub(crate) fn decider(by: Decider) -> String {
    match by {
        Decider::Operator => "the operator".to_owned(),
        Decider::Upstream { status } => format!("the API ({status})"),
    }
}

/// What a receipt says beside its status.
fn said(claims: &ReceiptClaims) -> String {
    let order = claims.order.as_ref().map(|order| format!(", order {order}"));
    let reason = claims.reason.as_ref().map(|reason| format!(", \"{reason}\""));
    [order, reason].into_iter().flatten().collect()
}

/// What a cart says; `None` if it does not read back, which a check of the journal tells more about.
pub(crate) fn cart_claims(cart: &event::Cart) -> Option<CartClaims> {
    let draft = Draft::<Cart>::from_stored(&cart.header, &cart.claims).ok()?;
    Some(draft.claims().clone())
}

/// What a receipt says.
pub(crate) fn receipt_claims(header: &RawValue, claims: &RawValue) -> Option<ReceiptClaims> {
    let draft = Draft::<Receipt>::from_stored(header, claims).ok()?;
    Some(draft.claims().clone())
}
