//! What a mandate is held against beside the book: the settings, time, audience, action, request, cart. Pure.
//!
//! The order of the checks is part of the contract: of two faults, the first in this order is answered.

use mandate::token::{CLOCK_SKEW_S, Life, Limit};
use mandate::{
    Cart, IntentClaims, KeyId, Mandate, MerchantId, Money, Payment, PaymentClaims, PrincipalId,
    RequestDigest, Sku, UnixSeconds, VerifyError,
};

use crate::refusal::Refusal;
use crate::settings::{Action, Price, Settings};

/// What a call is, as the gateway sees it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The action of its route, as it was on offer when the call came.
    pub action: Action,
    /// The digest of the request as it was received.
    pub request: RequestDigest,
}

/// Holds a mandate that was let in against the principals and keys that are accepted now.
pub(crate) fn accepted(
    settings: &Settings,
    issuer: &PrincipalId,
    kid: &KeyId,
) -> Result<(), Refusal> {
    let Some(keys) = settings.enrolment.keys(issuer) else {
        return Err(Refusal::IssuerUnknown { issuer: issuer.clone() });
    };
    match keys.key(kid) {
        Some(_) => Ok(()),
        None => Err(Refusal::Signature(VerifyError::KeyUnknown { kid: *kid })),
    }
}

/// Holds a call that was let in against what is offered now: for an intent, the very same.
pub(crate) fn offered(settings: &Settings, action: &Action) -> Result<(), Refusal> {
    match offer(settings, action) {
        Some(now) if now == action => Ok(()),
        Some(_) => Err(Refusal::OfferChanged),
        None => Err(Refusal::RouteUnknown),
    }
}

/// Holds a call with a payment against what is offered now. Its price was promised, whatever it is by now.
pub(crate) fn sold(settings: &Settings, action: &Action) -> Result<(), Refusal> {
    match offer(settings, action).map(|now| &now.price) {
        Some(Price::Fixed(_) | Price::Quote(_)) => Ok(()),
        Some(Price::Free) => Err(Refusal::OfferChanged),
        None => Err(Refusal::RouteUnknown),
    }
}

/// What is offered on the route of an action under its SKU.
fn offer<'s>(settings: &'s Settings, action: &Action) -> Option<&'s Action> {
    settings.actions.iter().find(|now| now.sku == action.sku && now.route == action.route)
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
        None if call.action.request_required => {
            Err(Refusal::RequestRequired { action: call.action.sku.clone() })
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
    if *sku == call.action.sku {
        return Ok(());
    }
    Err(Refusal::ScopeMismatch { found: sku.clone(), here: call.action.sku.clone() })
}
