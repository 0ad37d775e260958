//! What one entry says, in a line, and what it can be found by.

use mandate::history::Rule;
use mandate::token::{
    Cart, Draft, Intent, IntentClaims, Payment, PaymentClaims, Receipt, ReceiptClaims, Status,
    UnverifiedMandate,
};
use mandate::{Jti, Money};
use mandate_ledger::Event;
use mandate_ledger::event::{self, Effect, kind};

use crate::record::Record;
use crate::ui::counted;

/// Every kind of entry, for `--kind`.
pub(crate) const KINDS: [&str; 17] = [
    kind::INIT,
    kind::POLICY,
    kind::POLICY_REFUSED,
    kind::INTENT,
    kind::APPROVAL_REQUEST,
    kind::APPROVAL,
    kind::PAYMENT,
    kind::WITHHELD,
    kind::RECEIPT,
    kind::DENIAL,
    kind::EQUIVOCATION,
    kind::RATE_LIMITED,
    kind::FREEZE,
    kind::THAW,
    kind::LOCK,
    kind::UNLOCK,
    kind::CLOCK,
];

/// What an entry says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fact {
    /// Who asked.
    pub(crate) agent: Option<String>,
    /// Whom it is about.
    pub(crate) merchant: Option<String>,
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
            Event::Init(init) => Self::words(format!("principal {}", init.principal)),
            Event::Policy(policy) => Self::words(format!("wallet.toml {}", policy.digest)),
            Event::PolicyRefused(refused) => {
                Self::words(format!("wallet.toml {}, {} faults", refused.digest, refused.faults))
            }
            Event::Intent(intent) => Self::of_intent(intent),
            Event::Payment(payment) => Self::of_payment(payment),
            Event::Receipt(receipt) => Self::of_receipt(receipt),
            Event::Denial(denial) => Self::of_denial(denial),
            Event::Equivocation(found) => Self::of_equivocation(found),
            Event::ApprovalRequest(request) => Self::of_approval_request(request),
            Event::Approval(approval) => Self::words(format!(
                "the cart of entry {} was {} by uid {}",
                approval.of_seq, approval.answer, approval.uid
            )),
            Event::Withheld(withheld) => Self::words(format!(
                "the payment of entry {} was {} and is never signed",
                withheld.of_seq,
                stop(withheld)
            )),
            Event::RateLimited(limited) => Self {
                agent: limited.agent.as_ref().map(ToString::to_string),
                words: format!("{} calls of uid {}", limited.calls, limited.uid),
                ..Self::default()
            },
            Event::Freeze(freeze) => {
                let reason = freeze.reason.as_ref().map(|reason| format!(": {reason}"));
                let reason = reason.unwrap_or_default();
                Self::words(format!("{} by uid {}{reason}", freeze.scope, freeze.uid))
            }
            Event::Thaw(thaw) => Self::words(format!("{} by uid {}", thaw.scope, thaw.uid)),
            Event::Lock(event::Lock { uid }) | Event::Unlock(event::Unlock { uid }) => {
                Self::words(format!("by uid {uid}"))
            }
            Event::Clock(clock) => Self::words(format!("confirmed by uid {}", clock.uid)),
        }
    }

    fn words(words: String) -> Self {
        Self { words, ..Self::default() }
    }

    fn of_intent(intent: &event::Intent) -> Self {
        let agent = Some(intent.agent.to_string());
        let Some(claims) = intent_claims(intent) else { return Self { agent, ..Self::default() } };
        let limit = claims.limit.map(|limit| Money { currency: limit.currency, amount: limit.max });
        let limit = limit.map(|limit| format!(", at most {limit}")).unwrap_or_default();
        let purpose = intent.purpose.as_ref().map(|purpose| format!(", \"{purpose}\""));
        let purpose = purpose.unwrap_or_default();
        Self {
            agent,
            merchant: Some(claims.aud.to_string()),
            action: Some(claims.action.sku.to_string()),
            total: None,
            words: format!("{}{limit}{purpose}", claims.jti),
        }
    }

    fn of_payment(payment: &event::Payment) -> Self {
        let agent = Some(payment.agent.to_string());
        let Some(claims) = payment_claims(payment) else {
            return Self { agent, ..Self::default() };
        };
        Self {
            agent,
            merchant: Some(claims.aud.to_string()),
            action: Some(claims.action.sku.to_string()),
            total: Some(claims.total),
            words: claims.jti.to_string(),
        }
    }

    fn of_approval_request(request: &event::ApprovalRequest) -> Self {
        let agent = Some(request.agent.to_string());
        let Ok(cart) = UnverifiedMandate::<Cart>::parse(&request.cart) else {
            return Self { agent, ..Self::default() };
        };
        let claims = cart.claims();
        Self {
            agent,
            merchant: Some(claims.iss.to_string()),
            action: Some(claims.action.sku.to_string()),
            total: Some(claims.total),
            words: format!("asked for a yes, until {}", claims.exp.utc()),
        }
    }

    fn of_receipt(receipt: &event::Receipt) -> Self {
        let agent = receipt.agent.as_ref().map(ToString::to_string);
        let Some(claims) = receipt_claims(receipt) else {
            return Self { agent, ..Self::default() };
        };
        let order = claims.order.as_ref().map(|order| format!(", order {order}"));
        let reason = claims.reason.as_ref().map(|reason| format!(", \"{reason}\""));
        let said = [order, reason].into_iter().flatten().collect::<String>();
        Self {
            agent,
            merchant: Some(claims.iss.to_string()),
            action: Some(claims.action.sku.to_string()),
            total: claims.total,
            words: format!(
                "{} for entry {}{said}",
                Self::effect(receipt.effect, claims.status),
                receipt.of_seq
            ),
        }
    }

    /// What a receipt says, and what that did.
    pub(crate) fn effect(effect: Effect, status: Status) -> String {
        match effect {
            Effect::Settled => status.to_string(),
            Effect::Released => format!("{status} (the amount is given back)"),
            Effect::Conflict => {
                format!("{status} (against an earlier receipt; the merchant is frozen)")
            }
        }
    }

    fn of_equivocation(found: &event::Equivocation) -> Self {
        let event::Equivocation { agent, uid: _, call, peer, rule, token, earlier, earlier_seq } =
            found;
        let sizes = [token, earlier].map(|compact| MerchantToken::read(compact));
        let heads = match (rule, sizes) {
            (Rule::Backwards, [Some(new), Some(before)]) => format!(
                "its log had {} in the token of entry {earlier_seq}, and has {} in this one",
                entries(before.size()),
                entries(new.size())
            ),
            (Rule::SameSize, [Some(new), Some(_)]) => format!(
                "this token and the one of entry {earlier_seq} are each the last entry of a log of {}",
                entries(new.size())
            ),
            (rule, _) => format!("{rule}, against entry {earlier_seq}"),
        };
        let token = MerchantToken::read(token);
        Self {
            agent: agent.as_ref().map(ToString::to_string),
            merchant: Some(peer.to_string()),
            action: token.as_ref().map(MerchantToken::action),
            total: token.as_ref().and_then(MerchantToken::total),
            words: format!("{call}: {heads}; the merchant is frozen"),
        }
    }

    fn of_denial(denial: &event::Denial) -> Self {
        let event::Denial { agent, uid, call, reason, message, about } = denial;
        let who = if agent.is_none() { format!(" (uid {uid})") } else { String::new() };
        Self {
            agent: agent.as_ref().map(ToString::to_string),
            merchant: about.merchant.as_ref().map(ToString::to_string),
            action: about.action.as_ref().map(ToString::to_string),
            total: about.total,
            words: format!("{call}{who}: {reason}: {message}"),
        }
    }
}

/// A merchant's token in an entry, whichever kind it is.
enum MerchantToken {
    Cart(UnverifiedMandate<Cart>),
    Receipt(UnverifiedMandate<Receipt>),
}

impl MerchantToken {
    /// Reads a token; `None` if it is neither, which a check of the journal tells more about.
    fn read(compact: &str) -> Option<Self> {
        if let Ok(cart) = UnverifiedMandate::parse(compact) {
            return Some(Self::Cart(cart));
        }
        UnverifiedMandate::parse(compact).ok().map(Self::Receipt)
    }

    fn size(&self) -> u64 {
        match self {
            Self::Cart(cart) => cart.head().size,
            Self::Receipt(receipt) => receipt.head().size,
        }
    }

    fn action(&self) -> String {
        match self {
            Self::Cart(cart) => cart.claims().action.sku.to_string(),
            Self::Receipt(receipt) => receipt.claims().action.sku.to_string(),
        }
    }

    fn total(&self) -> Option<Money> {
        match self {
            Self::Cart(cart) => Some(cart.claims().total),
            Self::Receipt(receipt) => receipt.claims().total,
        }
    }
}

fn entries(size: u64) -> String {
    counted(size, "entry", "entries")
}

/// What an intent says; `None` if it does not read back, which a check of the journal tells more about.
pub(crate) fn intent_claims(intent: &event::Intent) -> Option<IntentClaims> {
    let draft = Draft::<Intent>::from_stored(&intent.header, &intent.claims).ok()?;
    Some(draft.claims().clone())
}

/// What a payment says.
pub(crate) fn payment_claims(payment: &event::Payment) -> Option<PaymentClaims> {
    let draft = Draft::<Payment>::from_stored(&payment.header, &payment.claims).ok()?;
    Some(draft.claims().clone())
}

/// What a receipt says. The wallet verified it before it wrote it down.
pub(crate) fn receipt_claims(receipt: &event::Receipt) -> Option<ReceiptClaims> {
    let token = UnverifiedMandate::<Receipt>::parse(&receipt.receipt).ok()?;
    Some(token.claims().clone())
}

/// What stopped a signature, as what the payment was.
pub(crate) fn stop(withheld: &event::Withheld) -> String {
    match &withheld.scope {
        Some(scope) => format!("frozen ({scope})"),
        None => "locked away with the key".to_owned(),
    }
}

/// The id of an own token in an entry.
pub(crate) fn jti(event: &Event) -> Option<Jti> {
    match event {
        Event::Intent(intent) => Some(intent_claims(intent)?.jti),
        Event::Payment(payment) => Some(payment_claims(payment)?.jti),
        _ => None,
    }
}
