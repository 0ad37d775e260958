//! One call from its first byte to its answer, in the order that the contract has.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{Either, Full};
use mandate::token::{Intent, Mandate, Payment, Receipt};
use mandate::{PrincipalId, discovery};
use mandate_journal::WriteError;

use super::admit::{Carried, admit};
use super::answer::{self, Refused};
use super::attempt::{self, Attempt};
use super::gateway::Gateway;
use super::headers::{self, Told, check_encoding};
use super::limits::InFlight;
use super::request::{BoxError, Whole, check_declared_size, origin_form, pass_over, read_body};
use super::turns::Turn;
use super::{AnswerBody, Upstream, quote, receipts};
use crate::book::{Recorded, Trusted};
use crate::held::Held;
use crate::judge::{self, Call};
use crate::metrics::Tally;
use crate::refusal::{HeaderFault, Refusal};
use crate::settings::{Action, Price};

/// How long a call waits for another one with the same mandate.
pub(super) const TURN_WAIT: Duration = Duration::from_secs(5);

/// An answer with a body of the API's kind or the gateway's own.
pub(super) type Reply<U> = Response<Either<U, Full<Bytes>>>;

/// What is counted of a call for as long as it is under way: its principal's place, once it has one.
type Place = OnceLock<Arc<InFlight>>;

/// Answers one call.
pub(super) async fn handle<S, B>(
    gateway: Gateway,
    inner: S,
    request: Request<B>,
) -> Response<AnswerBody<S::Body>>
where
    S: Upstream,
    B: Body<Error: Into<BoxError>> + Send,
{
    let (parts, body) = request.into_parts();
    let (tally, place) = (gateway.figures().tally(), Place::new());
    let reply = match route(&gateway, inner, parts, body, &tally, &place).await {
        Ok(reply) => {
            tally.granted();
            reply
        }
        Err(refused) => {
            tally.refused(refused.refusal.reason());
            refused.answer().map(Either::Right)
        }
    };
    // Nobody holds more connections to the API by leaving its answers lying. The gateway's own hold nothing.
    let place = matches!(reply.body(), Either::Left(_)).then_some(place);
    reply.map(|body| Held::new(body, place))
}

async fn route<S, B>(
    gateway: &Gateway,
    inner: S,
    parts: Parts,
    body: B,
    tally: &Tally,
    place: &Place,
) -> Result<Reply<S::Body>, Refused>
where
    S: Upstream,
    B: Body<Error: Into<BoxError>> + Send,
{
    let target = origin_form(&parts)?;
    let path = target.split('?').next().unwrap_or_default();
    if path == discovery::PATH {
        return discover(gateway, &parts.method).map(|answer| answer.map(Either::Right));
    }
    let receipts_path = path.strip_prefix(discovery::RECEIPTS_PATH);
    if let Some(hash) = receipts_path.and_then(|rest| rest.strip_prefix('/')) {
        let answer = receipts::answer(gateway, &parts, hash).await?;
        return Ok(answer.map(Either::Right));
    }
    let settings = gateway.settings();
    let action = settings.action(&parts.method, path).ok_or(Refusal::RouteUnknown)?;
    tally.about(gateway.figures().of_action(&action.sku));
    check_encoding(&parts.headers)?;
    check_declared_size(&parts.headers)?;
    let call = format!("{} {}", action.route.method(), action.route.path());
    let client_timeout = settings.limits.client_timeout;
    let visit = Visit { gateway, action, call, place, client_timeout };
    let presented = headers::mandate(&parts.headers).map_err(Refusal::from)?;
    match (presented, &action.price) {
        (None, _) => Err(Refusal::MandateRequired { header: "Mandate-Intent" }.into()),
        (Some(headers::Presented::Payment(_)), Price::Free) => {
            Err(Refusal::Header(HeaderFault::PaymentForFree).into())
        }
        (Some(headers::Presented::Payment(token)), _) => {
            match visit.admit::<Payment>(token).await? {
                Entry::Admitted(payment) => visit.pay(inner, &parts, target, body, payment).await,
                Entry::Used(payment, receipt) => {
                    match pass_over(body, visit.client_timeout).await {
                        Ok(()) => Ok(answer::receipt(receipt.as_str()).map(Either::Right)),
                        Err(refusal) => Err(visit.refuse(&payment, refusal.into()).await),
                    }
                }
            }
        }
        (Some(headers::Presented::Intent(token)), price) => {
            match (visit.admit::<Intent>(token).await?, price) {
                (Entry::Admitted(intent), Price::Free) => {
                    visit.use_free(inner, &parts, target, body, intent).await
                }
                (Entry::Admitted(intent), Price::Fixed(_) | Price::Quote(_)) => {
                    visit.ask_price(inner, &parts, target, body, intent).await
                }
                (Entry::Used(intent, receipt), _) => {
                    Err(visit.refuse(&intent, Refused::already_used(&receipt)).await)
                }
            }
        }
    }
}

/// Who the merchant is and what it offers, for anyone.
fn discover(gateway: &Gateway, method: &Method) -> Result<answer::Answer, Refused> {
    if *method != Method::GET {
        return Err(Refusal::RouteUnknown.into());
    }
    Ok(answer::public(&gateway.settings().discovery(gateway.book().key())))
}

/// A call on a listed route.
struct Visit<'a> {
    gateway: &'a Gateway,
    action: &'a Action,
    /// Method and path of its route, for the journal.
    call: String,
    /// Where its principal's place is kept until the answer has ended.
    place: &'a Place,
    client_timeout: Duration,
}

/// What becomes of a call whose mandate verified, before its body is read.
enum Entry<K: Carried> {
    /// It goes on.
    Admitted(Admitted<K>),
    /// Its mandate was used, and its time is over; the receipt says what came of it.
    Used(Box<Mandate<K>>, Box<Mandate<Receipt>>),
}

/// A mandate that verified, let in under its principal's limits.
struct Admitted<K: Carried> {
    trusted: Trusted<K>,
    in_flight: Arc<InFlight>,
}

impl Visit<'_> {
    /// Checks a token's signature, and whether its principal may make another call.
    async fn admit<K: Carried>(&self, token: &str) -> Result<Entry<K>, Refused> {
        let settings = self.gateway.settings();
        let trusted = admit::<K>(token, &settings.enrolment, self.gateway.book().key())?;
        match self.look(&trusted.mandate).await {
            Ok(None) => {}
            Ok(Some(receipt)) => {
                return Ok(Entry::Used(Box::new(trusted.mandate), Box::new(receipt)));
            }
            Err(refusal) => return Err(self.refuse(&trusted.mandate, refusal.into()).await),
        }
        let entered = self.gateway.limits().enter(K::issuer(trusted.mandate.claims()))?;
        let in_flight = Arc::clone(self.place.get_or_init(|| Arc::new(entered)));
        Ok(Entry::Admitted(Admitted { trusted, in_flight }))
    }

    /// Looks at a mandate before it takes a place of its principal: whoever came by one that ran out, or by one for another
    /// merchant, must not keep its principal out. The receipt, if it was used and that is all there is to say.
    async fn look<K: Carried>(
        &self,
        mandate: &Mandate<K>,
    ) -> Result<Option<Mandate<Receipt>>, Refusal> {
        let (gateway, claims, now) = (self.gateway, mandate.claims(), self.gateway.now());
        let merchant = gateway.book().merchant();
        let current = judge::current(K::life(claims), K::audience(claims), merchant, now.wall);
        let Err(otherwise) = current else { return Ok(None) };
        gateway.ready()?;
        if matches!(otherwise, Refusal::AudienceMismatch { .. }) {
            // None such was ever used here.
            return Err(otherwise);
        }
        let _place = gateway.look_up().await;
        let mark = K::mark(mandate, &self.action.price);
        let known = gateway.book().known(now, mark, otherwise).await.map_err(unwritten)??;
        known.map(|receipt| gateway.sign(&receipt)).transpose()
    }

    /// Reads the request whole, and says which call it is.
    async fn whole<B>(
        &self,
        parts: &Parts,
        target: String,
        body: B,
    ) -> Result<(Whole, Call), Refusal>
    where
        B: Body<Error: Into<BoxError>> + Send,
    {
        let body = read_body(body, self.client_timeout).await?;
        let headers = parts.headers.clone();
        let whole = Whole { method: parts.method.clone(), target, headers, body };
        let call = Call { action: self.action.clone(), request: whole.digest()? };
        Ok((whole, call))
    }

    /// Waits until nobody else is busy with this mandate.
    async fn turn(&self, hash: [u8; 32]) -> Result<Turn, Refusal> {
        let taken = tokio::time::timeout(TURN_WAIT, self.gateway.turns().take(hash)).await;
        taken.or(Err(Refusal::InProgress))
    }

    /// Writes down the refusal of a mandate that verified, and gives it back.
    async fn refuse<K: Carried>(&self, mandate: &Mandate<K>, refused: Refused) -> Refused {
        let principal: &PrincipalId = K::issuer(mandate.claims());
        let (refusal, call) = (&refused.refusal, self.call.clone());
        self.gateway.write_refusal(principal, refusal, mandate.as_str(), call).await;
        refused
    }

    /// Answers an intent for a paid action with its price.
    async fn ask_price<S, B>(
        &self,
        inner: S,
        parts: &Parts,
        target: String,
        body: B,
        admitted: Admitted<Intent>,
    ) -> Result<Reply<S::Body>, Refused>
    where
        S: Upstream,
        B: Body<Error: Into<BoxError>> + Send,
    {
        let Admitted { trusted, in_flight: _in_flight } = admitted;
        let intent = &trusted.mandate;
        let priced = async {
            let (whole, call) = self.whole(parts, target, body).await?;
            let _turn = self.turn(intent.hash().into()).await?;
            quote::price(self.gateway, self.action, inner, &whole, &call, &trusted).await
        };
        match priced.await {
            Ok(never) => match never {},
            Err(refused) => Err(self.refuse(intent, refused).await),
        }
    }

    /// Uses an intent for a free action.
    async fn use_free<S, B>(
        &self,
        inner: S,
        parts: &Parts,
        target: String,
        body: B,
        admitted: Admitted<Intent>,
    ) -> Result<Reply<S::Body>, Refused>
    where
        S: Upstream,
        B: Body<Error: Into<BoxError>> + Send,
    {
        let Admitted { trusted, in_flight } = admitted;
        let intent = &trusted.mandate;
        let used = async {
            self.gateway.ready()?;
            let (whole, call) = self.whole(parts, target, body).await?;
            let turn = self.turn(intent.hash().into()).await?;
            let (own, told, trusted) =
                (self.gateway.clone(), Told::of_intent(intent), trusted.clone());
            let presenting = async move { own.book().present_free(own.now(), trusted, call).await };
            let attempt = Attempt { key: intent.hash().into(), whole, told };
            attempt::run(self.gateway, inner, presenting, attempt, (turn, in_flight)).await
        };
        match used.await {
            Ok(Used::Replied(reply)) => Ok(reply),
            // A payment that is sent again asks for its receipt; a free call that is made again is another call.
            Ok(Used::Before(receipt)) => {
                Err(self.refuse(intent, Refused::already_used(&receipt)).await)
            }
            Err(refused) => Err(self.refuse(intent, refused).await),
        }
    }

    /// Uses a payment.
    async fn pay<S, B>(
        &self,
        inner: S,
        parts: &Parts,
        target: String,
        body: B,
        admitted: Admitted<Payment>,
    ) -> Result<Reply<S::Body>, Refused>
    where
        S: Upstream,
        B: Body<Error: Into<BoxError>> + Send,
    {
        let Admitted { trusted, in_flight } = admitted;
        let payment = &trusted.mandate;
        let used = async {
            let (whole, call) = self.whole(parts, target, body).await?;
            let turn = self.turn(payment.hash().into()).await?;
            let cart = receipts::cart_of(self.gateway, payment).await?;
            let (own, told, trusted) =
                (self.gateway.clone(), Told::of_payment(payment), trusted.clone());
            let presenting =
                async move { own.book().present_payment(own.now(), trusted, cart, call).await };
            let attempt = Attempt { key: payment.hash().into(), whole, told };
            attempt::run(self.gateway, inner, presenting, attempt, (turn, in_flight)).await
        };
        match used.await {
            Ok(Used::Replied(reply)) => Ok(reply),
            Ok(Used::Before(receipt)) => Ok(answer::receipt(receipt.as_str()).map(Either::Right)),
            Err(refused) => Err(self.refuse(payment, refused).await),
        }
    }
}

/// What came of using a mandate.
pub(super) enum Used<U> {
    /// It was used before; the receipt says what came of it.
    Before(Box<Mandate<Receipt>>),
    /// It was used now.
    Replied(Reply<U>),
}

/// The refusal of a mandate whose cart or intent another one used.
pub(super) fn used_by_another(
    gateway: &Gateway,
    receipt: Option<Recorded<Receipt>>,
) -> Result<Refused, Refusal> {
    let Some(receipt) = receipt else { return Ok(Refusal::InProgress.into()) };
    Ok(Refused::already_used(&gateway.sign(&receipt)?))
}

/// The refusal when the journal was not written, or may not have been.
#[expect(clippy::needless_pass_by_value, reason = "it is the end of the error")]
pub(super) fn unwritten(error: WriteError) -> Refusal {
    tracing::error!(%error, "the journal was not written");
    match error {
        WriteError::NotApplied(_) => Refusal::JournalUnavailable,
        _ => Refusal::JournalUnknown,
    }
}
