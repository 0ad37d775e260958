//! What there is in the model's world: tokens by their place in a list, with what is wrong about them.

/// An amount of a currency, in its minor units.
pub type Amount = (&'static str, u64);

/// The principals that are enrolled.
pub const PAYERS: usize = 2;

pub const AGENTS: [&str; 2] = ["travel", "errands"];

/// Both clocks, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub wall: u64,
    pub boot: u32,
    pub elapsed: u64,
}

/// The one thing that is wrong with who signed a token, or for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// For another merchant.
    Audience,
    /// By somebody who is not enrolled.
    Stranger,
    /// In the name of the principal, with a key that is not its own.
    ForeignKey,
    /// In the name of the principal, with the merchant's key.
    MerchantKey,
}

#[derive(Debug, Clone)]
pub struct Intent {
    pub payer: usize,
    pub agent: usize,
    pub ware: usize,
    pub quantity: u32,
    /// The call it is bound to.
    pub bound: Option<usize>,
    pub limit: Option<Amount>,
    pub iat: u64,
    pub exp: u64,
    pub forgery: Option<Forgery>,
}

#[derive(Debug, Clone)]
pub struct Cart {
    pub intent: usize,
    pub call: usize,
    pub price: Amount,
    pub iat: u64,
    pub exp: u64,
    /// Whether an agent has it.
    pub seen: bool,
}

/// The one claim of a payment that is not its cart's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    Agent,
    Cart,
    Currency,
    Intent,
    /// Another enrolled principal, who signs it.
    Issuer,
    PeerLog,
    Quantity,
    /// The digest of this call.
    Request(usize),
    /// The action of this ware.
    Sku(usize),
    /// One more, or one less.
    Total {
        more: bool,
    },
}

#[derive(Debug, Clone)]
pub struct Cap {
    pub currency: Option<&'static str>,
    pub max: Option<u64>,
    pub count: Option<u64>,
    pub from: u64,
    pub until: Option<u64>,
    pub action: Option<&'static str>,
    pub agent: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub struct Payment {
    pub cart: usize,
    pub caps: Vec<Cap>,
    pub iat: u64,
    pub exp: u64,
    pub forgery: Option<Forgery>,
    pub slip: Option<Slip>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mandate {
    Intent(usize),
    Payment(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Reserved,
    Executed,
    Void,
}

/// A use of a mandate, or a payment that was barred.
#[derive(Debug, Clone)]
pub struct Use {
    pub mandate: Mandate,
    pub intent: usize,
    /// None if it was barred.
    pub call: Option<usize>,
    pub price: Option<Amount>,
    /// When the wallet minted it.
    pub at: u64,
    pub state: State,
    pub order: Option<String>,
    /// What the API answered when it executed it.
    pub done: Option<(u16, Option<String>)>,
}

/// An answer: what comes with it is told by its place in the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub status: u16,
    pub reason: Option<String>,
    pub cart: Option<usize>,
    pub receipt: Option<usize>,
}

pub fn no(status: u16, reason: &'static str) -> Told {
    Told { status, reason: Some(reason.to_owned()), cart: None, receipt: None }
}

pub fn unavailable() -> Told {
    no(503, "unavailable")
}

pub fn yes(status: u16, receipt: Option<usize>) -> Told {
    Told { status, reason: None, cart: None, receipt }
}

/// How a commit breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Nothing is written, and the disk has room again.
    Full,
    /// An error, and nothing was written; the writer stops.
    NotApplied,
    /// An error, yet it was written; the writer stops.
    YetApplied,
}
