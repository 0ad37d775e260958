//! The kinds of entry, as the journal names them.

/// The principal answered a request for approval.
pub const APPROVAL: &str = "approval";
/// A cart needs the principal's yes.
pub const APPROVAL_REQUEST: &str = "approval_request";
/// The principal confirmed the clock.
pub const CLOCK: &str = "clock";
/// A request was refused.
pub const DENIAL: &str = "denial";
/// A merchant's token contradicts one that it signed before.
pub const EQUIVOCATION: &str = "equivocation";
/// Minting was stopped.
pub const FREEZE: &str = "freeze";
/// The first entry.
pub const INIT: &str = "init";
/// An intent was minted.
pub const INTENT: &str = "intent";
/// The key was locked away.
pub const LOCK: &str = "lock";
/// A payment was reserved, then signed.
pub const PAYMENT: &str = "payment";
/// A wallet.toml came into force.
pub const POLICY: &str = "policy";
/// A wallet.toml was refused.
pub const POLICY_REFUSED: &str = "policy_refused";
/// Calls over the rate limit, summed up.
pub const RATE_LIMITED: &str = "rate_limited";
/// A merchant's receipt.
pub const RECEIPT: &str = "receipt";
/// A freeze was ended.
pub const THAW: &str = "thaw";
/// The key may be fetched again.
pub const UNLOCK: &str = "unlock";
/// A freeze or a lock stopped a signature; the reservation is given back.
pub const WITHHELD: &str = "withheld";
