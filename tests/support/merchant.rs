//! A forge of carts and receipts, good ones and odd ones: a merchant's key, and a log for the heads that it signs.
//!
//! It keeps no books and checks nothing that a test may want wrong. A real merchant puts a gateway before its API.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use mandate::id::JTI_BYTES;
use mandate::key::Jwk;
use mandate::text::{Order, Title, VoidReason};
use mandate::token::{Action, BoundAction, LineItem};
use mandate::{
    Cart, CartClaims, Draft, Intent, Jti, KeySet, Kind, Mandate, MerchantId, MerchantRole,
    MinorUnits, Money, Payment, PrincipalRole, PublicKey, Receipt, ReceiptClaims, RequestDigest,
    Status, UnixSeconds, UnverifiedMandate, VerifyError,
};
use mandate_journal::{Chain, ChainError, EntryError};
use mandate_keys::{Seed, SigningKey};
use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

/// How long a cart lives, in seconds.
pub const CART_LIFE_S: u64 = 600;

/// Why a merchant did not sign.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MerchantError {
    /// Its own log does not go on.
    #[error("the merchant's log does not go on")]
    Chain(#[from] ChainError),
    /// The claims make no token.
    #[error(transparent)]
    Draft(#[from] mandate::DraftError),
    /// The claims make no entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The key did not sign.
    #[error(transparent)]
    Issue(#[from] mandate::IssueError),
    /// What the agent presented is no token.
    #[error(transparent)]
    Parse(#[from] mandate::ParseError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
    /// What the agent presented is not signed by the principal.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// A merchant and its key.
pub struct Merchant {
    id: MerchantId,
    key: Arc<SigningKey>,
    log: Mutex<Chain>,
}

/// One entry of the merchant's log: what it signed.
#[derive(Serialize)]
struct Signed<'a> {
    header: &'a RawValue,
    claims: &'a RawValue,
}

impl Merchant {
    /// A merchant with a fresh key.
    ///
    /// # Errors
    ///
    /// [`MerchantError::Random`].
    pub fn new(id: MerchantId) -> Result<Self, MerchantError> {
        let key = Arc::new(SigningKey::from_seed(Seed::random()?));
        Ok(Self { id, key, log: Mutex::default() })
    }

    /// A second merchant of the same id and key, with the log as it is now: from here on each writes its own.
    ///
    /// It is a fork, or the backup of today that is put back some day.
    #[must_use]
    pub fn fork(&self) -> Self {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { id: self.id.clone(), key: Arc::clone(&self.key), log: Mutex::new(log) }
    }

    /// A merchant whose key is these bytes.
    #[must_use]
    pub fn from_seed(id: MerchantId, seed: [u8; 32]) -> Self {
        let key = Arc::new(SigningKey::from_seed(Seed::copy_from(&seed)));
        Self { id, key, log: Mutex::default() }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &MerchantId {
        &self.id
    }

    /// The key that it signs with.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// The keys that a wallet trusts it by.
    #[must_use]
    pub fn trusted(&self) -> KeySet<MerchantRole> {
        KeySet::new([self.public_key()])
    }

    /// Its key as it stands in `wallet.toml`.
    #[must_use]
    pub fn toml_key(&self) -> String {
        let Jwk { kty, crv, x } = Jwk::from(&self.public_key());
        format!(r#"{{ kty = "{kty}", crv = "{crv}", x = "{x}" }}"#)
    }

    /// Checks a mandate that an agent presents.
    ///
    /// # Errors
    ///
    /// [`MerchantError::Parse`] and [`MerchantError::Verify`].
    pub fn admit<K: Kind<Role = PrincipalRole>>(
        &self,
        token: &str,
        principal: PublicKey,
    ) -> Result<Mandate<K>, MerchantError> {
        Ok(UnverifiedMandate::<K>::parse(token)?.verify(&KeySet::new([principal]))?)
    }

    /// The claims of a cart that answers an intent with one line.
    ///
    /// # Errors
    ///
    /// [`MerchantError::Random`].
    pub fn cart(
        &self,
        intent: &Mandate<Intent>,
        title: Title,
        total: Money,
        now: UnixSeconds,
    ) -> Result<CartClaims, MerchantError> {
        let asked = intent.claims();
        let request = asked.action.request.unwrap_or_else(|| RequestDigest::of(b"the quoted call"));
        Ok(CartClaims {
            iss: self.id.clone(),
            aud: asked.iss.clone(),
            jti: fresh_jti()?,
            iat: now,
            exp: now.plus(CART_LIFE_S),
            act: asked.act.clone(),
            action: BoundAction {
                sku: asked.action.sku.clone(),
                quantity: asked.action.quantity,
                request,
            },
            line_items: vec![LineItem {
                title,
                quantity: asked.action.quantity,
                amount: total.amount,
            }],
            total,
            intent: intent.hash(),
            peer_log: intent.head(),
        })
    }

    /// The claims of a receipt for a payment: executed, with a reference.
    ///
    /// # Errors
    ///
    /// [`MerchantError::Random`].
    pub fn executed(
        &self,
        payment: &Mandate<Payment>,
        order: Order,
        now: UnixSeconds,
    ) -> Result<ReceiptClaims, MerchantError> {
        let paid = payment.claims();
        let total = Some(paid.total);
        let receipt = self.answer(payment, now)?;
        Ok(ReceiptClaims { total, order: Some(order), ..receipt })
    }

    /// The claims of a receipt for a payment: not executed, and never will be.
    ///
    /// # Errors
    ///
    /// [`MerchantError::Random`].
    pub fn void(
        &self,
        payment: &Mandate<Payment>,
        reason: VoidReason,
        now: UnixSeconds,
    ) -> Result<ReceiptClaims, MerchantError> {
        let receipt = self.answer(payment, now)?;
        Ok(ReceiptClaims { status: Status::Void, reason: Some(reason), ..receipt })
    }

    /// What both receipts of a payment share; executed for nothing, which no rule allows.
    fn answer(
        &self,
        payment: &Mandate<Payment>,
        now: UnixSeconds,
    ) -> Result<ReceiptClaims, MerchantError> {
        let paid = payment.claims();
        Ok(ReceiptClaims {
            iss: self.id.clone(),
            aud: paid.iss.clone(),
            jti: fresh_jti()?,
            iat: now,
            act: paid.act.clone(),
            action: Action::from(paid.action.clone()),
            total: Some(Money { currency: paid.total.currency, amount: MinorUnits::ZERO }),
            intent: paid.intent,
            cart: Some(paid.cart),
            payment: Some(payment.hash()),
            status: Status::Executed,
            reason: None,
            order: None,
            peer_log: payment.head(),
        })
    }

    /// The claims of a receipt for a free action.
    ///
    /// # Errors
    ///
    /// [`MerchantError::Random`].
    pub fn executed_free(
        &self,
        intent: &Mandate<Intent>,
        now: UnixSeconds,
    ) -> Result<ReceiptClaims, MerchantError> {
        let asked = intent.claims();
        Ok(ReceiptClaims {
            iss: self.id.clone(),
            aud: asked.iss.clone(),
            jti: fresh_jti()?,
            iat: now,
            act: asked.act.clone(),
            action: asked.action.clone(),
            total: None,
            intent: intent.hash(),
            cart: None,
            payment: None,
            status: Status::Executed,
            reason: None,
            order: None,
            peer_log: intent.head(),
        })
    }

    /// Writes a cart down and signs it.
    ///
    /// # Errors
    ///
    /// [`MerchantError`] if the claims break a rule of their kind, or the key does not sign.
    pub fn sign_cart(&self, claims: &CartClaims) -> Result<Mandate<Cart>, MerchantError> {
        self.sign(claims, "cart", claims.iat)
    }

    /// Writes a receipt down and signs it.
    ///
    /// # Errors
    ///
    /// As [`Merchant::sign_cart`].
    pub fn sign_receipt(&self, claims: &ReceiptClaims) -> Result<Mandate<Receipt>, MerchantError> {
        self.sign(claims, "receipt", claims.iat)
    }

    fn sign<K: Kind<Role = MerchantRole>>(
        &self,
        claims: &K::Claims,
        kind: &str,
        now: UnixSeconds,
    ) -> Result<Mandate<K>, MerchantError> {
        let draft = Draft::<K>::new(claims, self.public_key().id())?;
        let entry = Signed { header: draft.header(), claims: draft.claims_json() };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = log.encode(now, kind, &entry)?;
        log.push(&bytes)?;
        Ok(draft.issue(log.head(), &*self.key)?)
    }
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchant").field("id", &self.id).finish_non_exhaustive()
    }
}

fn fresh_jti() -> Result<Jti, MerchantError> {
    let mut bits = [0; JTI_BYTES];
    getrandom::fill(&mut bits)?;
    Ok(Jti::from_random(bits))
}
