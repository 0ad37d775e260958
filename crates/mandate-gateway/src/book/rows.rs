//! The rows behind the book: one function a statement, nothing decided here.

use mandate::digest::DIGEST_BYTES;
use mandate::token::{CartClaims, Status};
use mandate::{
    IntentHash, KeyId, MerchantId, MinorUnits, PolicyDigest, PrincipalId, PublicKey, RequestDigest,
    UnixSeconds,
};
use mandate_journal::StoreError;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use super::damage::damaged;
use super::event::Init;
use super::key::UseKey;
use super::totals::Charge;

/// Tables that a replay of the journal makes again, row by row.
pub(super) const TABLES: &[&str] =
    &["owner", "policy", "lock", "cart", "single_use", "total", "shown", "equivocation"];

pub(super) const SCHEMA: &str = "
CREATE TABLE owner (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    merchant TEXT NOT NULL,
    key BLOB NOT NULL
) STRICT;
CREATE TABLE policy (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    digest BLOB NOT NULL            -- of the gateway.toml that was put in force last
) STRICT;
CREATE TABLE lock (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    seq INTEGER NOT NULL            -- the entry that locked the key away; no row, no lock
) STRICT;
CREATE TABLE cart (
    seq INTEGER PRIMARY KEY,        -- its entry
    intent BLOB NOT NULL,           -- H(intent)
    request BLOB NOT NULL,          -- the call that was quoted
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX cart_intent ON cart (intent, seq);
CREATE TABLE single_use (
    seq INTEGER PRIMARY KEY,        -- its entry
    key BLOB NOT NULL UNIQUE,       -- H(payment), or H(intent) of a free action
    intent BLOB NOT NULL UNIQUE,    -- H(intent): one intent, one cart, one payment
    request BLOB NOT NULL,          -- the call it is used for
    principal TEXT NOT NULL,
    agent TEXT NOT NULL,
    action TEXT NOT NULL,
    currency TEXT,                  -- null for a free action, as is amount
    amount INTEGER,
    at INTEGER NOT NULL,            -- when the wallet minted it
    state INTEGER NOT NULL,         -- 0 reserved, 1 executed, 2 void
    receipt_seq INTEGER             -- the entry of its receipt
) STRICT;
CREATE INDEX single_use_reserved ON single_use (seq) WHERE state = 0;
CREATE TABLE total (
    principal TEXT NOT NULL,
    action TEXT NOT NULL,           -- empty for all actions
    agent TEXT NOT NULL,            -- empty for all agents
    level INTEGER NOT NULL,         -- a cell has 32 ^ level seconds
    cell INTEGER NOT NULL,          -- cells since the epoch
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,        -- minor units
    count INTEGER NOT NULL,         -- at least 1
    PRIMARY KEY (principal, action, agent, level, cell, currency)
) STRICT, WITHOUT ROWID;
";

/// Whose gateway it is.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) merchant: MerchantId,
    pub(super) key: PublicKey,
    pub(super) key_id: KeyId,
}

/// The owner; `None` before the first entry.
pub(super) fn owner(db: &Connection) -> Result<Option<Owner>, StoreError> {
    let row: Option<(String, [u8; 32])> = db
        .query_row("SELECT merchant, key FROM owner", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(merchant, key)| {
        let key = PublicKey::from_bytes(&key)
            .map_err(|error| damaged(format!("the owner's key: {error}")))?;
        let merchant =
            merchant.parse().map_err(|_unreadable| damaged("owner.merchant is no id"))?;
        Ok(Owner { merchant, key, key_id: key.id() })
    })
    .transpose()
}

pub(super) fn set_owner(db: &Connection, init: &Init) -> Result<(), StoreError> {
    let key = PublicKey::try_from(init.key.clone())
        .map_err(|error| damaged(format!("the first entry's key: {error}")))?;
    db.execute(
        "INSERT INTO owner VALUES (0, ?, ?)",
        params![init.merchant.as_str(), key.as_bytes()],
    )?;
    Ok(())
}

/// The digest of the gateway.toml that was put in force last.
pub(super) fn policy(db: &Connection) -> Result<Option<PolicyDigest>, StoreError> {
    let digest: Option<[u8; DIGEST_BYTES]> =
        db.query_row("SELECT digest FROM policy", [], |row| row.get(0)).optional()?;
    Ok(digest.map(PolicyDigest::from_bytes))
}

pub(super) fn set_policy(db: &Connection, digest: &PolicyDigest) -> Result<(), StoreError> {
    db.execute("INSERT OR REPLACE INTO policy VALUES (0, ?)", [digest.as_bytes()])?;
    Ok(())
}

pub(super) fn lock(db: &Connection, seq: u64) -> Result<(), StoreError> {
    db.execute("INSERT INTO lock VALUES (0, ?) ON CONFLICT DO NOTHING", [seq])?;
    Ok(())
}

pub(super) fn unlock(db: &Connection) -> Result<(), StoreError> {
    db.execute("DELETE FROM lock", [])?;
    Ok(())
}

/// The entry that locked the key away, if it is.
pub(super) fn lock_seq(db: &Connection) -> Result<Option<u64>, StoreError> {
    Ok(db.query_row("SELECT seq FROM lock", [], |row| row.get(0)).optional()?)
}

/// A cart as its row tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CartRow {
    pub(super) seq: u64,
    pub(super) request: RequestDigest,
    pub(super) expires_at: UnixSeconds,
}

pub(super) fn insert_cart(
    db: &Connection,
    seq: u64,
    claims: &CartClaims,
) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO cart VALUES (?, ?, ?, ?)")?.execute(params![
        seq,
        claims.intent.as_bytes(),
        claims.action.request.as_bytes(),
        claims.exp.seconds(),
    ])?;
    Ok(())
}

/// The carts that answered an intent, the newest first.
pub(super) fn carts_of(db: &Connection, intent: &IntentHash) -> Result<Vec<CartRow>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT seq, request, expires_at FROM cart WHERE intent = ? ORDER BY seq DESC",
    )?;
    let rows = statement.query_map([intent.as_bytes()], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, [u8; DIGEST_BYTES]>(1)?, row.get::<_, u64>(2)?))
    })?;
    rows.map(|row| {
        let (seq, request, expires_at) = row?;
        Ok(CartRow {
            seq,
            request: RequestDigest::from_bytes(request),
            expires_at: seconds(expires_at)?,
        })
    })
    .collect()
}

/// The last cart that answered an intent.
pub(super) fn newest_cart(
    db: &Connection,
    intent: &IntentHash,
) -> Result<Option<CartRow>, StoreError> {
    Ok(carts_of(db, intent)?.into_iter().next())
}

/// What became of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseState {
    /// It is on disk, and the API may or may not have executed it.
    Reserved,
    /// The API executed it; the receipt says so.
    Executed,
    /// It never was and never will be executed; the receipt says so.
    Void,
}

impl From<Status> for UseState {
    fn from(status: Status) -> Self {
        match status {
            Status::Executed => Self::Executed,
            Status::Void => Self::Void,
        }
    }
}

impl UseState {
    fn id(self) -> i64 {
        match self {
            Self::Reserved => 0,
            Self::Executed => 1,
            Self::Void => 2,
        }
    }
}

/// One use of a mandate.
#[derive(Debug, Clone)]
pub(super) struct UseRow {
    pub(super) seq: u64,
    pub(super) key: UseKey,
    pub(super) request: RequestDigest,
    pub(super) state: UseState,
    pub(super) receipt_seq: Option<u64>,
}

/// What is known of a use when it is written.
pub(super) struct NewUse<'a> {
    pub(super) seq: u64,
    pub(super) key: UseKey,
    pub(super) intent: IntentHash,
    pub(super) request: RequestDigest,
    pub(super) payer: Payer<'a>,
    pub(super) state: UseState,
    pub(super) receipt_seq: Option<u64>,
}

/// Under whom a use counts, and what.
pub(super) enum Payer<'a> {
    Free { intent: &'a mandate::IntentClaims },
    Paid(&'a Charge),
}

pub(super) fn insert_use(db: &Connection, new: &NewUse<'_>) -> Result<(), StoreError> {
    let (principal, agent, action, at, currency, amount) = match &new.payer {
        Payer::Free { intent } => {
            (&intent.iss, &intent.act, &intent.action.sku, intent.iat, None, None)
        }
        Payer::Paid(charge) => (
            &charge.principal,
            &charge.agent,
            &charge.action,
            charge.at,
            Some(charge.currency.code()),
            Some(charge.amount.units()),
        ),
    };
    db.prepare_cached(
        "INSERT INTO single_use VALUES (:seq, :key, :intent, :request, :principal, :agent, :action,
                                        :currency, :amount, :at, :state, :receipt_seq)",
    )?
    .execute(named_params! {
        ":seq": new.seq,
        ":key": new.key.as_bytes(),
        ":intent": new.intent.as_bytes(),
        ":request": new.request.as_bytes(),
        ":principal": PrincipalId::as_str(principal),
        ":agent": agent.as_str(),
        ":action": action.as_str(),
        ":currency": currency,
        ":amount": amount,
        ":at": at.seconds(),
        ":state": new.state.id(),
        ":receipt_seq": new.receipt_seq,
    })?;
    Ok(())
}

const USE_COLUMNS: &str = "seq, key, request, state, receipt_seq";

type RawUse = (u64, [u8; DIGEST_BYTES], [u8; DIGEST_BYTES], i64, Option<u64>);

fn raw_use(row: &Row<'_>) -> rusqlite::Result<RawUse> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

fn checked_use((seq, key, request, state, receipt_seq): RawUse) -> Result<UseRow, StoreError> {
    let state = [UseState::Reserved, UseState::Executed, UseState::Void]
        .into_iter()
        .find(|known| known.id() == state)
        .ok_or_else(|| damaged(format!("single_use.state holds {state}")))?;
    let key = mandate::PaymentHash::from_bytes(key).into();
    Ok(UseRow { seq, key, request: RequestDigest::from_bytes(request), state, receipt_seq })
}

fn one_use(
    db: &Connection,
    column: &str,
    value: impl rusqlite::ToSql,
) -> Result<Option<UseRow>, StoreError> {
    let sql = format!("SELECT {USE_COLUMNS} FROM single_use WHERE {column} = ?");
    db.prepare_cached(&sql)?.query_row([value], raw_use).optional()?.map(checked_use).transpose()
}

pub(super) fn use_by_key(db: &Connection, key: &UseKey) -> Result<Option<UseRow>, StoreError> {
    one_use(db, "key", key.as_bytes())
}

pub(super) fn use_by_intent(
    db: &Connection,
    intent: &IntentHash,
) -> Result<Option<UseRow>, StoreError> {
    one_use(db, "intent", intent.as_bytes())
}

pub(super) fn use_by_seq(db: &Connection, seq: u64) -> Result<Option<UseRow>, StoreError> {
    one_use(db, "seq", seq)
}

/// What a use counts; `None` for a free action.
pub(super) fn charge_of(db: &Connection, seq: u64) -> Result<Option<Charge>, StoreError> {
    let row: Option<(String, String, String, String, u64, u64)> = db
        .prepare_cached(
            "SELECT principal, agent, action, currency, amount, at FROM single_use
             WHERE seq = ? AND amount IS NOT NULL",
        )?
        .query_row([seq], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .optional()?;
    row.map(|(principal, agent, action, currency, amount, at)| {
        Ok(Charge {
            principal: stored(&principal, "principal")?,
            agent: stored(&agent, "agent")?,
            action: stored(&action, "action")?,
            currency: stored(&currency, "currency")?,
            amount: MinorUnits::new(amount).map_err(|_past| damaged("single_use.amount"))?,
            at: seconds(at)?,
        })
    })
    .transpose()
}

/// Reads a stored text back into its type; what was stored was checked, so a failure means damage.
fn stored<T: std::str::FromStr>(text: &str, column: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_unreadable| damaged(format!("single_use.{column} holds {text:?}")))
}

/// Uses of which it is not known what became, after `after_seq`, oldest first.
pub(super) fn reserved(
    db: &Connection,
    after_seq: u64,
    limit: u32,
) -> Result<Vec<UseRow>, StoreError> {
    let sql = format!(
        "SELECT {USE_COLUMNS} FROM single_use WHERE state = 0 AND seq > ? ORDER BY seq LIMIT ?"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params![after_seq, limit], raw_use)?;
    rows.map(|row| checked_use(row?)).collect()
}

/// How many uses there are of which it is not known what became.
pub(super) fn count_reserved(db: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM single_use WHERE state = 0";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

pub(super) fn settle(
    db: &Connection,
    seq: u64,
    state: UseState,
    receipt_seq: u64,
) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE single_use SET state = ?, receipt_seq = ? WHERE seq = ?")?
        .execute(params![state.id(), receipt_seq, seq])?;
    Ok(())
}

fn seconds(value: u64) -> Result<UnixSeconds, StoreError> {
    UnixSeconds::new(value).map_err(|_past| damaged("a time past 2^53 − 1"))
}

#[cfg(test)]
mod tests {
    use mandate_journal::peers;

    use super::*;

    #[test]
    fn the_tables_of_heads_are_compared_too() {
        assert!(peers::TABLES.iter().all(|table| TABLES.contains(table)));
    }
}
