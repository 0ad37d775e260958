//! Who trades with a wallet that has no daemon: agents, two merchants, and the principal's key.

use mandate::token::Status;
use mandate::{
    AgentName, Cart, CartClaims, Intent, Mandate, Money, Payment, PublicKey, Receipt, UnixSeconds,
};
use mandate_keys::{Seed, SigningKey};
use mandate_ledger::Caller;

use crate::Merchant;
use crate::home::{LUX, RIVAL};
use crate::tally::{Cap, Price, Zone, written};

/// The agents of a wallet and their uids.
pub const AGENTS: [(&str, u32); 2] = [("travel", 1_001), ("errands", 1_002)];

/// What a merchant sells: its id and the paid action.
pub type Ware = (&'static str, &'static str);

/// Everything that is for sale.
pub const WARES: [Ware; 3] = [(LUX, "book_room"), (LUX, "cancel_room"), (RIVAL, "book_flight")];

/// Who trades with a wallet, and its key; they outlive the ledger's process.
#[derive(Debug)]
pub struct Parties {
    key: SigningKey,
    /// [`LUX`].
    pub lux: Merchant,
    /// [`RIVAL`].
    pub rival: Merchant,
}

impl Parties {
    /// A principal whose key is these bytes, and two merchants with fresh ones.
    ///
    /// # Panics
    ///
    /// If the system gives no random bytes.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        let merchant = |id: &str| Merchant::new(id.parse().expect("an id")).expect("a merchant");
        let key = SigningKey::from_seed(Seed::copy_from(&seed));
        Self { key, lux: merchant(LUX), rival: merchant(RIVAL) }
    }

    /// The same, with merchants that are the same in every process that names this turn.
    ///
    /// A merchant's log begins anew with each process, so no turn comes twice over one ledger.
    ///
    /// # Panics
    ///
    /// If the names are none.
    #[must_use]
    pub fn in_turn(seed: [u8; 32], turn: u8) -> Self {
        let merchant = |id: &str, half: u8| {
            let (mut bytes, id) = ([half; 32], id.parse().expect("an id"));
            bytes[0] = turn;
            Merchant::from_seed(id, bytes)
        };
        let key = SigningKey::from_seed(Seed::copy_from(&seed));
        Self { key, lux: merchant(LUX, 1), rival: merchant(RIVAL, 2) }
    }

    /// The principal's key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// What signs for the principal.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The merchant of that id.
    #[must_use]
    pub fn merchant(&self, id: &str) -> &Merchant {
        if id == LUX { &self.lux } else { &self.rival }
    }

    /// A `wallet.toml` that lists all of [`AGENTS`] and [`WARES`], with these caps.
    #[must_use]
    pub fn toml(&self, zone: &Zone, unsettled: u64, caps: &[Cap]) -> String {
        let mut text = format!(
            "[principal]\nname = \"Ada\"\ntimezone = \"{}\"\n[limits]\nunsettled = {unsettled}\n",
            zone.name
        );
        for (name, uid) in AGENTS {
            text += &format!("[[agent]]\nname = \"{name}\"\nuid = {uid}\n");
        }
        for merchant in [&self.lux, &self.rival] {
            let id = merchant.id().as_str();
            let paid: Vec<_> =
                WARES.iter().filter(|ware| ware.0 == id).map(|ware| ware.1).collect();
            let key = merchant.toml_key();
            text += &format!("[[merchant]]\nid = \"{id}\"\nkeys = [{key}]\npaid = {paid:?}\n");
        }
        text + &caps.iter().map(Cap::toml).collect::<String>()
    }

    /// The merchant's cart for an intent.
    ///
    /// # Panics
    ///
    /// If the claims make no cart.
    #[must_use]
    pub fn cart(&self, intent: &Mandate<Intent>, price: Price, now: UnixSeconds) -> Mandate<Cart> {
        let merchant = self.merchant(intent.claims().aud.as_str());
        let title = "as ordered".parse().expect("text");
        let claims: CartClaims = merchant.cart(intent, title, money(price), now).expect("a cart");
        merchant.sign_cart(&claims).expect("a cart")
    }

    /// The merchant's answer to a payment, as an agent receives it.
    ///
    /// # Panics
    ///
    /// If the claims make no receipt.
    #[must_use]
    pub fn receipt(
        &self,
        payment: &Mandate<Payment>,
        status: Status,
        now: UnixSeconds,
    ) -> Mandate<Receipt> {
        let merchant = self.merchant(payment.claims().aud.as_str());
        let claims = match status {
            Status::Executed => merchant.executed(payment, "A-1".parse().expect("text"), now),
            Status::Void => merchant.void(payment, "full".parse().expect("text"), now),
        };
        merchant.sign_receipt(&claims.expect("a receipt")).expect("a receipt")
    }
}

/// An amount as the wallet's type.
///
/// # Panics
///
/// If it is none.
#[must_use]
pub fn money(price: Price) -> Money {
    written(price).parse().expect("an amount")
}

/// A caller as the kernel tells it.
///
/// # Panics
///
/// If no agent has that name.
#[must_use]
pub fn caller(agent: &str) -> Caller {
    let (name, uid) = AGENTS.into_iter().find(|(name, _)| *name == agent).expect("an agent");
    Caller { agent: Some(name.parse::<AgentName>().expect("a name")), uid }
}
