//! Receipts by the hash of what they answer, and the void of a payment that was never presented.

use http::Method;
use http::request::Parts;
use mandate::text::VoidReason;
use mandate::token::{Cart, Mandate, Payment};
use mandate_journal::StoreError;

use super::admit::{Carried as _, admit};
use super::answer::{self, Answer, Refused};
use super::flow::{TURN_WAIT, unwritten, used_by_another};
use super::gateway::{Gateway, jti};
use super::headers;
use crate::book::{Presented, Trusted, UseKey};
use crate::judge;
use crate::refusal::Refusal;

/// Why a payment that was never presented is void.
const NEVER_PRESENTED: &str = "it was not presented in its time";

/// Answers for one hash.
pub(super) async fn answer(
    gateway: &Gateway,
    parts: &Parts,
    hash: &str,
) -> Result<Answer, Refused> {
    match parts.method {
        Method::GET => look_up(gateway, hash).await,
        Method::POST => void(gateway, parts, hash).await,
        _ => Err(Refusal::RouteUnknown.into()),
    }
}

/// The receipt, for whoever knows the hash: only the two sides of a use do.
async fn look_up(gateway: &Gateway, hash: &str) -> Result<Answer, Refused> {
    let key: UseKey = hash.parse().or(Err(Refusal::ReceiptUnknown))?;
    Ok(settled(gateway, key).await?.ok_or(Refusal::ReceiptUnknown)?)
}

/// The receipt of a use, if there is one.
async fn settled(gateway: &Gateway, key: UseKey) -> Result<Option<Answer>, Refusal> {
    let _place = gateway.look_up().await;
    let book = gateway.book().clone();
    let Some(receipt) = reading(move || book.receipt(&key)).await? else { return Ok(None) };
    Ok(Some(answer::receipt(gateway.sign(&receipt)?.as_str())))
}

/// Voids a payment that was never presented, once it no longer can be.
async fn void(gateway: &Gateway, parts: &Parts, hash: &str) -> Result<Answer, Refused> {
    let presented = headers::mandate(&parts.headers).map_err(Refusal::from)?;
    let Some(headers::Presented::Payment(token)) = presented else {
        return Err(Refusal::MandateRequired { header: Payment::HEADER }.into());
    };
    let enrolment = &gateway.settings().enrolment;
    let trusted = admit::<Payment>(token, enrolment, gateway.book().key())?;
    let payment = &trusted.mandate;
    match void_verified(gateway, &trusted, hash).await {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            let (issuer, call) = (&payment.claims().iss, "POST receipt".to_owned());
            let mandate = payment.as_str();
            gateway.write_refusal(issuer, &refused.refusal, mandate, call).await;
            Err(refused)
        }
    }
}

async fn void_verified(
    gateway: &Gateway,
    trusted: &Trusted<Payment>,
    hash: &str,
) -> Result<Answer, Refused> {
    let payment = &trusted.mandate;
    let key: UseKey = payment.hash().into();
    if hash.parse::<UseKey>() != Ok(key) {
        return Err(Refusal::TokenMismatch.into());
    }
    gateway.ready()?;
    // What needs no place of the principal takes none: such a payment may be in anybody's hands.
    judge::addressed(&payment.claims().aud, gateway.book().merchant())?;
    if let Some(answer) = settled(gateway, key).await? {
        return Ok(answer);
    }
    let _in_flight = gateway.limits().enter(&payment.claims().iss)?;
    let turn = tokio::time::timeout(TURN_WAIT, gateway.turns().take(*key.as_bytes())).await;
    let _turn = turn.or(Err(Refusal::InProgress))?;
    let cart = cart_of(gateway, payment).await?;
    let reason: VoidReason = NEVER_PRESENTED.parse().or(Err(Refusal::ReceiptUnwritten))?;
    let barred = gateway.book().bar(gateway.now(), trusted.clone(), cart, reason, jti()?).await;
    match barred.map_err(unwritten)? {
        Presented::Settled(receipt) => Ok(answer::receipt(gateway.sign(&receipt)?.as_str())),
        Presented::Refused(refusal) => Err(refusal.into()),
        Presented::UsedByAnother(receipt) => Err(used_by_another(gateway, receipt)?),
        Presented::Again(_) | Presented::Reserved(_) => Err(Refusal::InProgress.into()),
    }
}

/// The cart that a payment names, if it was made here.
pub(super) async fn cart_of(
    gateway: &Gateway,
    payment: &Mandate<Payment>,
) -> Result<Option<(u64, Mandate<Cart>)>, Refusal> {
    gateway.ready()?;
    let (book, intent) = (gateway.book().clone(), payment.claims().intent);
    // The key is not lent while the disk is read: a lock would wait for it.
    for (seq, cart) in reading(move || book.carts_of(&intent)).await? {
        let cart = gateway.sign(&cart)?;
        if cart.hash() == payment.claims().cart {
            return Ok(Some((seq, cart)));
        }
    }
    Ok(None)
}

/// Reads the journal off the async threads.
async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refusal> {
    let problem = match tokio::task::spawn_blocking(read).await {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::error!(%problem, "the journal could not be read");
    Err(Refusal::JournalUnavailable)
}
