//! The hot paths held against what they are made of, and against the goals of the design.

use std::fmt;

use mandate_tests::bench::figures::Figure;
use serde_json::{Value, json};

use crate::calls::Connection;
use crate::peers::{GPG_AGENT, OPENBAO, SPIRE_KEPT, SPIRE_MINT, SSH_AGENT, TMKMS, VAULT};
use crate::rounds::{
    CHECK, COMMIT_INTENT, COMMIT_PAYMENT, EMPTY, GET_BUDGET, ISSUE, MINT_INTENT, MINT_PAYMENT,
    PAID, RECORD_RECEIPT, SIGN, SIGN_INTENT, SIGN_PAYMENT, UPSTREAM, VERIFY, VERIFY_PAYMENT,
};
use crate::rows::{By, Row, Rows, spread};

const ONE: By = By::Clients(1, Connection::Warm);
const MANY: By = By::Clients(32, Connection::Warm);

/// A payment that is on disk beside one signature of each peer, none of which keeps what it signed.
const PEERS: [(&str, &str, &str); 7] = [
    ("MintPayment beside ssh-agent, p50", "ssh-agent", SSH_AGENT),
    ("MintPayment beside gpg-agent, p50", "gpg-agent", GPG_AGENT),
    ("MintPayment beside tmkms, p50", "tmkms", TMKMS),
    ("MintPayment beside OpenBao, p50", "OpenBao", OPENBAO),
    ("MintPayment beside Vault, p50", "Vault", VAULT),
    ("MintPayment beside SPIRE, minting, p50", "SPIRE", SPIRE_MINT),
    ("MintPayment beside SPIRE, kept, p50", "SPIRE", SPIRE_KEPT),
];

/// What is wanted of a ratio.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// No goal: it is there to be read.
    Open,
}

/// One path beside its floor.
#[derive(Debug)]
pub struct Ratio {
    what: &'static str,
    /// What the floor is made of, in words and figures.
    floor: String,
    ours: Figure,
    ratio: Figure,
    bound: Bound,
}

/// All ratios that what was measured allows.
pub fn ratios(rows: &Rows) -> Vec<Ratio> {
    let made_of = |call, parts: &[(&'static str, &'static str, By)], what, bound| {
        let own = rows.find(call, ONE).or_else(|| rows.find(call, By::Itself));
        let ours = &own?.p50;
        let parts = parts.iter().map(|(name, row, by)| Some((*name, &rows.find(row, *by)?.p50)));
        let parts = parts.collect::<Option<Vec<_>>>()?;
        Some(Ratio::of(what, ours, &parts, bound))
    };
    let beside =
        |what, ours: (&str, By), floor: (&str, &str, By), of: fn(&Row) -> &Figure, bound| {
            let (name, floor, by) = floor;
            let (ours, floor) = (rows.find(ours.0, ours.1)?, rows.find(floor, by)?);
            Some(Ratio::of(what, of(ours), &[(name, of(floor))], bound))
        };
    let tail = |what, call| {
        let row = rows.find(call, ONE)?;
        Some(Ratio::of(what, &row.p99, &[("its p50", &row.p50)], Bound::AtMost(3.0)))
    };
    let (empty, sign, verify) =
        (("empty call", EMPTY, ONE), ("sign", SIGN, By::Itself), ("verify", VERIFY, By::Itself));
    let commit = |row| ("commit", row, By::Itself);
    let intent = [empty, commit(COMMIT_INTENT), sign];
    let payment = [empty, commit(COMMIT_PAYMENT), sign, verify];
    let receipt = [empty, commit(COMMIT_PAYMENT), verify];
    // The use is on disk before the API is asked, and the receipt before it is signed.
    let paid =
        [("the API", UPSTREAM, ONE), verify, commit(COMMIT_PAYMENT), commit(COMMIT_PAYMENT), sign];
    let (goal, ahead) = (Bound::AtMost(1.3), Bound::AtMost(1.0));
    let all = [
        made_of(MINT_INTENT, &intent, "MintIntent, 1 client, p50", goal),
        tail("MintIntent, 1 client, p99", MINT_INTENT),
        made_of(MINT_PAYMENT, &payment, "MintPayment, 1 client, p50", goal),
        tail("MintPayment, 1 client, p99", MINT_PAYMENT),
        beside(
            "MintIntent a second, 32 clients",
            (MINT_INTENT, MANY),
            ("signed without a ledger", SIGN_INTENT, MANY),
            |row| &row.per_s,
            Bound::AtLeast(0.6),
        ),
        beside(
            "MintPayment a second, 32 clients",
            (MINT_PAYMENT, MANY),
            ("signed without a ledger", SIGN_PAYMENT, MANY),
            |row| &row.per_s,
            Bound::AtLeast(0.6),
        ),
        beside(
            "a payment verified in memory, p50",
            (CHECK, By::Itself),
            ("one verify_strict of it", VERIFY_PAYMENT, By::Itself),
            |row| &row.p50,
            Bound::AtMost(1.25),
        ),
        made_of(ISSUE, &[sign, verify], "a payment signed in memory, p50", Bound::Open),
        made_of(RECORD_RECEIPT, &receipt, "RecordReceipt, 1 client, p50", Bound::Open),
        made_of(GET_BUDGET, &[empty], "GetBudget, 1 client, p50", Bound::Open),
        made_of(PAID, &paid, "a paid call, 1 client, p50", Bound::Open),
    ];
    let peers = PEERS
        .iter()
        .map(|(what, name, row)| made_of(MINT_PAYMENT, &[(*name, *row, ONE)], *what, ahead));
    all.into_iter().chain(peers).flatten().collect()
}

impl Ratio {
    fn of(what: &'static str, ours: &Figure, parts: &[(&str, &Figure)], bound: Bound) -> Self {
        let none = ours.with(ours, |_, _| 0.0);
        let floor = parts.iter().fold(none, |sum, (_, part)| sum.with(part, |sum, it| sum + it));
        let names = parts.iter().map(|(name, part)| format!("{name} {:.0}", part.median()));
        let mut text = names.collect::<Vec<_>>().join(" + ");
        if parts.len() > 1 {
            text += &format!(" = {:.0}", floor.median());
        }
        let ratio = ours.with(&floor, |ours, floor| ours / floor);
        Self { what, floor: text, ours: ours.clone(), ratio, bound }
    }

    /// Whether the median keeps the goal, and if not by how much of it; `None` where there is no goal.
    fn missed_by(&self) -> Option<f64> {
        let ratio = self.ratio.median();
        match self.bound {
            Bound::AtMost(most) => Some((ratio / most - 1.0).max(0.0)),
            Bound::AtLeast(least) => Some((1.0 - ratio / least).max(0.0)),
            Bound::Open => None,
        }
    }

    pub fn json(&self) -> Value {
        let goal = match self.bound {
            Bound::AtMost(most) => json!({ "at_most": most }),
            Bound::AtLeast(least) => json!({ "at_least": least }),
            Bound::Open => Value::Null,
        };
        json!({
            "what": self.what, "floor": self.floor, "ours": self.ours.json(),
            "ratio": self.ratio.json(), "goal": goal, "missed_by": self.missed_by(),
        })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = match self.bound {
            Bound::AtMost(most) => format!("<= {most:.2}"),
            Bound::AtLeast(least) => format!(">= {least:.2}"),
            Bound::Open => String::new(),
        };
        let outcome = match self.missed_by() {
            None => "no goal".to_owned(),
            Some(0.0) => "met".to_owned(),
            Some(part) => format!("missed by {:.0} %", part * 100.0),
        };
        write!(
            f,
            "{:<38} {:>9.0}  / {:<62} {:>22}  {goal:<8} {outcome}",
            self.what,
            self.ours.median(),
            self.floor,
            spread(&self.ratio, 2),
        )
    }
}
