//! An intent: an agent may do one action at one merchant.

use serde::Serialize;

use super::action::{Action, action, actor, write_actor};
use super::error::RuleError;
use super::life::{INTENT_LIFE_S_MAX, Life};
use super::member::{MemberError, Members, amount, object, text, time};
use crate::id::{AgentName, Jti, MerchantId, PrincipalId};
use crate::json::Value;
use crate::money::{Currency, MinorUnits};
use crate::time::UnixSeconds;

/// The most that a quote for an intent may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// The one currency it may be in.
    pub currency: Currency,
    /// The most it may ask.
    pub max: MinorUnits,
}

/// The claims of an intent, signed by the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntentClaims {
    /// The principal.
    pub iss: PrincipalId,
    /// The one merchant it is for.
    pub aud: MerchantId,
    /// Its own id.
    pub jti: Jti,
    /// When it was issued.
    pub iat: UnixSeconds,
    /// When it ends, at most [`INTENT_LIFE_S_MAX`] seconds later.
    pub exp: UnixSeconds,
    /// The agent, written as `{sub}`.
    #[serde(serialize_with = "write_actor")]
    pub act: AgentName,
    /// What it may do.
    pub action: Action,
    /// What it may cost, if the agent said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

impl IntentClaims {
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
            action: members.required("action", action)?,
            limit: members.optional("limit", limit)?,
        })
    }

    pub(super) fn check(&self) -> Result<(), RuleError> {
        self.life().check(INTENT_LIFE_S_MAX)
    }
}

fn limit(value: Value<'_>) -> Result<Limit, MemberError> {
    object(|members| {
        Ok(Limit {
            currency: members.required("currency", text)?,
            max: members.required("max", amount)?,
        })
    })(value)
}
