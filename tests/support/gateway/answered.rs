//! What a client sees of an answer.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use mandate::{Cart, KeySet, Kind, Mandate, MerchantRole, Receipt, UnverifiedMandate};
use serde_json::Value;

/// An answer that came in: status, headers and as much of the body as arrived.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether the body arrived to its end.
    pub whole: bool,
}

impl Answered {
    /// Reads an answer to its end.
    pub async fn read<B: Body<Data = Bytes>>(answer: Response<B>) -> Self {
        let (parts, body) = answer.into_parts();
        let mut body = std::pin::pin!(body);
        let (mut arrived, mut whole) = (Vec::new(), true);
        while let Some(frame) = body.frame().await {
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(data)) => arrived.extend_from_slice(&data),
                Ok(Err(_trailers)) => {}
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        let (status, headers) = (parts.status.as_u16(), parts.headers);
        Self { status, headers, body: arrived.into(), whole }
    }

    /// The problem details, if it is a refusal of the gateway's.
    ///
    /// # Panics
    ///
    /// If they are no JSON, or name another status than the answer has.
    #[must_use]
    pub fn problem(&self) -> Option<Value> {
        let content_type = self.headers.get(CONTENT_TYPE)?;
        if content_type != "application/problem+json" {
            return None;
        }
        let problem: Value = serde_json::from_slice(&self.body).expect("a JSON problem");
        assert_eq!(problem["status"], self.status, "{problem}");
        Some(problem)
    }

    /// The stable reason, if it is a refusal of the gateway's.
    ///
    /// # Panics
    ///
    /// If there are problem details without one.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let problem = self.problem()?;
        Some(problem["reason"].as_str().expect("a reason").to_owned())
    }

    /// The cart that comes with `payment_required`, verified.
    ///
    /// # Panics
    ///
    /// If it does not verify under these keys.
    #[must_use]
    pub fn cart(&self, merchant: &KeySet<MerchantRole>) -> Option<Mandate<Cart>> {
        let problem = self.problem()?;
        let cart = problem.get("cart")?.as_str().expect("a token");
        Some(verified(cart, merchant))
    }

    /// The receipt that comes with the answer, verified.
    ///
    /// # Panics
    ///
    /// If it does not verify under these keys, or header and body do not carry the same one.
    #[must_use]
    pub fn receipt(&self, merchant: &KeySet<MerchantRole>) -> Option<Mandate<Receipt>> {
        let header = self.headers.get("mandate-receipt");
        let header = header.map(|value| value.to_str().expect("ASCII"));
        // An API's own body says nothing about receipts: it is never read for one.
        let own = self.problem().or_else(|| {
            let document: Value = serde_json::from_slice(&self.body).ok()?;
            document.as_object().filter(|members| members.len() == 1).map(|_| document.clone())
        });
        let body = own.as_ref().and_then(|body| body.get("receipt")).and_then(Value::as_str);
        if body.is_some() {
            assert_eq!(header, body, "header and body carry different receipts");
        }
        header.map(|receipt| verified(receipt, merchant))
    }
}

fn verified<K: Kind<Role = MerchantRole>>(token: &str, keys: &KeySet<MerchantRole>) -> Mandate<K> {
    let token = UnverifiedMandate::<K>::parse(token).expect("a token");
    token.verify(keys).expect("the merchant's signature")
}
