//! The gateway's entries, and the wallets' tokens in them.

use mandate::token::{Intent, Kind, Payment, UnverifiedMandate, VerifyError};
use mandate::{
    AgentName, Head, IntentHash, Jti, KeyId, KeySet, Money, PrincipalId, PrincipalRole, Sku,
    UnixSeconds,
};
use mandate_journal::Entry;
use mandate_terminal::record::Side;

use crate::book::UseKey;
use crate::book::event::Event;

/// The gateway's side.
#[derive(Debug)]
pub(crate) enum Gateway {}

impl Side for Gateway {
    type Event = Event;
    const VERIFY: &'static str = "mandate-gateway audit verify";

    fn event(entry: &Entry<'_>) -> Option<Event> {
        Event::parse(entry).ok()
    }
}

/// An entry of the gateway's journal.
pub(crate) type Record = mandate_terminal::record::Record<Gateway>;

/// A wallet's token as an entry keeps it, whichever kind it is.
#[derive(Debug)]
pub(crate) enum Presented {
    /// An intent.
    Intent(UnverifiedMandate<Intent>),
    /// A payment.
    Payment(UnverifiedMandate<Payment>),
}

/// What both kinds say.
#[derive(Debug)]
pub(crate) struct Said<'t> {
    pub(crate) principal: &'t PrincipalId,
    pub(crate) agent: &'t AgentName,
    pub(crate) sku: &'t Sku,
    pub(crate) quantity: u32,
    pub(crate) total: Option<Money>,
    pub(crate) jti: Jti,
    pub(crate) issued: UnixSeconds,
    pub(crate) until: UnixSeconds,
}

impl Presented {
    /// Reads a token; `None` if it is neither, which a check of the journal tells more about.
    pub(crate) fn read(compact: &str) -> Option<Self> {
        if let Ok(payment) = UnverifiedMandate::parse(compact) {
            return Some(Self::Payment(payment));
        }
        UnverifiedMandate::parse(compact).ok().map(Self::Intent)
    }

    /// What it says.
    pub(crate) fn said(&self) -> Said<'_> {
        match self {
            Self::Intent(intent) => {
                let claims = intent.claims();
                Said {
                    principal: &claims.iss,
                    agent: &claims.act,
                    sku: &claims.action.sku,
                    quantity: claims.action.quantity.get(),
                    total: None,
                    jti: claims.jti,
                    issued: claims.iat,
                    until: claims.exp,
                }
            }
            Self::Payment(payment) => {
                let claims = payment.claims();
                Said {
                    principal: &claims.iss,
                    agent: &claims.act,
                    sku: &claims.action.sku,
                    quantity: claims.action.quantity.get(),
                    total: Some(claims.total),
                    jti: claims.jti,
                    issued: claims.iat,
                    until: claims.exp,
                }
            }
        }
    }

    /// H of it, which its use is known by.
    pub(crate) fn hash(&self) -> UseKey {
        match self {
            Self::Intent(intent) => intent.hash().into(),
            Self::Payment(payment) => payment.hash().into(),
        }
    }

    /// The intent of the story that it is a part of.
    pub(crate) fn intent(&self) -> IntentHash {
        match self {
            Self::Intent(intent) => intent.hash(),
            Self::Payment(payment) => payment.claims().intent,
        }
    }

    /// The wallet's head in it.
    pub(crate) fn head(&self) -> Head {
        match self {
            Self::Intent(intent) => intent.head(),
            Self::Payment(payment) => payment.head(),
        }
    }

    /// Its signature in words. A principal that is its own key is checked again; any other was when the token came in.
    pub(crate) fn signature(&self) -> String {
        match self {
            Self::Intent(intent) => signature(intent, &intent.claims().iss),
            Self::Payment(payment) => signature(payment, &payment.claims().iss),
        }
    }
}

fn signature<K: Kind<Role = PrincipalRole>>(
    token: &UnverifiedMandate<K>,
    principal: &PrincipalId,
) -> String {
    let kid: KeyId = *token.kid();
    let Some(key) = principal.did_key() else {
        return format!("by the key {kid}; it was checked when the token came in");
    };
    match token.clone().verify(&KeySet::new([key])) {
        Ok(_) => format!("verifies under the principal's own key {kid}"),
        Err(VerifyError::KeyUnknown { .. }) => {
            format!(
                "by the key {kid}, not the principal's first; it was checked when the token came in"
            )
        }
        Err(error) => format!("by the key {kid}: {error}"),
    }
}
