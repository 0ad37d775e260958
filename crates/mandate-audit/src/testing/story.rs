//! Two sides that trade: what their logs hold, made by their formats and by none of their code.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use mandate::key::Jwk;
use mandate::token::{Action, BoundAction, LineItem, Status};
use mandate::{
    Cart, CartClaims, Draft, Head, Intent, IntentClaims, Jti, Kind, Mandate, MinorUnits, Money,
    Payment, PaymentClaims, Quantity, Receipt, ReceiptClaims, RequestDigest, Signer as _,
    UnixSeconds,
};
use mandate_journal::{Chain, Checkpoint, Entry};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::TestKey;
use crate::write::{Contents, write};

/// When everything happens.
const NOW: u64 = 1_795_514_400;

/// One side: its key, and its log as it really was.
#[derive(Debug, Clone)]
pub(crate) struct Party {
    side: &'static str,
    id: String,
    seed: u8,
    pub(crate) chain: Chain,
    pub(crate) entries: Vec<Vec<u8>>,
}

#[derive(Serialize)]
struct Own<'a> {
    header: &'a RawValue,
    claims: &'a RawValue,
    #[serde(flatten)]
    more: BTreeMap<&'a str, Value>,
}

impl Party {
    pub(crate) fn new(side: &'static str, id: &str, seed: u8) -> Self {
        let mut party =
            Self { side, id: id.to_owned(), seed, chain: Chain::default(), entries: Vec::new() };
        let name = if side == "wallet" { "principal" } else { "merchant" };
        let key = Jwk::from(&party.key().public_key());
        party.append("init", &json!({ name: id, "key": key }));
        party
    }

    pub(crate) fn key(&self) -> TestKey {
        TestKey::new(self.seed)
    }

    /// The same party with another key, and the log as it was.
    pub(crate) fn under(&self, seed: u8) -> Self {
        Self { seed, ..self.clone() }
    }

    pub(crate) fn append(&mut self, kind: &str, fields: &impl Serialize) -> Head {
        let entry = self.chain.encode(now(), kind, fields).unwrap();
        self.chain.push(&entry).unwrap();
        self.entries.push(entry);
        self.chain.head()
    }

    fn issue<K: Kind>(
        &mut self,
        kind: &str,
        claims: &K::Claims,
        more: &[(&str, Value)],
    ) -> Mandate<K> {
        let draft = Draft::<K>::new(claims, self.key().public_key().id()).unwrap();
        let (header, claims) = (draft.header(), draft.claims_json());
        let own = Own { header, claims, more: more.iter().cloned().collect() };
        let head = self.append(kind, &own);
        draft.issue(head, &self.key()).unwrap()
    }

    /// Makes the log anew from other entries: numbers and `prev` are set right, as whoever rewrites a log would.
    pub(crate) fn rewrite(&mut self, entries: impl IntoIterator<Item = Vec<u8>>) {
        (self.chain, self.entries) = (Chain::default(), Vec::new());
        for entry in entries {
            let entry = Entry::parse(&entry).unwrap();
            // What follows `prev`, byte for byte.
            let (_, rest) = entry.body.split_once(",\"prev\":\"").unwrap();
            let (_, rest) = rest.split_once('"').unwrap();
            let fields = format!("{{{}", rest.strip_prefix(',').unwrap_or(rest));
            let fields = RawValue::from_string(fields).unwrap();
            self.append(entry.kind, &fields);
        }
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let origin = format!("mandate/{}/{}", self.side, self.id).parse().unwrap();
        Checkpoint::sign(&origin, self.chain.head(), &self.key()).unwrap()
    }

    pub(crate) fn export(&self, dir: &Path) {
        let checkpoint = self.checkpoint();
        let key = self.key().public_key();
        let contents = Contents { checkpoint: &checkpoint, key, policy: None };
        let entries = self.entries.iter().cloned().map(Ok::<_, Infallible>);
        write(dir, &contents, entries).unwrap();
    }

    /// The log as it was when it had that many entries.
    pub(crate) fn until(&self, size: usize) -> Self {
        let mut party = self.clone();
        party.rewrite(self.entries.iter().take(size).cloned());
        party
    }
}

/// A principal, merchants, and how many tokens were made.
#[derive(Debug, Clone)]
pub(crate) struct Street {
    pub(crate) wallet: Party,
    pub(crate) gateways: Vec<Party>,
    tokens: u128,
}

impl Street {
    pub(crate) fn new(gateways: u8) -> Self {
        let gateway = |number: u8| Party::new("gateway", &format!("shop-{number}"), number + 2);
        Self {
            wallet: Party::new("wallet", "ada", 1),
            gateways: (0..gateways).map(gateway).collect(),
            tokens: 0,
        }
    }

    fn jti(&mut self) -> Jti {
        self.tokens += 1;
        Jti::from_random(self.tokens.to_be_bytes())
    }

    pub(crate) fn intent(&mut self, at: usize) -> Mandate<Intent> {
        let claims = IntentClaims {
            iss: self.wallet.id.parse().unwrap(),
            aud: self.gateways[at].id.parse().unwrap(),
            jti: self.jti(),
            iat: now(),
            exp: now().plus(60),
            act: "travel".parse().unwrap(),
            action: Action { sku: "room".parse().unwrap(), quantity: Quantity::ONE, request: None },
            limit: None,
        };
        let more = [("agent", json!("travel")), ("purpose", json!("a room"))];
        self.wallet.issue("intent", &claims, &more)
    }

    pub(crate) fn cart(
        &mut self,
        at: usize,
        intent: &Mandate<Intent>,
        amount: u64,
    ) -> Mandate<Cart> {
        let asked = intent.claims();
        let total = euro(amount);
        let claims = CartClaims {
            iss: asked.aud.clone(),
            aud: asked.iss.clone(),
            jti: self.jti(),
            iat: now(),
            exp: now().plus(600),
            act: asked.act.clone(),
            action: BoundAction {
                sku: asked.action.sku.clone(),
                quantity: Quantity::ONE,
                request: RequestDigest::of(b"a call"),
            },
            line_items: vec![LineItem {
                title: "as ordered".parse().unwrap(),
                quantity: Quantity::ONE,
                amount: total.amount,
            }],
            total,
            intent: intent.hash(),
            peer_log: intent.head(),
        };
        self.gateways[at].issue("cart", &claims, &[("intent", json!(intent.as_str()))])
    }

    pub(crate) fn pay(&mut self, cart: &Mandate<Cart>) -> Mandate<Payment> {
        let asked = cart.claims();
        let claims = PaymentClaims {
            iss: asked.aud.clone(),
            aud: asked.iss.clone(),
            jti: self.jti(),
            iat: now(),
            exp: now().plus(30),
            act: asked.act.clone(),
            action: asked.action.clone(),
            total: asked.total,
            intent: asked.intent,
            cart: cart.hash(),
            caps: Vec::new(),
            peer_log: cart.head(),
        };
        self.wallet.issue("payment", &claims, &[("cart", json!(cart.as_str()))])
    }

    /// Presents a payment: a use, then its receipt.
    pub(crate) fn execute(&mut self, at: usize, payment: &Mandate<Payment>) -> Mandate<Receipt> {
        self.gateways[at].append("use", &json!({ "mandate": payment.as_str() }));
        let paid = payment.claims();
        let claims = ReceiptClaims {
            iss: paid.aud.clone(),
            aud: paid.iss.clone(),
            jti: self.jti(),
            iat: now(),
            act: paid.act.clone(),
            action: paid.action.clone().into(),
            total: Some(paid.total),
            intent: paid.intent,
            cart: Some(paid.cart),
            payment: Some(payment.hash()),
            status: Status::Executed,
            reason: None,
            order: Some("A-1".parse().unwrap()),
            peer_log: payment.head(),
        };
        self.gateways[at].issue("receipt", &claims, &[("of_seq", json!(0))])
    }

    pub(crate) fn hand_in(&mut self, receipt: &Mandate<Receipt>) {
        self.wallet.append("receipt", &json!({ "receipt": receipt.as_str() }));
    }

    /// One whole purchase.
    pub(crate) fn buy(&mut self, at: usize, amount: u64) -> (Mandate<Payment>, Mandate<Receipt>) {
        let intent = self.intent(at);
        let cart = self.cart(at, &intent, amount);
        let payment = self.pay(&cart);
        let receipt = self.execute(at, &payment);
        self.hand_in(&receipt);
        (payment, receipt)
    }
}

fn euro(amount: u64) -> Money {
    Money { currency: "EUR".parse().unwrap(), amount: MinorUnits::new(amount).unwrap() }
}

fn now() -> UnixSeconds {
    UnixSeconds::new(NOW).unwrap()
}
