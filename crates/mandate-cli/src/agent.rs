//! `mandate intent`, `pay` and `receipt`: what an agent asks of the wallet, for scripts.
//!
//! The wallet knows the caller by its uid alone, so this works for the uid of a listed agent only.

use std::path::PathBuf;

use clap::Args;
use mandate::text::Purpose;
use mandate::token::QUANTITY_MAX;
use mandate::{MerchantId, Money, RequestDigest, Sku, UnixSeconds, request_digest};
use mandate_ledger::IdempotencyKey;
use mandate_proto::v1;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::input;
use crate::wallet::Agents;
use crate::wire::{money_out, optional_money, time};

/// Largest body of a request that a gateway takes, in bytes.
const BODY_BYTES_MAX: u64 = 1024 * 1024;

const INTENT_HELP: &str = "\
The mandate goes to standard output, for the header Mandate-Intent. It reserves nothing.

Examples:
  mandate intent --merchant lux-hotels --action search_rooms
  mandate intent --merchant lux-hotels --action book_room --price-max \"200.00 EUR\" \\
    --request \"POST /bookings\" --content-type application/json --body booking.json";

const PAY_HELP: &str = "\
The mandate goes to standard output, for the header Mandate-Payment. The amount counts against every matching
cap from now on, until the merchant signs a void. The same cart gives the same mandate.

Example:
  curl -s -H \"Mandate-Intent: $INTENT\" -d @booking.json https://api.lux-hotels.example/bookings \\
    | mandate pay -";

/// Options of `mandate intent`.
#[derive(Debug, Args)]
#[command(after_help = INTENT_HELP)]
pub(crate) struct IntentArguments {
    /// Who is to act
    #[arg(long, value_name = "ID")]
    merchant: MerchantId,
    /// What is to be done
    #[arg(long, value_name = "SKU")]
    action: Sku,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(QUANTITY_MAX)))]
    quantity: u32,
    /// No cart above this will be paid for the intent
    #[arg(long, value_name = "AMOUNT")]
    price_max: Option<Money>,
    /// Why, for the principal's journal
    #[arg(long, value_name = "TEXT")]
    purpose: Option<Purpose>,
    /// Your own name for this request: asking again gives the same mandate
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<IdempotencyKey>,
    /// Bind it to one HTTP request: the method and the path with its query
    #[arg(long, value_name = "METHOD TARGET")]
    request: Option<String>,
    /// The Content-Type of that request, as it will be sent
    #[arg(
        long,
        value_name = "TYPE",
        requires = "request",
        default_value = "",
        hide_default_value = true
    )]
    content_type: String,
    /// The body of that request; - reads standard input
    #[arg(long, value_name = "FILE", requires = "request")]
    body: Option<PathBuf>,
}

/// Options of `mandate pay`.
#[derive(Debug, Args)]
#[command(after_help = PAY_HELP)]
pub(crate) struct PayArguments {
    /// The cart, or a gateway's whole answer with it; - reads standard input
    #[arg(value_name = "FILE")]
    cart: PathBuf,
}

/// Options of `mandate receipt`.
#[derive(Debug, Args)]
#[command(
    after_help = "Prints what became of it: executed or void. Works while the wallet is frozen."
)]
pub(crate) struct ReceiptArguments {
    /// The receipt, or a gateway's whole answer with it; - reads standard input
    #[arg(value_name = "FILE")]
    receipt: PathBuf,
}

#[derive(Serialize)]
struct Minted {
    mandate: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    expires_at: Option<UnixSeconds>,
}

#[derive(Serialize)]
struct Recorded {
    status: String,
}

/// Asks for an intent.
pub(crate) fn intent(
    arguments: IntentArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let request = digest(&arguments, context)?;
    let IntentArguments {
        merchant,
        action,
        quantity,
        price_max,
        purpose,
        idempotency_key,
        request: _,
        content_type: _,
        body: _,
    } = arguments;
    let told = Agents::connect(&context.places)?.intent(v1::MintIntentRequest {
        merchant_id: merchant.into(),
        action_sku: action.into(),
        quantity,
        price_max: price_max.map(money_out),
        request_sha256: request.map(|digest| digest.as_bytes().to_vec()).unwrap_or_default(),
        purpose: purpose.map(String::from).unwrap_or_default(),
        idempotency_key: idempotency_key.map(String::from).unwrap_or_default(),
    })?;
    let v1::MintIntentResponse { mandate, expires_at } = told;
    let answer = Minted { mandate, total: None, expires_at: time(expires_at)? };
    context.ui.answer(&answer, |ui| ui.line(&answer.mandate))
}

/// The digest of the request that the intent is to be bound to.
fn digest(
    arguments: &IntentArguments,
    context: &mut Context<'_, '_>,
) -> Result<Option<RequestDigest>, Failure> {
    let Some(request) = &arguments.request else { return Ok(None) };
    let named = request.split_once(' ').filter(|(method, target)| {
        !method.is_empty() && target.starts_with('/') && !target.contains([' ', '\n'])
    });
    let Some((method, target)) = named else {
        let problem = "--request is a method and a path, as in \"POST /bookings\"";
        return Err(Failure::Usage(problem.to_owned()));
    };
    let body = match &arguments.body {
        Some(path) => input::bytes(path, BODY_BYTES_MAX, context)?,
        None => Vec::new(),
    };
    Ok(Some(request_digest(method, target, &arguments.content_type, &body)))
}

/// Asks for a payment.
pub(crate) fn pay(arguments: &PayArguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let cart = input::token(&arguments.cart, "cart", context)?;
    let ask = v1::MintPaymentRequest { cart, approval_wait: None };
    let v1::MintPaymentResponse { mandate, expires_at, total } =
        Agents::connect(&context.places)?.payment(ask)?;
    let total = optional_money(total.as_ref())?;
    let answer = Minted { mandate, total, expires_at: time(expires_at)? };
    context.ui.answer(&answer, |ui| ui.line(&answer.mandate))
}

/// Hands in a receipt.
pub(crate) fn receipt(
    arguments: &ReceiptArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let receipt = input::token(&arguments.receipt, "receipt", context)?;
    let v1::RecordReceiptResponse { status } =
        Agents::connect(&context.places)?.receipt(v1::RecordReceiptRequest { receipt })?;
    let answer = Recorded { status };
    context.ui.answer(&answer, |ui| ui.line(&answer.status))
}
