//! Requests that are made to be read in two ways, or to be too much.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use mandate::TOKEN_BYTES_MAX;
use mandate_tests::gateway::Call;

use crate::street::{Street, ask, booking, met, refused};

/// A body past 1 MiB.
const BODY_BYTES: usize = 1024 * 1024 + 1;

/// A payment presented with one more header.
async fn with(street: &mut Street, name: &'static str, value: &str) -> String {
    let (call, payment) = street.paid().await;
    let mut request = call.with("mandate-payment", payment.as_str());
    request
        .headers_mut()
        .append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    met(&street.send(request).await)
}

pub async fn two_payments(street: &mut Street) -> String {
    with(street, "mandate-payment", "x.y.z").await
}

pub async fn payment_and_intent(street: &mut Street) -> String {
    let intent = street.intent(ask("book_room")).await.unwrap();
    with(street, "mandate-intent", intent.as_str()).await
}

pub async fn payments_joined(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let joined = format!("{0}, {0}", payment.as_str());
    met(&street.send(call.with("mandate-payment", &joined)).await)
}

pub async fn body_in_a_coding(street: &mut Street) -> String {
    with(street, "content-encoding", "gzip").await
}

/// What some servers take for the method or the path of a call does not reach the API.
pub async fn another_call_by_header(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let mut request = call.with("mandate-payment", payment.as_str());
    let names = ["x-http-method-override", "x-original-url", "x-rewrite-url"];
    for name in names {
        let value = if name.ends_with("override") { "DELETE" } else { "/admin" };
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let answered = street.send(request).await;
    let heard = street.api.heard();
    assert_eq!((heard[0].method.as_str(), heard[0].target.as_str()), ("POST", "/bookings"));
    assert!(names.iter().all(|name| heard[0].header(name).is_none()), "{heard:?}");
    format!("{} as POST /bookings", met(&answered))
}

async fn at(street: &mut Street, target: &str) -> String {
    let (call, payment) = street.paid().await;
    let other = Call { target: target.to_owned(), ..call };
    met(&street.present(&other, &payment).await)
}

pub async fn dot_segments(street: &mut Street) -> String {
    at(street, "/rooms/../bookings").await
}

pub async fn percent_encoded_path(street: &mut Street) -> String {
    at(street, "/%62ookings").await
}

pub async fn two_slashes(street: &mut Street) -> String {
    at(street, "//bookings").await
}

pub async fn price_route_from_outside(street: &mut Street) -> String {
    let (_, payment) = street.paid().await;
    met(&street.present(&Call::json("POST", "/quotes", "{}"), &payment).await)
}

pub async fn no_mandate_but_a_bearer_token(street: &mut Street) -> String {
    let mut request = booking().request();
    request
        .headers_mut()
        .insert("authorization", HeaderValue::from_static("Bearer the-merchants-own-key"));
    met(&street.send(request).await)
}

pub async fn mandate_in_the_query(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let target = format!("/bookings?mandate-payment={}", payment.as_str());
    met(&street.send(Call { target, ..call }.request()).await)
}

pub async fn oversized_token(street: &mut Street) -> String {
    let token = "x".repeat(TOKEN_BYTES_MAX + 1);
    met(&street.send(booking().with("mandate-payment", &token)).await)
}

pub async fn oversized_body(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let large = Call { body: Bytes::from(vec![b'x'; BODY_BYTES]), ..call };
    met(&street.present(&large, &payment).await)
}

pub async fn oversized_cart(street: &mut Street) -> String {
    refused(street.pay(&"x".repeat(TOKEN_BYTES_MAX + 1)).await)
}

pub async fn oversized_purpose(street: &mut Street) -> String {
    let asked =
        mandate_proto::v1::MintIntentRequest { purpose: "x".repeat(513), ..ask("book_room") };
    refused(street.intent(asked).await)
}
