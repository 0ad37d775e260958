//! What was refused: every line of it, and the same in groups.

use std::collections::BTreeMap;

use mandate::{MerchantId, Money, Sku, UnixSeconds};
use mandate_ledger::{Call, event};
use mandate_policy::Reason;
use serde::Serialize;

/// Everything that was refused in the month.
#[derive(Debug, Default, Serialize)]
pub(super) struct Denials {
    pub(super) groups: Vec<DenialGroup>,
    pub(super) lines: Vec<DenialLine>,
}

/// One refused request.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DenialLine {
    /// Its entry.
    pub(super) seq: u64,
    /// When.
    pub(super) at: UnixSeconds,
    /// Who asked: an agent, or a uid that is none.
    pub(super) caller: String,
    /// What was called.
    pub(super) call: Call,
    /// Why not.
    pub(super) reason: Reason,
    /// The merchant it was about, if that was understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) merchant: Option<MerchantId>,
    /// The action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<Sku>,
    /// The price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<Money>,
    /// The agent's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purpose: Option<String>,
    /// The sentence that was answered.
    pub(super) message: String,
}

/// Refusals that differ in time and price alone.
#[derive(Debug, Serialize)]
pub(super) struct DenialGroup {
    pub(super) reason: Reason,
    pub(super) caller: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) merchant: Option<MerchantId>,
    pub(super) count: usize,
    pub(super) first: UnixSeconds,
    pub(super) last: UnixSeconds,
    /// What was answered last.
    pub(super) message: String,
}

impl DenialLine {
    /// Reads one from its entry.
    pub(super) fn read(seq: u64, at: UnixSeconds, denial: &event::Denial) -> Self {
        let event::Denial { agent, uid, call, reason, message, about } = denial;
        let event::About { merchant, action, total, cart: _, intent_seq: _, purpose } = about;
        Self {
            seq,
            at,
            caller: agent.as_ref().map_or_else(|| format!("uid {uid}"), ToString::to_string),
            call: *call,
            reason: *reason,
            merchant: merchant.clone(),
            action: action.clone(),
            total: *total,
            purpose: purpose.as_ref().map(ToString::to_string),
            message: message.clone(),
        }
    }
}

impl Denials {
    /// Puts lines, oldest first, into groups; the one that was met most often comes first.
    pub(super) fn of(lines: Vec<DenialLine>) -> Self {
        let mut groups: BTreeMap<_, DenialGroup> = BTreeMap::new();
        for line in &lines {
            let DenialLine { at, caller, reason, merchant, message, .. } = line;
            let key = (reason.as_str(), caller.as_str(), merchant.as_ref());
            let group = groups.entry(key).or_insert_with(|| DenialGroup {
                reason: *reason,
                caller: caller.clone(),
                merchant: merchant.clone(),
                count: 0,
                first: *at,
                last: *at,
                message: String::new(),
            });
            group.count = group.count.saturating_add(1);
            group.last = *at;
            group.message.clone_from(message);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        Self { groups, lines }
    }
}
