//! The rows of carts that needed the principal's yes: one function a statement, nothing decided here.

use mandate::digest::DIGEST_BYTES;
use mandate::token::{Cart, UnverifiedMandate};
use mandate::{AgentName, CartHash, Currency, MerchantId, MinorUnits, Money, Sku, UnixSeconds};
use mandate_journal::StoreError;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::rows::{row_number, seconds, sql_integer, stored, unsigned};
use crate::damage::damaged;
use crate::event::ApprovalAnswer;

pub(super) const SCHEMA: &str = "
CREATE TABLE approval (
    seq INTEGER PRIMARY KEY,        -- the request's entry
    cart BLOB NOT NULL UNIQUE,      -- H(cart)
    agent TEXT NOT NULL,
    merchant TEXT NOT NULL,
    action TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,    -- the cart's exp
    answer INTEGER NOT NULL         -- 0 none, 1 approved, 2 denied
) STRICT;
CREATE INDEX approval_pending ON approval (seq) WHERE answer = 0;
";

/// One cart that an agent asked the principal's yes for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalAsked {
    /// The request's entry: its name.
    pub seq: u64,
    /// H(cart).
    pub cart: CartHash,
    /// Who asked, and may pay it.
    pub agent: AgentName,
    /// Whom it pays.
    pub merchant: MerchantId,
    /// For what.
    pub action: Sku,
    /// How much.
    pub total: Money,
    /// The cart's `exp`: a yes ends with it.
    pub expires_at: UnixSeconds,
    /// What the principal said, if anything.
    pub answer: Option<ApprovalAnswer>,
}

impl ApprovalAsked {
    pub(super) fn by(seq: u64, agent: &AgentName, cart: &UnverifiedMandate<Cart>) -> Self {
        let claims = cart.claims();
        Self {
            seq,
            cart: cart.hash(),
            agent: agent.clone(),
            merchant: claims.iss.clone(),
            action: claims.action.sku.clone(),
            total: claims.total,
            expires_at: claims.exp,
            answer: None,
        }
    }
}

pub(super) fn insert(db: &Connection, asked: &ApprovalAsked) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO approval VALUES (:seq, :cart, :agent, :merchant, :action, :currency, :amount,
                                      :expires_at, :answer)",
    )?
    .execute(named_params! {
        ":seq": sql_integer(asked.seq)?,
        ":cart": asked.cart.as_bytes(),
        ":agent": asked.agent.as_str(),
        ":merchant": asked.merchant.as_str(),
        ":action": asked.action.as_str(),
        ":currency": asked.total.currency.code(),
        ":amount": sql_integer(asked.total.amount.units())?,
        ":expires_at": sql_integer(asked.expires_at.seconds())?,
        ":answer": answer_id(asked.answer),
    })?;
    Ok(())
}

pub(super) fn set_answer(
    db: &Connection,
    seq: u64,
    answer: ApprovalAnswer,
) -> Result<(), StoreError> {
    let changed = db
        .prepare_cached("UPDATE approval SET answer = ? WHERE seq = ?")?
        .execute(params![answer_id(Some(answer)), sql_integer(seq)?])?;
    if changed == 1 { Ok(()) } else { Err(damaged(format!("entry {seq} asks for no approval"))) }
}

/// A row as SQLite gives it, before it is read back into types.
struct RawApproval {
    seq: i64,
    cart: [u8; DIGEST_BYTES],
    texts: [String; 4],
    amount: i64,
    expires_at: i64,
    answer: i64,
}

impl RawApproval {
    const COLUMNS: &str =
        "seq, cart, agent, merchant, action, currency, amount, expires_at, answer";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            cart: row.get(1)?,
            texts: [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?],
            amount: row.get(6)?,
            expires_at: row.get(7)?,
            answer: row.get(8)?,
        })
    }

    fn check(self) -> Result<ApprovalAsked, StoreError> {
        let [agent, merchant, action, currency] = &self.texts;
        let amount = MinorUnits::new(unsigned(self.amount)?)
            .map_err(|error| damaged(format!("approval.amount {error}")))?;
        Ok(ApprovalAsked {
            seq: unsigned(self.seq)?,
            cart: CartHash::from_bytes(self.cart),
            agent: stored(agent, "approval.agent")?,
            merchant: stored(merchant, "approval.merchant")?,
            action: stored(action, "approval.action")?,
            total: Money { currency: stored::<Currency>(currency, "approval.currency")?, amount },
            expires_at: seconds(self.expires_at)?,
            answer: match self.answer {
                0 => None,
                1 => Some(ApprovalAnswer::Approved),
                2 => Some(ApprovalAnswer::Denied),
                other => return Err(damaged(format!("approval.answer holds {other}"))),
            },
        })
    }
}

fn one(
    db: &Connection,
    condition: &str,
    value: impl rusqlite::ToSql,
) -> Result<Option<ApprovalAsked>, StoreError> {
    let sql = format!("SELECT {} FROM approval WHERE {condition} = ?", RawApproval::COLUMNS);
    db.prepare_cached(&sql)?
        .query_row([value], RawApproval::read)
        .optional()?
        .map(RawApproval::check)
        .transpose()
}

/// The request of that entry.
pub(crate) fn approval(db: &Connection, seq: u64) -> Result<Option<ApprovalAsked>, StoreError> {
    let Some(seq) = row_number(seq) else { return Ok(None) };
    one(db, "seq", seq)
}

/// The request about a cart.
pub(crate) fn approval_of_cart(
    db: &Connection,
    cart: &CartHash,
) -> Result<Option<ApprovalAsked>, StoreError> {
    one(db, "cart", cart.as_bytes())
}

/// Requests after entry `after_seq` that nobody answered and whose cart has not run out, oldest first.
pub(crate) fn pending_approvals(
    db: &Connection,
    after_seq: u64,
    now: UnixSeconds,
    limit: usize,
) -> Result<Vec<ApprovalAsked>, StoreError> {
    let Some(after_seq) = row_number(after_seq) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT {} FROM approval
         WHERE answer = 0 AND seq > ? AND expires_at > ? ORDER BY seq LIMIT ?",
        RawApproval::COLUMNS
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(&sql)?;
    let bounds = params![after_seq, sql_integer(now.seconds())?, limit];
    let rows = statement.query_map(bounds, RawApproval::read)?;
    rows.map(|row| row.map_err(StoreError::from).and_then(RawApproval::check)).collect()
}

fn answer_id(answer: Option<ApprovalAnswer>) -> i64 {
    match answer {
        None => 0,
        Some(ApprovalAnswer::Approved) => 1,
        Some(ApprovalAnswer::Denied) => 2,
    }
}
