//! The rows of payments that count: one function a statement, nothing decided here.

use std::collections::BTreeMap;

use mandate::digest::DIGEST_BYTES;
use mandate::token::PaymentClaims;
use mandate::{
    AgentName, CartHash, Currency, Jti, MerchantId, MinorUnits, Money, PaymentHash, Sku,
    UnixSeconds,
};
use mandate_journal::StoreError;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::rows::{row_number, seconds, sql_integer, stored, unsigned};
use super::totals::Charge;
use crate::damage::damaged;
use crate::refusal::HoldState;

/// One payment that was reserved and not withheld.
#[derive(Debug, Clone)]
pub struct Hold {
    /// The payment's entry.
    pub seq: u64,
    /// The entry of the intent it closed.
    pub intent_seq: u64,
    /// H(cart).
    pub cart: CartHash,
    /// The payment's id.
    pub jti: Jti,
    /// What it counts, and under what.
    pub charge: Charge,
    /// The payment's `exp`.
    pub expires_at: UnixSeconds,
    /// What became of it.
    pub state: HoldState,
    /// H(payment); none before it was signed.
    pub payment: Option<PaymentHash>,
}

impl Hold {
    pub(super) fn opened_by(
        seq: u64,
        intent_seq: u64,
        agent: &AgentName,
        claims: &PaymentClaims,
    ) -> Self {
        Self {
            seq,
            intent_seq,
            cart: claims.cart,
            jti: claims.jti,
            charge: Charge::of(agent, claims),
            expires_at: claims.exp,
            state: HoldState::Open,
            payment: None,
        }
    }

    /// Its amount with its currency.
    #[must_use]
    pub fn total(&self) -> Money {
        Money { currency: self.charge.currency, amount: self.charge.amount }
    }
}

pub(super) fn insert(db: &Connection, hold: &Hold) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO hold VALUES (:seq, :intent_seq, :cart, :jti, :agent, :merchant, :action,
                                  :currency, :amount, :minted_at, :expires_at, :state)",
    )?
    .execute(named_params! {
        ":seq": sql_integer(hold.seq)?,
        ":intent_seq": sql_integer(hold.intent_seq)?,
        ":cart": hold.cart.as_bytes(),
        ":jti": hold.jti.to_string(),
        ":agent": hold.charge.agent.as_str(),
        ":merchant": hold.charge.merchant.as_str(),
        ":action": hold.charge.action.as_str(),
        ":currency": hold.charge.currency.code(),
        ":amount": sql_integer(hold.charge.amount.units())?,
        ":minted_at": sql_integer(hold.charge.at.seconds())?,
        ":expires_at": sql_integer(hold.expires_at.seconds())?,
        ":state": state_id(hold.state),
    })?;
    Ok(())
}

/// A row as SQLite gives it, before it is read back into types.
struct RawHold {
    seq: i64,
    intent_seq: i64,
    cart: [u8; DIGEST_BYTES],
    texts: [String; 5],
    amount: i64,
    minted_at: i64,
    expires_at: i64,
    state: i64,
    payment: Option<[u8; DIGEST_BYTES]>,
}

impl RawHold {
    const COLUMNS: &str = "seq, intent_seq, cart, jti, agent, merchant, action, currency, amount, minted_at, expires_at, state, (SELECT hash FROM token WHERE token.seq = hold.seq)";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            intent_seq: row.get(1)?,
            cart: row.get(2)?,
            texts: [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?],
            amount: row.get(8)?,
            minted_at: row.get(9)?,
            expires_at: row.get(10)?,
            state: row.get(11)?,
            payment: row.get(12)?,
        })
    }

    fn check(self) -> Result<Hold, StoreError> {
        let [jti, agent, merchant, action, currency] = &self.texts;
        Ok(Hold {
            seq: unsigned(self.seq)?,
            intent_seq: unsigned(self.intent_seq)?,
            cart: CartHash::from_bytes(self.cart),
            jti: stored(jti, "hold.jti")?,
            charge: Charge {
                agent: stored::<AgentName>(agent, "hold.agent")?,
                merchant: stored::<MerchantId>(merchant, "hold.merchant")?,
                action: stored::<Sku>(action, "hold.action")?,
                currency: stored::<Currency>(currency, "hold.currency")?,
                amount: MinorUnits::new(unsigned(self.amount)?)
                    .map_err(|error| damaged(format!("hold.amount {error}")))?,
                at: seconds(self.minted_at)?,
            },
            expires_at: seconds(self.expires_at)?,
            state: match self.state {
                0 => HoldState::Open,
                1 => HoldState::Executed,
                2 => HoldState::Void,
                3 => HoldState::Conflict,
                other => return Err(damaged(format!("hold.state holds {other}"))),
            },
            payment: self.payment.map(PaymentHash::from_bytes),
        })
    }
}

fn one_hold(
    db: &Connection,
    condition: &str,
    value: impl rusqlite::ToSql,
) -> Result<Option<Hold>, StoreError> {
    let sql = format!("SELECT {} FROM hold WHERE {condition} = ?", RawHold::COLUMNS);
    db.prepare_cached(&sql)?
        .query_row([value], RawHold::read)
        .optional()?
        .map(RawHold::check)
        .transpose()
}

pub(crate) fn hold(db: &Connection, seq: u64) -> Result<Option<Hold>, StoreError> {
    let Some(seq) = row_number(seq) else { return Ok(None) };
    one_hold(db, "seq", seq)
}

pub(crate) fn hold_by_intent(db: &Connection, intent_seq: u64) -> Result<Option<Hold>, StoreError> {
    one_hold(db, "intent_seq", sql_integer(intent_seq)?)
}

/// Open holds after `after_seq`, oldest first.
pub(crate) fn open_holds(
    db: &Connection,
    after_seq: u64,
    limit: usize,
) -> Result<Vec<Hold>, StoreError> {
    let Some(after_seq) = row_number(after_seq) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT {} FROM hold WHERE state = 0 AND seq > ? ORDER BY seq LIMIT ?",
        RawHold::COLUMNS
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params![after_seq, limit], RawHold::read)?;
    rows.map(|row| row.map_err(StoreError::from).and_then(RawHold::check)).collect()
}

pub(super) fn set_state(db: &Connection, seq: u64, state: HoldState) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE hold SET state = ? WHERE seq = ?")?
        .execute(params![state_id(state), sql_integer(seq)?])?;
    Ok(())
}

pub(super) fn delete(db: &Connection, seq: u64) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM hold WHERE seq = ?")?.execute([sql_integer(seq)?])?;
    Ok(())
}

pub(super) fn open_counts(db: &Connection) -> Result<BTreeMap<AgentName, u64>, StoreError> {
    let mut statement =
        db.prepare("SELECT agent, count(*) FROM hold WHERE state = 0 GROUP BY agent")?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    rows.map(|row| {
        let (agent, open) = row?;
        Ok((stored(&agent, "hold.agent")?, unsigned(open)?))
    })
    .collect()
}

fn state_id(state: HoldState) -> i64 {
    match state {
        HoldState::Open => 0,
        HoldState::Executed => 1,
        HoldState::Void => 2,
        HoldState::Conflict => 3,
    }
}
