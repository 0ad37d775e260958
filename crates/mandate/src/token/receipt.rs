//! A receipt: a merchant says what became of a payment, or of a free action.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::action::{Action, action, actor, write_actor};
use super::error::{RuleError, check_head};
use super::member::{MemberError, Members, head, money, text, time};
use crate::digest::{CartHash, Head, IntentHash, PaymentHash};
use crate::id::{AgentName, Jti, MerchantId, PrincipalId};
use crate::money::{MinorUnits, Money};
use crate::text::{Order, VoidReason};
use crate::time::UnixSeconds;

/// A receipt's status is neither `executed` nor `void`.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("is neither `executed` nor `void`")]
pub struct StatusError;

/// What became of it, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The action was done.
    Executed,
    /// The action was not done and never will be; its payment costs nothing.
    Void,
}

impl Status {
    /// `executed` or `void`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::Void => "void",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        [Self::Executed, Self::Void]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(StatusError)
    }
}

/// The claims of a receipt, signed by the merchant. It never ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptClaims {
    /// The merchant.
    pub iss: MerchantId,
    /// The principal.
    pub aud: PrincipalId,
    /// Its own id.
    pub jti: Jti,
    /// When it was issued.
    pub iat: UnixSeconds,
    /// The agent, written as `{sub}`.
    #[serde(serialize_with = "write_actor")]
    pub act: AgentName,
    /// What was done or not: the payment's action, or the free intent's.
    pub action: Action,
    /// What it cost: the payment's total, 0 on a void, none for a free action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// The intent.
    pub intent: IntentHash,
    /// The cart of a paid action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cart: Option<CartHash>,
    /// The payment of a paid action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentHash>,
    /// What became of it.
    pub status: Status,
    /// Why it is void; never on an executed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<VoidReason>,
    /// The merchant's own reference; never on a void.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The wallet's head, as the payment or the free intent has it.
    pub peer_log: Head,
}

impl ReceiptClaims {
    pub(super) fn read(members: &mut Members<'_>) -> Result<Self, MemberError> {
        Ok(Self {
            iss: members.required("iss", text)?,
            aud: members.required("aud", text)?,
            jti: members.required("jti", text)?,
            iat: members.required("iat", time)?,
            act: members.required("act", actor)?,
            action: members.required("action", action)?,
            total: members.optional("total", money)?,
            intent: members.required("intent", text)?,
            cart: members.optional("cart", text)?,
            payment: members.optional("payment", text)?,
            status: members.required("status", text)?,
            reason: members.optional("reason", text)?,
            order: members.optional("order", text)?,
            peer_log: members.required("peer_log", head)?,
        })
    }

    pub(super) fn check(&self) -> Result<(), RuleError> {
        match (self.cart, self.payment) {
            (Some(_), Some(_)) => self.check_paid()?,
            (None, None) if self.total.is_some() => return Err(RuleError::FreeTotal),
            (None, None) => {}
            _ => return Err(RuleError::CartWithoutPayment),
        }
        match self.status {
            Status::Executed if self.reason.is_some() => return Err(RuleError::ExecutedReason),
            Status::Void if self.reason.is_none() => return Err(RuleError::VoidReasonMissing),
            Status::Void if self.order.is_some() => return Err(RuleError::VoidOrder),
            Status::Executed | Status::Void => {}
        }
        check_head(self.peer_log)
    }

    /// A cart always binds the request, so a paid receipt repeats it.
    fn check_paid(&self) -> Result<(), RuleError> {
        if self.action.request.is_none() {
            return Err(RuleError::PaidRequestMissing);
        }
        let total = self.total.ok_or(RuleError::PaidTotalMissing)?;
        match (self.status, total.amount == MinorUnits::ZERO) {
            (Status::Executed, true) => Err(RuleError::TotalZero),
            (Status::Void, false) => Err(RuleError::VoidTotal),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_shown_as_it_is_read() {
        for status in [Status::Executed, Status::Void] {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
    }
}
