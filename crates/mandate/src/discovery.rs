//! What a merchant publishes about itself at [`PATH`], unsigned: its id, its keys and what it sells.
//!
//! Whoever reads it must learn from elsewhere that the keys are the merchant's: a person compares a fingerprint.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{MerchantId, Sku};
use crate::key::Jwk;
use crate::money::{AmountError, Money};
use crate::text::Title;

/// Where it is, below the address of the merchant's API (RFC 8615).
pub const PATH: &str = "/.well-known/mandate.json";

/// Where receipts are, below the same address: this path, a slash, and the hash of the payment or free intent.
pub const RECEIPTS_PATH: &str = "/.well-known/mandate/receipts";

/// Longest document, in bytes: a thousand actions fit.
pub const DISCOVERY_BYTES_MAX: usize = 256 * 1024;

/// The document. Members that are not known are passed over, so that later versions can say more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// The merchant's id: the `aud` of every mandate for it.
    pub id: MerchantId,
    /// Its name, for people.
    pub name: Title,
    /// The keys that sign its carts and receipts.
    pub keys: Vec<Jwk>,
    /// What it offers.
    pub actions: Vec<OfferedAction>,
}

/// One action on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedAction {
    /// Its SKU: the `action.sku` of a mandate for it.
    pub sku: Sku,
    /// The call it stands for, as in `POST /bookings`.
    pub route: String,
    /// What it costs.
    pub price: PriceKind,
    /// `required` if an intent has to carry the digest of its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Requirement>,
}

/// Something that has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Requirement {
    /// It has to be there.
    Required,
}

/// How an action is priced: `free`, `quote`, or an amount for one unit as in `180.00 EUR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PriceKind {
    /// The same for each unit.
    Fixed(Money),
    /// Nothing: an intent is enough.
    Free,
    /// Asked for each call.
    Quote,
}

impl FromStr for PriceKind {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        match text {
            "free" => Ok(Self::Free),
            "quote" => Ok(Self::Quote),
            amount => amount.parse().map(Self::Fixed),
        }
    }
}

impl fmt::Display for PriceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(money) => money.fmt(f),
            Self::Free => f.write_str("free"),
            Self::Quote => f.write_str("quote"),
        }
    }
}

impl TryFrom<String> for PriceKind {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        text.parse()
    }
}

impl From<PriceKind> for String {
    fn from(price: PriceKind) -> Self {
        price.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_reads_back_and_later_members_are_passed_over() {
        let text = r#"{"id":"lux-hotels","name":"Lux Hotels","keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}],"actions":[{"sku":"search_rooms","route":"GET /rooms","price":"free"},{"sku":"book_room","route":"POST /bookings","price":"quote","request":"required"},{"sku":"late_checkout","route":"POST /late","price":"18.00 EUR"}]}"#;
        let document: Discovery = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&document).unwrap(), text);
        let later = text.replacen('{', r#"{"terms":"https://lux.example/terms","#, 1);
        assert_eq!(serde_json::from_str::<Discovery>(&later).unwrap(), document);
        let float = text.replace("18.00 EUR", "18 EUR");
        assert!(serde_json::from_str::<Discovery>(&float).is_err());
    }
}
