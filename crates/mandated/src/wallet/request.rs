//! What agents ask, read from the wire.

use std::time::Duration;

use mandate::token::{Cart, Receipt, UnverifiedMandate};
use mandate::{Quantity, RequestDigest};
use mandate_ledger::{BudgetFilter, IntentAsk, Refusal};
use mandate_proto::v1;

use crate::convert::{invalid, money, optional, required};

/// Longest wait for an approval that a call may ask for.
const APPROVAL_WAIT_MAX: Duration = Duration::from_secs(600);

/// A cart to pay.
#[derive(Debug)]
pub(super) struct PaymentAsk {
    pub(super) cart: UnverifiedMandate<Cart>,
    /// How long to wait for the principal's yes.
    pub(super) approval_wait: Duration,
}

/// Reads a request for an intent.
pub(super) fn intent(message: v1::MintIntentRequest) -> Result<IntentAsk, Refusal> {
    let v1::MintIntentRequest {
        merchant_id,
        action_sku,
        quantity,
        price_max,
        request_sha256,
        purpose,
        idempotency_key,
    } = message;
    // On the wire an absent number is 0.
    let quantity = Quantity::new(quantity.max(1)).map_err(|error| invalid("quantity", error))?;
    Ok(IntentAsk {
        merchant: required("merchant_id", &merchant_id)?,
        action: required("action_sku", &action_sku)?,
        quantity,
        price_max: price_max.map(|price| money("price_max", price)).transpose()?,
        request: digest(&request_sha256)?,
        purpose: optional("purpose", &purpose)?,
        idempotency_key: optional("idempotency_key", &idempotency_key)?,
    })
}

fn digest(bytes: &[u8]) -> Result<Option<RequestDigest>, Refusal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let problem = || invalid("request_sha256", format!("has {} bytes, not 32", bytes.len()));
    bytes.try_into().map(RequestDigest::from_bytes).map(Some).map_err(|_wrong_length| problem())
}

/// Reads a request for a payment: the cart's shape only, no signature.
pub(super) fn payment(message: &v1::MintPaymentRequest) -> Result<PaymentAsk, Refusal> {
    let v1::MintPaymentRequest { cart, approval_wait } = message;
    let approval_wait = approval_wait.unwrap_or_default();
    let wait = Duration::try_from(approval_wait).ok().filter(|wait| *wait <= APPROVAL_WAIT_MAX);
    let approval_wait = wait.ok_or_else(|| {
        let most = APPROVAL_WAIT_MAX.as_secs();
        invalid("approval_wait", format!("is not within 0 and {most} s"))
    })?;
    let cart = UnverifiedMandate::parse(cart).map_err(Refusal::CartMalformed)?;
    Ok(PaymentAsk { cart, approval_wait })
}

/// Reads a receipt: its shape only, no signature.
pub(crate) fn receipt(
    message: &v1::RecordReceiptRequest,
) -> Result<UnverifiedMandate<Receipt>, Refusal> {
    let v1::RecordReceiptRequest { receipt } = message;
    UnverifiedMandate::parse(receipt)
        .map_err(|error| Refusal::ReceiptInvalid { problem: error.to_string() })
}

/// Reads what a budget is narrowed to.
pub(super) fn budget(message: v1::GetBudgetRequest) -> Result<BudgetFilter, Refusal> {
    let v1::GetBudgetRequest { merchant_id, action_sku, currency } = message;
    Ok(BudgetFilter {
        merchant: optional("merchant_id", &merchant_id)?,
        action: optional("action_sku", &action_sku)?,
        currency: optional("currency", &currency)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> v1::MintIntentRequest {
        v1::MintIntentRequest {
            merchant_id: "lux-hotels".to_owned(),
            action_sku: "book_room".to_owned(),
            ..v1::MintIntentRequest::default()
        }
    }

    #[test]
    fn absent_fields_are_absent() {
        let ask = intent(valid()).unwrap();
        assert_eq!(ask.quantity.get(), 1);
        assert_eq!(
            (ask.price_max, ask.request, ask.purpose, ask.idempotency_key),
            (None, None, None, None)
        );
    }

    #[test]
    fn each_field_is_named_when_it_is_wrong() {
        type Break = fn(&mut v1::MintIntentRequest);
        let wrong: [(&str, Break); 7] = [
            ("merchant_id", |m| m.merchant_id = "Lux".to_owned()),
            ("action_sku", |m| m.action_sku.clear()),
            ("quantity", |m| m.quantity = 1_001),
            ("price_max", |m| m.price_max = Some(v1::Money::default())),
            ("request_sha256", |m| m.request_sha256 = vec![0; 31]),
            ("purpose", |m| m.purpose = "a\nb".to_owned()),
            ("idempotency_key", |m| m.idempotency_key = "k".repeat(65)),
        ];
        for (name, change) in wrong {
            let mut message = valid();
            change(&mut message);
            match intent(message) {
                Err(Refusal::FieldInvalid { field, .. }) => assert_eq!(field, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_endless_wait_is_refused() {
        let message = v1::MintPaymentRequest {
            cart: String::new(),
            approval_wait: Some(prost_types::Duration { seconds: i64::MAX, nanos: 0 }),
        };
        assert!(matches!(
            payment(&message),
            Err(Refusal::FieldInvalid { field: "approval_wait", .. })
        ));
    }
}
