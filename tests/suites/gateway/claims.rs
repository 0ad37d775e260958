//! The claims of real tokens, as the model tells them.

use mandate::{
    CapClaim, CartHash, IntentHash, MinorUnits, Money, PaymentClaims, PrincipalId, Quantity,
    UnixSeconds,
};

use crate::model::{AGENTS, Cap, Slip};
use crate::wares::{WARES, call};

pub fn at(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(seconds).expect("a moment")
}

pub fn units(amount: u64) -> MinorUnits {
    MinorUnits::new(amount).expect("an amount")
}

pub fn cap_claim(cap: &Cap) -> CapClaim {
    CapClaim {
        currency: cap.currency.map(|currency| currency.parse().expect("a currency")),
        max: cap.max.map(units),
        count: cap.count,
        from: at(cap.from),
        until: cap.until.map(at),
        action: cap.action.map(|action| action.parse().expect("a SKU")),
        agent: cap.agent.map(|agent| agent.parse().expect("a name")),
    }
}

/// Puts one claim in that is not the cart's.
pub fn slipped(claims: &mut PaymentClaims, slip: Slip, issuer: &PrincipalId) {
    let Money { currency, amount } = claims.total;
    let other = |text: &str, one: &str, two: &str| {
        if text == one { two.to_owned() } else { one.to_owned() }
    };
    match slip {
        Slip::Agent => {
            let agent = other(claims.act.as_str(), AGENTS[0], AGENTS[1]);
            claims.act = agent.parse().expect("a name");
        }
        Slip::Cart => claims.cart = CartHash::of(b"another cart"),
        Slip::Currency => {
            let currency = other(currency.code(), "EUR", "JPY").parse().expect("a currency");
            claims.total = Money { currency, amount };
        }
        Slip::Intent => claims.intent = IntentHash::of(b"another intent"),
        Slip::Issuer => claims.iss = issuer.clone(),
        Slip::PeerLog => claims.peer_log.size += 1,
        Slip::Quantity => {
            let more = claims.action.quantity.get() + 1;
            claims.action.quantity = Quantity::new(more).expect("a few");
        }
        Slip::Request(with) => claims.action.request = call(with).digest(),
        Slip::Sku(ware) => claims.action.sku = WARES[ware].action.parse().expect("a SKU"),
        Slip::Total { more } => {
            let amount = if more { amount.units() + 1 } else { amount.units() - 1 };
            claims.total = Money { currency, amount: units(amount) };
        }
    }
}
