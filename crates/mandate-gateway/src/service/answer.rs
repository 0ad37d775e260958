//! What the gateway answers itself: problem details (RFC 9457) with a stable reason, receipts, and who it is.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use mandate::token::{Cart, Mandate, Receipt};
use serde::Serialize;

use super::headers::MANDATE_RECEIPT;
use crate::reason::Reason;
use crate::refusal::Refusal;

/// After how long a call that has to wait may be sent again, in seconds.
const RETRY_AFTER_S: u16 = 1;

/// An answer of the gateway itself.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A refusal, and the token that comes with it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    token: Option<Token>,
}

/// The token that comes with a refusal.
#[derive(Debug)]
enum Token {
    /// With `payment_required`.
    Cart(Box<str>),
    /// With `already_used`.
    Receipt(Box<str>),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, token: None }
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    reason: Reason,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cart: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a str>,
}

impl Refused {
    /// The price, and the cart that promises it.
    pub(crate) fn payment_required(cart: &Mandate<Cart>) -> Self {
        let refusal = Refusal::PaymentRequired { total: cart.claims().total };
        Self { refusal, token: Some(Token::Cart(cart.as_str().into())) }
    }

    /// What came of the use that stands in the way.
    pub(crate) fn already_used(receipt: &Mandate<Receipt>) -> Self {
        let token = Some(Token::Receipt(receipt.as_str().into()));
        Self { refusal: Refusal::AlreadyUsed, token }
    }

    /// As problem details.
    pub(crate) fn answer(&self) -> Answer {
        let reason = self.refusal.reason();
        let status =
            StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (cart, receipt) = match &self.token {
            Some(Token::Cart(cart)) => (Some(&**cart), None),
            Some(Token::Receipt(receipt)) => (None, Some(&**receipt)),
            None => (None, None),
        };
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            reason,
            detail: self.refusal.to_string(),
            cart,
            receipt,
        };
        let mut answer = json(status, "application/problem+json", &problem);
        if matches!(reason, Reason::InProgress | Reason::RateLimited | Reason::Unavailable) {
            answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S.into());
        }
        attach_receipt(answer.headers_mut(), receipt);
        answer
    }
}

#[derive(Serialize)]
struct ReceiptBody<'a> {
    receipt: &'a str,
}

/// A receipt, without the answer of the API it was first given with.
pub(crate) fn receipt(receipt: &str) -> Answer {
    let mut answer = json(StatusCode::OK, "application/json", &ReceiptBody { receipt });
    attach_receipt(answer.headers_mut(), Some(receipt));
    answer
}

/// What may be read by anyone, and kept for a minute.
pub(crate) fn public(document: &impl Serialize) -> Answer {
    let mut answer = json(StatusCode::OK, "application/json", document);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    answer
}

/// Puts a receipt into the headers of an answer.
pub(crate) fn attach_receipt(headers: &mut http::HeaderMap, receipt: Option<&str>) {
    // A compact token is plain ASCII.
    if let Some(value) = receipt.and_then(|receipt| HeaderValue::from_str(receipt).ok()) {
        headers.insert(MANDATE_RECEIPT, value);
    }
}

fn json(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Answer {
    // Only types of this crate are written, and they have no key that is not a text.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
