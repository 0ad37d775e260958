//! A cart: a merchant commits to an exact price.

use serde::Serialize;

use super::action::{BoundAction, Quantity, actor, bound_action, write_actor};
use super::error::{RuleError, check_head};
use super::life::{CART_LIFE_S_MAX, Life};
use super::member::{MemberError, Members, amount, array, head, money, number, object, text, time};
use crate::digest::{Head, IntentHash};
use crate::id::{AgentName, Jti, MerchantId, PrincipalId};
use crate::json::Value;
use crate::money::{MinorUnits, Money};
use crate::text::Title;
use crate::time::UnixSeconds;

/// Most lines of one cart.
pub const LINE_ITEMS_MAX: usize = 32;

/// One line of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineItem {
    /// What it is for, in the merchant's words.
    pub title: Title,
    /// How many units the line covers.
    pub quantity: Quantity,
    /// The whole line in minor units of the total's currency; it may be nothing.
    pub amount: MinorUnits,
}

/// The claims of a cart, signed by the merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CartClaims {
    /// The merchant.
    pub iss: MerchantId,
    /// The principal who asked.
    pub aud: PrincipalId,
    /// Its own id.
    pub jti: Jti,
    /// When it was issued.
    pub iat: UnixSeconds,
    /// When it ends, at most [`CART_LIFE_S_MAX`] seconds later.
    pub exp: UnixSeconds,
    /// The agent who asked, written as `{sub}`.
    #[serde(serialize_with = "write_actor")]
    pub act: AgentName,
    /// What is sold, bound to the request that was quoted.
    pub action: BoundAction,
    /// What the price is made of: 1 to [`LINE_ITEMS_MAX`] lines.
    pub line_items: Vec<LineItem>,
    /// The sum of the lines, at least 1.
    pub total: Money,
    /// The intent it answers.
    pub intent: IntentHash,
    /// The wallet's head, as the intent has it.
    pub peer_log: Head,
}

impl CartClaims {
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
            line_items: members.required("line_items", array(line_item))?,
            total: members.required("total", money)?,
            intent: members.required("intent", text)?,
            peer_log: members.required("peer_log", head)?,
        })
    }

    pub(super) fn check(&self) -> Result<(), RuleError> {
        self.life().check(CART_LIFE_S_MAX)?;
        let sum = Self::sum(&self.line_items)?;
        if sum != self.total.amount {
            return Err(RuleError::TotalNotSum { sum, total: self.total.amount });
        }
        check_head(self.peer_log)
    }

    /// What the lines of a cart sum up to.
    pub(super) fn sum(line_items: &[LineItem]) -> Result<MinorUnits, RuleError> {
        let actual = line_items.len();
        if actual == 0 || actual > LINE_ITEMS_MAX {
            return Err(RuleError::LineCount { actual });
        }
        let sum = line_items.iter().try_fold(MinorUnits::ZERO, |sum, line| {
            sum.checked_add(line.amount).map_err(RuleError::LineSum)
        })?;
        if sum == MinorUnits::ZERO { Err(RuleError::TotalZero) } else { Ok(sum) }
    }
}

pub(super) fn line_item(value: Value<'_>) -> Result<LineItem, MemberError> {
    object(|members| {
        Ok(LineItem {
            title: members.required("title", text)?,
            quantity: members.required("quantity", number)?,
            amount: members.required("amount", amount)?,
        })
    })(value)
}
