//! The kinds of token, as types: what one kind's key, claims or hash is cannot be taken for another's.

use std::fmt::{Debug, Display};

use serde::Serialize;

use super::cart::CartClaims;
use super::intent::IntentClaims;
use super::payment::PaymentClaims;
use super::receipt::ReceiptClaims;
use crate::digest::{CartHash, DIGEST_BYTES, IntentHash, PaymentHash, ReceiptHash};
use crate::key::{MerchantRole, PrincipalRole, Role};

/// One of the four kinds of token: [`Intent`], [`Cart`], [`Payment`] or [`Receipt`].
pub trait Kind: sealed::Shape + Copy + Debug + Send + Sync + 'static {
    /// The header's `typ` (RFC 8725, section 3.11).
    const TYP: &'static str;
    /// Whose keys may sign it.
    type Role: Role;
    /// Its claims without `log`.
    type Claims: Clone + Debug + Eq + Serialize + Send + Sync + 'static;
    /// H of its compact form.
    type Hash: Copy + Debug + Display + Into<[u8; DIGEST_BYTES]> + Ord + Send + Sync + 'static;
}

/// A wallet says: this agent may do this action at this merchant, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {}
/// A merchant says: it costs exactly this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cart {}
/// A wallet says: pay this cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {}
/// A merchant says: done, or not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {}

impl Kind for Intent {
    const TYP: &'static str = "intent-mandate+jwt";
    type Role = PrincipalRole;
    type Claims = IntentClaims;
    type Hash = IntentHash;
}

impl Kind for Cart {
    const TYP: &'static str = "cart-mandate+jwt";
    type Role = MerchantRole;
    type Claims = CartClaims;
    type Hash = CartHash;
}

impl Kind for Payment {
    const TYP: &'static str = "payment-mandate+jwt";
    type Role = PrincipalRole;
    type Claims = PaymentClaims;
    type Hash = PaymentHash;
}

impl Kind for Receipt {
    const TYP: &'static str = "mandate-receipt+jwt";
    type Role = MerchantRole;
    type Claims = ReceiptClaims;
    type Hash = ReceiptHash;
}

/// What each kind supplies to the code that all kinds share.
pub(super) mod sealed {
    use super::super::error::RuleError;
    use super::super::member::{MemberError, Members};
    use super::{
        Cart, CartClaims, CartHash, Intent, IntentClaims, IntentHash, Kind, Payment, PaymentClaims,
        PaymentHash, Receipt, ReceiptClaims, ReceiptHash,
    };

    pub trait Shape {
        fn read(members: &mut Members<'_>) -> Result<<Self as Kind>::Claims, MemberError>
        where
            Self: Kind;
        fn check(claims: &<Self as Kind>::Claims) -> Result<(), RuleError>
        where
            Self: Kind;
        fn hash(compact: &str) -> <Self as Kind>::Hash
        where
            Self: Kind;
    }

    macro_rules! shape {
        ($kind:ty, $claims:ty, $hash:ty) => {
            impl Shape for $kind {
                fn read(members: &mut Members<'_>) -> Result<$claims, MemberError> {
                    <$claims>::read(members)
                }

                fn check(claims: &$claims) -> Result<(), RuleError> {
                    claims.check()
                }

                fn hash(compact: &str) -> $hash {
                    <$hash>::of(compact.as_bytes())
                }
            }
        };
    }

    shape!(Intent, IntentClaims, IntentHash);
    shape!(Cart, CartClaims, CartHash);
    shape!(Payment, PaymentClaims, PaymentHash);
    shape!(Receipt, ReceiptClaims, ReceiptHash);
}
