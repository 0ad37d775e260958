//! One attempt to have a use reserved and executed, and what its answer says became of it.
//!
//! From reserve to record it runs in a task of its own: a client that hangs up does not leave a use half done.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{Either, Full};
use mandate::text::{Order, VoidReason};
use mandate_host::log;
use mandate_journal::WriteError;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

use super::Upstream;
use super::answer::{Refused, attach_receipt};
use super::flow::{Reply, Used, unwritten, used_by_another};
use super::gateway::{Gateway, jti};
use super::headers::{self, MANDATE_ORDER, Told};
use super::limits::InFlight;
use super::request::{BoxError, Whole};
use super::turns::Turn;
use crate::book::{Decider, Mark, Outcome, Presented, Reservation, UseKey};
use crate::refusal::{Refusal, Spent};

/// Answers by which an API says that it did not execute a call and never will.
const REFUSED: [StatusCode; 9] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::GONE,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
];

/// How long a call waits until the API can take it.
pub(super) const READY_WAIT: Duration = Duration::from_secs(5);

/// A call that may go to the API.
pub(super) struct Attempt {
    pub(super) key: UseKey,
    pub(super) whole: Whole,
    pub(super) told: Told,
}

/// Has the book reserve a use, sends the call, settles the use where the answer decides, and gives the answer.
pub(super) async fn run<S, P>(
    gateway: &Gateway,
    inner: S,
    presenting: P,
    attempt: Attempt,
    (turn, in_flight): (Turn, Arc<InFlight>),
) -> Result<Used<S::Body>, Refused>
where
    S: Upstream,
    P: Future<Output = Result<Presented, WriteError>> + Send + 'static,
{
    let (done, answer) = oneshot::channel();
    let own = gateway.clone();
    gateway.tasks().spawn(async move {
        let used = match ready(inner).await {
            Ok(inner) => after(&own, inner, presenting.await, attempt).await,
            Err(refusal) => unsent(&own, attempt.key, refusal).await,
        };
        // Only now may another call for the same mandate go on. The principal's place is kept on with the answer; here for
        // as long as the API has the call, should the client hang up.
        drop((turn, in_flight));
        // The client may have hung up.
        drop(done.send(used));
    });
    let lost = Refusal::Upstream { problem: "the call was lost", spent: Spent::Reserved };
    answer.await.unwrap_or(Err(lost.into()))
}

/// Waits until the API can take a call: one that cannot be sent uses no mandate.
async fn ready<S: Upstream>(inner: S) -> Result<S, Refusal> {
    let refused = |problem| Refusal::Upstream { problem, spent: Spent::Nothing };
    match tokio::time::timeout(READY_WAIT, inner.ready_oneshot()).await {
        Ok(Ok(inner)) => Ok(inner),
        Ok(Err(error)) => {
            let error: BoxError = error.into();
            tracing::error!(error = %log::chain(&*error), "the API takes no call");
            Err(refused("the API takes no call"))
        }
        Err(_elapsed) => {
            tracing::warn!(
                timeout_s = READY_WAIT.as_secs(),
                "as many calls are under way at the API as it takes"
            );
            Err(refused("as many calls are under way at the API as it takes"))
        }
    }
}

/// What became of a mandate whose call cannot be sent: its state is the answer, if it has one.
async fn unsent<B>(gateway: &Gateway, key: UseKey, refusal: Refusal) -> Result<Used<B>, Refused> {
    let known = gateway.book().known(gateway.now(), Mark::Use(key), refusal).await;
    match known.map_err(unwritten)?? {
        Some(receipt) => Ok(Used::Before(Box::new(gateway.sign(&receipt)?))),
        None => Err(undecided("as many calls are under way at the API as it takes").into()),
    }
}

/// Goes on with what the book said about a mandate.
async fn after<S>(
    gateway: &Gateway,
    inner: S,
    presented: Result<Presented, WriteError>,
    attempt: Attempt,
) -> Result<Used<S::Body>, Refused>
where
    S: Upstream,
{
    let (reservation, first) = match presented.map_err(unwritten)? {
        Presented::Reserved(reservation) => (reservation, true),
        Presented::Again(reservation) => (reservation, false),
        Presented::Refused(refusal) => return Err(refusal.into()),
        Presented::Settled(receipt) => return Ok(Used::Before(Box::new(gateway.sign(&receipt)?))),
        Presented::UsedByAnother(receipt) => return Err(used_by_another(gateway, receipt)?),
    };
    Ok(Used::Replied(execute(gateway, inner, reservation, first, attempt).await?))
}

/// Sends the call of a reserved use; `first` if no call for it can have reached the API before.
async fn execute<S>(
    gateway: &Gateway,
    inner: S,
    reservation: Reservation,
    first: bool,
    Attempt { key: _, whole, told }: Attempt,
) -> Result<Reply<S::Body>, Refusal>
where
    S: Upstream,
{
    // A lock, or a fault of the journal, may have come after the use was written down: it stays reserved.
    gateway.book().usable()?;
    let answer = send(gateway, inner, &reservation, whole, &told).await?;
    let status = answer.status();
    let Some(outcome) = outcome(status, answer.headers(), first) else {
        let key = reservation.key;
        tracing::error!(use_key = %key, status = status.as_u16(), first, "the API's answer decides nothing; the use stays reserved");
        return Err(undecided("the API did not say what became of the call"));
    };
    let by = Decider::Upstream { status: status.as_u16() };
    let settled = gateway.book().settle(gateway.now(), reservation.key, outcome, by, jti()?).await;
    let receipt = match settled {
        Ok(Some(receipt)) => gateway.sign(&receipt)?,
        Ok(None) => return Err(Refusal::ReceiptUnwritten),
        Err(error) => {
            tracing::error!(%error, use_key = %reservation.key, "a receipt was not written; the use stays reserved");
            return Err(Refusal::ReceiptUnwritten);
        }
    };
    Ok(reply(answer, receipt.as_str()))
}

/// The API's answer as the client gets it, with its receipt.
fn reply<B>(answer: Response<B>, receipt: &str) -> Reply<B> {
    let mut reply = answer.map(Either::Left);
    // Which HTTP the API speaks is no affair of the client's connection.
    *reply.version_mut() = Version::default();
    headers::for_client(reply.headers_mut());
    attach_receipt(reply.headers_mut(), Some(receipt));
    reply
}

/// Sends the call to the API, which is ready for it.
async fn send<S>(
    gateway: &Gateway,
    mut inner: S,
    reservation: &Reservation,
    whole: Whole,
    told: &Told,
) -> Result<Response<S::Body>, Refusal>
where
    S: Upstream,
{
    let Whole { method, target, headers, body } = whole;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    // It was a URI when it came in.
    *request.uri_mut() = target.parse().or(Err(Refusal::RequestTarget))?;
    *request.headers_mut() = headers::for_upstream(headers);
    told.write(request.headers_mut());
    headers::write_idempotency_key(request.headers_mut(), &reservation.key);
    let timeout = gateway.settings().limits.upstream_timeout;
    let key = reservation.key;
    match tokio::time::timeout(timeout, inner.call(request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            let error: BoxError = error.into();
            tracing::error!(use_key = %key, error = %log::chain(&*error), "the API does not answer; the use stays reserved");
            Err(undecided("the API does not answer"))
        }
        Err(_elapsed) => {
            tracing::error!(use_key = %key, timeout_s = timeout.as_secs(), "the API did not answer in time; the use stays reserved");
            Err(undecided("the API did not answer in time"))
        }
    }
}

fn undecided(problem: &'static str) -> Refusal {
    Refusal::Upstream { problem, spent: Spent::Reserved }
}

/// What an answer says became of the use; `None` if it does not say.
///
/// After a first attempt, an earlier one may have been executed, so a later refusal decides nothing.
fn outcome(status: StatusCode, headers: &HeaderMap, first: bool) -> Option<Outcome> {
    if status.is_success() {
        return Some(Outcome::Executed { order: order(headers) });
    }
    if !first || !REFUSED.contains(&status) {
        return None;
    }
    let reason = format!("the API refused the call with status {}", status.as_u16());
    let reason: VoidReason = reason.parse().ok()?;
    Some(Outcome::Void { reason })
}

/// The merchant's own reference; none if it is no text that a receipt can hold.
fn order(headers: &HeaderMap) -> Option<Order> {
    let value = headers.get(MANDATE_ORDER)?;
    let order = std::str::from_utf8(value.as_bytes()).ok().and_then(|text| text.parse().ok());
    if order.is_none() {
        tracing::error!(
            "Mandate-Order is no text of at most 80 bytes; the receipt goes without it"
        );
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_on_without_what_is_the_connections_or_only_the_gateways() {
        let answer = Response::builder()
            .version(Version::HTTP_10)
            .status(201)
            .header("connection", "close, x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("mandate-order", "LUX-1")
            .header("mandate-receipt", "forged")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .body(());
        let reply = reply(answer.unwrap(), "a.b.c");
        assert_eq!((reply.version(), reply.status()), (Version::HTTP_11, StatusCode::CREATED));
        let headers = reply.headers().iter();
        let mut headers: Vec<String> =
            headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.sort();
        assert_eq!(headers, ["mandate-receipt: a.b.c", "set-cookie: a=1", "set-cookie: b=2"]);
    }
}
