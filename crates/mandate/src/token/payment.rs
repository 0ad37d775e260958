//! A payment: a wallet pays one cart.

use serde::Serialize;

use super::action::{BoundAction, actor, bound_action, write_actor};
use super::error::{RuleError, check_head};
use super::life::{Life, PAYMENT_LIFE_S_MAX};
use super::member::{
    MemberError, Members, amount, array, head, integer, money, object, text, time,
};
use crate::digest::{CartHash, Head, IntentHash};
use crate::id::{AgentName, Jti, MerchantId, PrincipalId, Sku};
use crate::json::Value;
use crate::money::{Currency, EXACT_INTEGER_MAX, MinorUnits, Money};
use crate::time::UnixSeconds;

/// Most caps of one payment: the longest there can be have room in a token.
///
/// A merchant adds up the window of each before a payment is used.
pub const CAPS_MAX: usize = 16;

/// A cumulative cap that names the merchant, for the merchant to hold as well.
///
/// It covers this principal's payments in [`from`, `until`) that match `action` and `agent` where given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapClaim {
    /// The currency of `max`; beside it, `count` counts this currency only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The most they may sum up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<MinorUnits>,
    /// The most there may be, at most 2^53 − 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The first second of its window.
    pub from: UnixSeconds,
    /// The first second after its window; none where it trails behind the payment or never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixSeconds>,
    /// The one action it covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Sku>,
    /// The one agent it covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
}

impl CapClaim {
    fn check(&self, index: usize) -> Result<(), RuleError> {
        if self.max.is_none() && self.count.is_none() {
            return Err(RuleError::CapEmpty { index });
        }
        if self.max.is_some() != self.currency.is_some() {
            return Err(RuleError::CapCurrency { index });
        }
        if self.count.is_some_and(|count| count > EXACT_INTEGER_MAX) {
            return Err(RuleError::CapCount { index });
        }
        if self.until.is_some_and(|until| until <= self.from) {
            return Err(RuleError::CapWindow { index });
        }
        Ok(())
    }
}

/// The claims of a payment, signed by the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentClaims {
    /// The principal.
    pub iss: PrincipalId,
    /// The merchant who is paid.
    pub aud: MerchantId,
    /// Its own id.
    pub jti: Jti,
    /// When it was issued.
    pub iat: UnixSeconds,
    /// When it ends, at most [`PAYMENT_LIFE_S_MAX`] seconds later and not after the cart.
    pub exp: UnixSeconds,
    /// The agent, written as `{sub}`.
    #[serde(serialize_with = "write_actor")]
    pub act: AgentName,
    /// What is bought, as in the cart.
    pub action: BoundAction,
    /// What is paid, as in the cart; at least 1.
    pub total: Money,
    /// The intent it closes.
    pub intent: IntentHash,
    /// The cart it pays.
    pub cart: CartHash,
    /// The cumulative caps that name this merchant: at most [`CAPS_MAX`], and often none.
    pub caps: Vec<CapClaim>,
    /// The merchant's head, as the cart has it.
    pub peer_log: Head,
}

impl PaymentClaims {
    /// From when to when it lives.
    #[must_use]
    pub fn life(&self) -> Life {
        Life { iat: self.iat, exp: self.exp }
    }

    pub(super) fn read(members: &mut Members<'_>) -> Result<Self, MemberError> {
        Ok(Self {
            iss: members.required("iss", text)?,
            aud: members.required("aud", text)?,
            jti: members.required("jti", text)?,
            iat: members.required("iat", time)?,
            exp: members.required("exp", time)?,
            act: members.required("act", actor)?,
            action: members.required("action", bound_action)?,
            total: members.required("total", money)?,
            intent: members.required("intent", text)?,
            cart: members.required("cart", text)?,
            caps: members.required("caps", array(cap))?,
            peer_log: members.required("peer_log", head)?,
        })
    }

    pub(super) fn check(&self) -> Result<(), RuleError> {
        self.life().check(PAYMENT_LIFE_S_MAX)?;
        if self.total.amount == MinorUnits::ZERO {
            return Err(RuleError::TotalZero);
        }
        let actual = self.caps.len();
        if actual > CAPS_MAX {
            return Err(RuleError::CapsMax { actual });
        }
        self.caps.iter().enumerate().try_for_each(|(index, cap)| cap.check(index))?;
        check_head(self.peer_log)
    }
}

fn cap(value: Value<'_>) -> Result<CapClaim, MemberError> {
    object(|members| {
        Ok(CapClaim {
            currency: members.optional("currency", text)?,
            max: members.optional("max", amount)?,
            count: members.optional("count", integer)?,
            from: members.required("from", time)?,
            until: members.optional("until", time)?,
            action: members.optional("action", text)?,
            agent: members.optional("agent", text)?,
        })
    })(value)
}
