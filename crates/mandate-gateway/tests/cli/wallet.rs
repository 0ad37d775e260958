//! A principal's side of a purchase, as far as a gateway sees it.

use mandate::clock::ClockReading;
use mandate::digest::DIGEST_BYTES;
use mandate::token::{Action, BoundAction, Draft, IntentClaims, Limit, PaymentClaims, Quantity};
use mandate::{
    Cart, Head, Intent, Jti, KeySet, Mandate, MinorUnits, Payment, PrincipalId, PrincipalRole,
    RequestDigest, Root, UnixSeconds,
};
use mandate_keys::{Seed, SigningKey};

use crate::shop::{EUR, MERCHANT};

/// Whose agent asks.
#[derive(Debug)]
pub(crate) struct Wallet {
    key: SigningKey,
    next: std::cell::Cell<u8>,
}

impl Wallet {
    /// A principal whose id is its key.
    pub(crate) fn new() -> Self {
        let key = SigningKey::from_seed(Seed::copy_from(&[7; 32]));
        Self { key, next: std::cell::Cell::new(1) }
    }

    /// Its id.
    pub(crate) fn id(&self) -> PrincipalId {
        PrincipalId::from_key(&self.key.public_key())
    }

    /// Its keys.
    pub(crate) fn keys(&self) -> KeySet<PrincipalRole> {
        KeySet::new([self.key.public_key()])
    }

    /// An id that no other token has.
    pub(crate) fn jti(&self) -> Jti {
        let number = self.next.get();
        self.next.set(number.saturating_add(1));
        Jti::from_random([number; 16])
    }

    /// Puts an old copy of its ledger back: its next token is the last of a log of the same size as the newest was.
    pub(crate) fn cut_back(&self) {
        self.next.set(self.next.get().saturating_sub(1));
    }

    /// Its journal's head.
    fn head(&self) -> Head {
        let size = u64::from(self.next.get());
        Head { size, root: Root::from_bytes([self.next.get(); DIGEST_BYTES]) }
    }

    /// An intent for one unit of an action.
    pub(crate) fn intent(&self, sku: &str, now: &ClockReading) -> Mandate<Intent> {
        let claims = IntentClaims {
            iss: self.id(),
            aud: MERCHANT.parse().expect("an id"),
            jti: self.jti(),
            iat: now.wall,
            exp: now.wall.plus(60),
            act: "travel".parse().expect("a name"),
            action: Action {
                sku: sku.parse().expect("an id"),
                quantity: Quantity::new(1).expect("one"),
                request: None,
            },
            limit: Some(Limit {
                currency: EUR.parse().expect("a currency"),
                max: MinorUnits::new(20_000).expect("an amount"),
            }),
        };
        let draft = Draft::<Intent>::new(&claims, self.key.public_key().id()).expect("an intent");
        draft.issue(self.head(), &self.key).expect("an intent")
    }

    /// The payment of a cart.
    pub(crate) fn payment(&self, cart: &Mandate<Cart>, now: UnixSeconds) -> Mandate<Payment> {
        let asked = cart.claims();
        let claims = PaymentClaims {
            iss: self.id(),
            aud: asked.iss.clone(),
            jti: self.jti(),
            iat: now,
            exp: now.plus(30),
            act: asked.act.clone(),
            action: BoundAction {
                sku: asked.action.sku.clone(),
                quantity: asked.action.quantity,
                request: asked.action.request,
            },
            total: asked.total,
            intent: asked.intent,
            cart: cart.hash(),
            caps: Vec::new(),
            peer_log: cart.head(),
        };
        let draft = Draft::<Payment>::new(&claims, self.key.public_key().id()).expect("a payment");
        draft.issue(self.head(), &self.key).expect("a payment")
    }
}

/// The digest of the call that every test makes.
pub(crate) fn request() -> RequestDigest {
    RequestDigest::of(b"POST\n/bookings\n\n")
}
