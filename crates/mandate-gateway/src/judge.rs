//! What a mandate is held against before the book is asked: time, audience, action, request, cart. Pure.
//!
//! The order of the checks is part of the contract: of two faults, the first in this order is answered.

use mandate::token::{CLOCK_SKEW_S, Life, Limit};
use mandate::{
    Cart, IntentClaims, Mandate, MerchantId, Money, Payment, PaymentClaims, RequestDigest, Sku,
    UnixSeconds,
};

use crate::refusal::Refusal;

/// What a call is, as the gateway sees it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The action of its route.
    pub action: Sku,
    /// The digest of the request as it was received.
    pub request: RequestDigest,
    /// Whether an intent for it has to carry that digest.
    pub request_required: bool,
}

/// Holds a mandate against time and merchant: what speaks against it whatever its call is.
pub(crate) fn current(
    life: Life,
    aud: &MerchantId,
    merchant: &MerchantId,
    now: UnixSeconds,
) -> Result<(), Refusal> {
    timely(life, now)?;
    addressed(aud, merchant)
}

/// Holds an intent against the call it came with.
pub(crate) fn intent(
    claims: &IntentClaims,
    merchant: &MerchantId,
    call: &Call,
    now: UnixSeconds,
) -> Result<(), Refusal> {
    current(claims.life(), &claims.aud, merchant, now)?;
    in_scope(&claims.action.sku, call)?;
    match claims.action.request {
        Some(request) if request != call.request => Err(Refusal::RequestMismatch),
        None if call.request_required => {
            Err(Refusal::RequestRequired { action: call.action.clone() })
        }
        _ => Ok(()),
    }
}

/// Holds a price against what the intent allows.
pub(crate) fn price(claims: &IntentClaims, price: Money) -> Result<(), Refusal> {
    let Some(Limit { currency, max }) = claims.limit else { return Ok(()) };
    if price.currency == currency && price.amount <= max {
        return Ok(());
    }
    Err(Refusal::PriceAboveLimit { price, limit: Money { currency, amount: max } })
}

/// Holds a payment against the call it came with.
pub(crate) fn payment(
    payment: &Mandate<Payment>,
    merchant: &MerchantId,
    call: &Call,
    now: UnixSeconds,
) -> Result<(), Refusal> {
    let claims = payment.claims();
    current(claims.life(), &claims.aud, merchant, now)?;
    in_scope(&claims.action.sku, call)?;
    if claims.action.request != call.request {
        return Err(Refusal::RequestMismatch);
    }
    Ok(())
}

/// Holds a payment against the cart it says it pays; `None` if no such cart was made here.
pub(crate) fn cart(claims: &PaymentClaims, cart: Option<&Mandate<Cart>>) -> Result<(), Refusal> {
    let Some(cart) = cart else { return Err(Refusal::CartUnknown) };
    let head = cart.head();
    let cart = cart.claims();
    let fits = [
        ("iss", claims.iss == cart.aud),
        ("act", claims.act == cart.act),
        ("action", claims.action == cart.action),
        ("intent", claims.intent == cart.intent),
        ("total", claims.total == cart.total),
        ("exp", claims.exp <= cart.exp),
        ("peer_log", claims.peer_log == head),
    ];
    match fits.into_iter().find(|(_, fits)| !fits) {
        Some((field, _)) => Err(Refusal::CartDiffers { field }),
        None => Ok(()),
    }
}

/// A payment that was never used may be voided once it can no longer be.
pub(crate) fn past_use(life: Life, now: UnixSeconds) -> Result<(), Refusal> {
    if life.has_ended(now, CLOCK_SKEW_S) {
        return Ok(());
    }
    Err(Refusal::NotExpired { until: life.exp.plus(CLOCK_SKEW_S) })
}

pub(crate) fn timely(life: Life, now: UnixSeconds) -> Result<(), Refusal> {
    if life.has_ended(now, CLOCK_SKEW_S) {
        return Err(Refusal::Expired { exp: life.exp });
    }
    if life.is_ahead(now, CLOCK_SKEW_S) {
        return Err(Refusal::NotYetValid { iat: life.iat });
    }
    Ok(())
}

pub(crate) fn addressed(aud: &MerchantId, merchant: &MerchantId) -> Result<(), Refusal> {
    if aud == merchant {
        return Ok(());
    }
    Err(Refusal::AudienceMismatch { found: aud.clone(), here: merchant.clone() })
}

fn in_scope(sku: &Sku, call: &Call) -> Result<(), Refusal> {
    if *sku == call.action {
        return Ok(());
    }
    Err(Refusal::ScopeMismatch { found: sku.clone(), here: call.action.clone() })
}
