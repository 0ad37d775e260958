//! A principal with a wallet that has no rules: it signs whatever claims a test gives it.

use std::sync::atomic::{AtomicU64, Ordering};

use mandate::{
    Action, Cart, Draft, Head, Intent, IntentClaims, Kind, Limit, Mandate, MerchantId, Payment,
    PaymentClaims, PrincipalId, PrincipalRole, PublicKey, Quantity, RequestDigest, Root,
    UnixSeconds,
};
use mandate_gateway::Principal;
use mandate_keys::{Seed, SigningKey};

use crate::wallet::fresh_jti;

/// The lives of a right token, in seconds; those of a default `wallet.toml`.
const INTENT_LIFE_S: u64 = 60;
const PAYMENT_LIFE_S: u64 = 30;

/// What an agent asks an intent for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The agent.
    pub agent: &'static str,
    /// The action.
    pub action: &'static str,
    /// How many units.
    pub quantity: u32,
    /// The digest of the call, if it is bound to one.
    pub request: Option<RequestDigest>,
    /// The most it may cost.
    pub limit: Option<Limit>,
}

impl Ask {
    /// One unit of an action, by the agent `travel`, for any call and at any price.
    #[must_use]
    pub fn one(action: &'static str) -> Self {
        Self { agent: "travel", action, quantity: 1, request: None, limit: None }
    }
}

/// How many tokens all payers signed: the size of the log that each names. Two payers with one key, as tests make them
/// for one name, are one wallet, whose log only grows.
static SIGNED: AtomicU64 = AtomicU64::new(0);

/// A principal whose key signs anything.
#[derive(Debug)]
pub struct Payer {
    id: PrincipalId,
    key: SigningKey,
}

impl Payer {
    /// A principal that is known by its key, which is made of these bytes.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_seed(Seed::copy_from(&seed));
        Self { id: PrincipalId::from_key(&key.public_key()), key }
    }

    /// A principal that is known by a stable id.
    ///
    /// # Panics
    ///
    /// If the id is none.
    #[must_use]
    pub fn named(id: &str, seed: [u8; 32]) -> Self {
        Self { id: id.parse().expect("an id"), ..Self::new(seed) }
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> &PrincipalId {
        &self.id
    }

    /// Its key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// As a merchant lists it.
    #[must_use]
    pub fn listed(&self) -> (PrincipalId, Principal) {
        let keys = mandate::KeySet::new([self.public_key()]);
        (self.id.clone(), Principal { keys, account: None })
    }

    /// The claims of an intent.
    ///
    /// # Panics
    ///
    /// If what is asked makes none.
    #[must_use]
    pub fn intent_claims(
        &self,
        merchant: &MerchantId,
        ask: &Ask,
        now: UnixSeconds,
    ) -> IntentClaims {
        IntentClaims {
            iss: self.id.clone(),
            aud: merchant.clone(),
            jti: fresh_jti(),
            iat: now,
            exp: now.plus(INTENT_LIFE_S),
            act: ask.agent.parse().expect("a name"),
            action: Action {
                sku: ask.action.parse().expect("a SKU"),
                quantity: Quantity::new(ask.quantity).expect("a quantity"),
                request: ask.request,
            },
            limit: ask.limit,
        }
    }

    /// The claims of a payment that a right wallet would sign for a cart, without caps.
    #[must_use]
    pub fn payment_claims(&self, cart: &Mandate<Cart>, now: UnixSeconds) -> PaymentClaims {
        let asked = cart.claims();
        PaymentClaims {
            iss: self.id.clone(),
            aud: asked.iss.clone(),
            jti: fresh_jti(),
            iat: now,
            exp: now.plus(PAYMENT_LIFE_S).min(asked.exp),
            act: asked.act.clone(),
            action: asked.action.clone(),
            total: asked.total,
            intent: asked.intent,
            cart: cart.hash(),
            caps: Vec::new(),
            peer_log: cart.head(),
        }
    }

    /// An intent.
    ///
    /// # Panics
    ///
    /// If what is asked makes none.
    #[must_use]
    pub fn intent(&self, merchant: &MerchantId, ask: &Ask, now: UnixSeconds) -> Mandate<Intent> {
        self.sign::<Intent>(&self.intent_claims(merchant, ask, now))
    }

    /// The payment of a cart.
    ///
    /// # Panics
    ///
    /// If the cart is over.
    #[must_use]
    pub fn pay(&self, cart: &Mandate<Cart>, now: UnixSeconds) -> Mandate<Payment> {
        self.sign::<Payment>(&self.payment_claims(cart, now))
    }

    /// Signs claims, right or wrong.
    ///
    /// # Panics
    ///
    /// If they break a rule of their kind.
    #[must_use]
    pub fn sign<K: Kind<Role = PrincipalRole>>(&self, claims: &K::Claims) -> Mandate<K> {
        self.sign_at(claims, SIGNED.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Signs claims as the last entry of a log of this size, whatever was signed before: no honest wallet does.
    ///
    /// # Panics
    ///
    /// As [`Payer::sign`].
    #[must_use]
    pub fn sign_at<K: Kind<Role = PrincipalRole>>(
        &self,
        claims: &K::Claims,
        size: u64,
    ) -> Mandate<K> {
        sign_with(claims, Head { size, root: Root::of(&size.to_be_bytes()) }, &self.key)
    }
}

/// Signs claims with any key.
///
/// # Panics
///
/// If they break a rule of their kind.
#[must_use]
pub fn sign_with<K: Kind>(claims: &K::Claims, head: Head, key: &SigningKey) -> Mandate<K> {
    let draft = Draft::<K>::new(claims, key.public_key().id()).expect("a draft");
    draft.issue(head, key).expect("a signature")
}
