//! The price of a call: fixed, or asked of the API, then promised in a signed cart.

use std::convert::Infallible;

use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use mandate::text::Title;
use mandate::token::{Intent, LineItem, Mandate, QUOTE_BYTES_MAX, Quote};
use mandate::{MinorUnits, Money};
use tower::ServiceExt as _;

use super::Upstream;
use super::answer::Refused;
use super::flow::{unwritten, used_by_another};
use super::gateway::{Gateway, jti};
use super::headers::{self, Told};
use super::request::{BoxError, Whole};
use crate::book::{IntentState, Trusted};
use crate::judge::{self, Call};
use crate::refusal::{Refusal, Spent};
use crate::route::Route;
use crate::settings::{Action, Price};

/// Answers with the cart for a call; always a refusal, because the call itself is not made.
pub(super) async fn price<S>(
    gateway: &Gateway,
    action: &Action,
    inner: S,
    whole: &Whole,
    call: &Call,
    trusted: &Trusted<Intent>,
) -> Result<Infallible, Refused>
where
    S: Upstream,
{
    let intent = &trusted.mandate;
    gateway.ready()?;
    // The book does not call an intent fresh by a clock that it does not believe, so its time may be judged by this.
    let now = gateway.now();
    let wall = now.wall;
    let known = gateway.book().intent_state(now, intent.hash(), call.request).await;
    match known.map_err(unwritten)?? {
        IntentState::Fresh => {}
        state => return promised(gateway, state),
    }
    let claims = intent.claims();
    judge::intent(claims, gateway.book().merchant(), call, wall)?;
    let quote = match &action.price {
        Price::Fixed(unit) => fixed(action, *unit, intent)?,
        Price::Quote(route) => ask(gateway, inner, route, whole, intent).await?,
        Price::Free => return Err(Refusal::RouteUnknown.into()),
    };
    judge::price(claims, quote.total())?;
    let life_s = gateway.settings().cart_ttl_s;
    let (trusted, call) = (trusted.clone(), call.clone());
    let quoted = gateway.book().quote(gateway.now(), trusted, call, quote, life_s, jti()?).await;
    let state = quoted.map_err(unwritten)?.inspect_err(|refusal| {
        if let Refusal::QuoteUnfit(error) = refusal {
            tracing::error!(%error, action = %action.sku, "the price cannot be put into a cart");
        }
    })?;
    promised(gateway, state)
}

/// The refusal that carries the cart, or the receipt of an intent that was used.
fn promised(gateway: &Gateway, state: IntentState) -> Result<Infallible, Refused> {
    match state {
        IntentState::Quoted(cart) => Err(Refused::payment_required(&gateway.sign(&cart)?)),
        IntentState::Used(receipt) => Err(used_by_another(gateway, receipt)?),
        // The book makes a cart of a fresh intent.
        IntentState::Fresh => Err(Refusal::JournalUnavailable.into()),
    }
}

/// The price of so many units at the same price each.
fn fixed(action: &Action, unit: Money, intent: &Mandate<Intent>) -> Result<Quote, Refusal> {
    let quantity = intent.claims().action.quantity;
    let amount = unit.amount.units().checked_mul(quantity.get().into());
    // gateway.toml takes no price that a thousand units of would be past the largest amount.
    let amount = amount.and_then(|amount| MinorUnits::new(amount).ok()).unwrap_or(MinorUnits::MAX);
    // An id is at most 64 plain characters.
    let title: Title = action.sku.as_str().parse().map_err(|error| {
        tracing::error!(%error, action = %action.sku, "the action makes no title");
        Refusal::Upstream { problem: "the price could not be written", spent: Spent::Nothing }
    })?;
    let line = LineItem { title, quantity, amount };
    Quote::new(unit.currency, vec![line]).map_err(Refusal::QuoteInvalid)
}

/// Asks the API for the price of a call.
async fn ask<S>(
    gateway: &Gateway,
    inner: S,
    route: &Route,
    whole: &Whole,
    intent: &Mandate<Intent>,
) -> Result<Quote, Refusal>
where
    S: Upstream,
{
    let failed = |problem| Refusal::Upstream { problem, spent: Spent::Nothing };
    let mut request = Request::new(Full::new(whole.body.clone()));
    *request.method_mut() = Method::POST;
    // A path of plain segments is a URI.
    *request.uri_mut() = route.path().parse().unwrap_or_default();
    *request.headers_mut() = headers::for_upstream(whole.headers.clone());
    Told::of_intent(intent).write(request.headers_mut());
    headers::write_target(request.headers_mut(), &whole.method, &whole.target);
    let timeout = gateway.settings().limits.upstream_timeout;
    let asked = async {
        let answer = inner.oneshot(request).await.map_err(|error| {
            let error: BoxError = error.into();
            tracing::error!(%error, %route, "the API does not answer the question for the price");
            failed("the API does not answer the question for the price")
        })?;
        let (parts, body) = answer.into_parts();
        if parts.status != StatusCode::OK {
            tracing::error!(status = parts.status.as_u16(), %route, "the quote route has to answer 200");
            return Err(failed("the API gave no price"));
        }
        let body = Limited::new(body, QUOTE_BYTES_MAX).collect().await.map_err(|error| {
            tracing::error!(%error, %route, limit = QUOTE_BYTES_MAX, "the quote did not arrive");
            failed("the API's price did not arrive")
        })?;
        let content_type = parts.headers.get(CONTENT_TYPE).cloned();
        Quote::parse(&body.to_bytes()).map_err(|error| {
            tracing::error!(%error, ?content_type, %route, "the answer of the quote route is no quote");
            Refusal::QuoteInvalid(error)
        })
    };
    match tokio::time::timeout(timeout, asked).await {
        Ok(quote) => quote,
        Err(_elapsed) => {
            tracing::error!(timeout_s = timeout.as_secs(), %route, "the API gave no price in time");
            Err(failed("the API gave no price in time"))
        }
    }
}
