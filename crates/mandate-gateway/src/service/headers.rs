//! Which headers cross the gateway, and the one that carries the mandate.

use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use mandate::{Mandate, Money, Payment, Quantity, Sku};

use crate::refusal::{HeaderFault, Refusal};

/// Carries an intent.
pub(crate) const MANDATE_INTENT: &str = "mandate-intent";
/// Carries a payment.
pub(crate) const MANDATE_PAYMENT: &str = "mandate-payment";
/// Carries a receipt, in an answer.
pub(crate) const MANDATE_RECEIPT: HeaderName = HeaderName::from_static("mandate-receipt");
/// The merchant's reference, in the API's answer.
pub(crate) const MANDATE_ORDER: HeaderName = HeaderName::from_static("mandate-order");
/// Names one use, for ever: an API executes one call for each.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers about one connection, not about the request (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers by which some servers let a client say that its call is another one.
const OVERRIDES: [&str; 9] = [
    "x-forwarded-uri",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-uri",
    "x-rewrite-url",
];

/// The token that comes with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented<'a> {
    Intent(&'a str),
    Payment(&'a str),
}

/// Takes the one mandate of a request; `None` if it has none.
pub(crate) fn mandate(headers: &HeaderMap) -> Result<Option<Presented<'_>>, HeaderFault> {
    let intent = one(headers, MANDATE_INTENT, "Mandate-Intent")?;
    let payment = one(headers, MANDATE_PAYMENT, "Mandate-Payment")?;
    match (intent, payment) {
        (Some(_), Some(_)) => Err(HeaderFault::Both),
        (Some(intent), None) => Ok(Some(Presented::Intent(intent))),
        (None, Some(payment)) => Ok(Some(Presented::Payment(payment))),
        (None, None) => Ok(None),
    }
}

/// The value of a header that may be there once.
fn one<'a>(
    headers: &'a HeaderMap,
    name: &str,
    header: &'static str,
) -> Result<Option<&'a str>, HeaderFault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(HeaderFault::Doubled { header });
    }
    let text = value.to_str().or(Err(HeaderFault::NotText { header }))?;
    // Two headers that an intermediary joined (RFC 9110, section 5.3).
    if text.contains(',') {
        return Err(HeaderFault::Doubled { header });
    }
    Ok(Some(text))
}

/// Refuses a body in some coding. The server takes chunks apart and leaves what is beside them as it is.
pub(crate) fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_plain = codings.next().is_none_or(is_chunked) && codings.next().is_none();
    if !is_plain || headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::BodyCoded);
    }
    Ok(())
}

/// What goes on to the API of a client's headers: nothing that is about the connection, that renames the call, or that
/// only the gateway may say.
pub(crate) fn for_upstream(mut headers: HeaderMap) -> HeaderMap {
    // A mandate is bound to it, so neither `Connection` nor another spelling makes the call a different one. It is there
    // once at most.
    let content_type = headers.get(CONTENT_TYPE).cloned();
    strip_hop_by_hop(&mut headers);
    let own = |name: &HeaderName| {
        // A server that turns headers into variables may read all punctuation alike.
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = name.as_str().chars().map(plain).collect();
        name.starts_with("mandate-")
            || OVERRIDES.contains(&name.as_str())
            || HOP_BY_HOP.contains(&name.as_str())
            || name == IDEMPOTENCY_KEY.as_str()
            || name == HOST.as_str()
            // The body is sent anew, whole.
            || name == "content-encoding"
            || name == "content-length"
            || name == CONTENT_TYPE.as_str()
            || name == "expect"
    };
    let names: Vec<HeaderName> = headers.keys().filter(|name| own(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    join_cookies(&mut headers);
    headers
}

/// Puts the cookies into one header: over HTTP/2 a client may send each by itself (RFC 9113, section 8.2.3), and an API
/// that speaks HTTP/1.1 would see the first alone.
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() < 2 {
        return;
    }
    // What stands in values may stand in one.
    if let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// What goes back to the client of the API's headers.
pub(crate) fn for_client(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    // A receipt is the gateway's word alone.
    headers.remove(MANDATE_RECEIPT);
    headers.remove(MANDATE_ORDER);
}

/// Takes out what is about the connection, also what `Connection` names.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// What the API is told of a verified mandate.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) principal: String,
    pub(crate) agent: String,
    pub(crate) action: Sku,
    pub(crate) quantity: Quantity,
    /// None for a free action, and while the price is asked.
    pub(crate) total: Option<Money>,
}

impl Told {
    pub(crate) fn of_payment(payment: &Mandate<Payment>) -> Self {
        let claims = payment.claims();
        Self {
            principal: claims.iss.to_string(),
            agent: claims.act.to_string(),
            action: claims.action.sku.clone(),
            quantity: claims.action.quantity,
            total: Some(claims.total),
        }
    }

    pub(crate) fn of_intent(intent: &Mandate<mandate::Intent>) -> Self {
        let claims = intent.claims();
        Self {
            principal: claims.iss.to_string(),
            agent: claims.act.to_string(),
            action: claims.action.sku.clone(),
            quantity: claims.action.quantity,
            total: None,
        }
    }

    /// Writes it into the headers of a call to the API.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let total = self.total.map(|total| total.to_string());
        let lines = [
            ("mandate-principal", Some(self.principal.clone())),
            ("mandate-agent", Some(self.agent.clone())),
            ("mandate-action", Some(self.action.to_string())),
            ("mandate-quantity", Some(self.quantity.to_string())),
            ("mandate-total", total),
        ];
        for (name, value) in lines {
            // Ids, amounts and quantities are plain ASCII by their types.
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// Names a use to the API.
pub(crate) fn write_idempotency_key(headers: &mut HeaderMap, key: &crate::book::UseKey) {
    // Base64url is plain ASCII.
    if let Ok(value) = HeaderValue::try_from(key.to_string()) {
        headers.insert(IDEMPOTENCY_KEY, value);
    }
}

/// Tells the quote route for which call the price is asked.
pub(crate) fn write_target(headers: &mut HeaderMap, method: &http::Method, target: &str) {
    if let Ok(value) = HeaderValue::try_from(format!("{method} {target}")) {
        headers.insert(HeaderName::from_static("mandate-target"), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn one_mandate_once() {
        assert_eq!(mandate(&headers(&[])), Ok(None));
        let one = headers(&[("Mandate-Intent", "a.b.c")]);
        assert_eq!(mandate(&one), Ok(Some(Presented::Intent("a.b.c"))));
        let both = headers(&[("Mandate-Intent", "a"), ("Mandate-Payment", "b")]);
        assert_eq!(mandate(&both), Err(HeaderFault::Both));
        let header = "Mandate-Payment";
        for lines in
            [[("mandate-payment", "a"), ("MANDATE-PAYMENT", "a")].as_slice(), &[(header, "a, b")]]
        {
            assert_eq!(mandate(&headers(lines)), Err(HeaderFault::Doubled { header }));
        }
    }

    #[test]
    fn nothing_that_only_the_gateway_may_say_goes_on() {
        let sent = headers(&[
            ("accept", "*/*"),
            ("authorization", "Bearer x"),
            ("connection", "close, X-Secret, Content-Type"),
            ("x-secret", "1"),
            ("mandate-total", "0.01 EUR"),
            ("Mandate_Principal", "did:key:z6Mk"),
            ("mandate-payment", "a.b.c"),
            ("idempotency-key", "mine"),
            ("x-http-method-override", "DELETE"),
            ("x_original_url", "/admin"),
            ("x.original.uri", "/admin"),
            ("Mandate.Total", "0.01 EUR"),
            ("mandate~principal", "x"),
            ("content.type", "text/html"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("content_encoding", "gzip"),
            ("content_type", "text/html"),
            ("content-type", "text/plain"),
        ]);
        let left: Vec<String> = for_upstream(sent).keys().map(ToString::to_string).collect();
        assert_eq!(left, ["accept", "authorization", "content-type"]);
    }

    #[test]
    fn cookies_go_on_in_one_header() {
        let sent = headers(&[("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2; c=3")]);
        let sent = for_upstream(sent);
        assert_eq!(sent.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
        let one = for_upstream(headers(&[("cookie", "a=1")]));
        assert_eq!(one.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1"]);
    }
}
