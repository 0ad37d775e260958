//! The rows behind the accounts: one function a statement, nothing decided here.

use std::collections::BTreeSet;

use mandate::digest::DIGEST_BYTES;
use mandate::token::Status;
use mandate::{AgentName, KeyId, PolicyDigest, PrincipalId, PublicKey, UnixSeconds};
use mandate_journal::StoreError;
use rusqlite::{Connection, OptionalExtension, params};

use crate::damage::damaged;
use crate::event::Init;
use crate::request::{IdempotencyKey, Stop};

/// Tables that a replay of the journal makes again, row by row.
pub(super) const TABLES: &[&str] = &[
    "owner",
    "policy",
    "hold",
    "answer",
    "idempotency",
    "approval",
    "stop",
    "total",
    "shown",
    "equivocation",
];

pub(super) const SCHEMA: &str = "
CREATE TABLE owner (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    principal TEXT NOT NULL,
    key BLOB NOT NULL
) STRICT;
CREATE TABLE policy (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    digest BLOB NOT NULL            -- of the wallet.toml that was put in force last
) STRICT;
CREATE TABLE hold (
    seq INTEGER PRIMARY KEY,        -- the payment's entry
    intent_seq INTEGER NOT NULL UNIQUE,
    cart BLOB NOT NULL,             -- H(cart); found by the intent that it names
    jti TEXT NOT NULL,
    agent TEXT NOT NULL,
    merchant TEXT NOT NULL,
    action TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    minted_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state INTEGER NOT NULL          -- 0 open, 1 executed, 2 void, 3 conflict
) STRICT;
CREATE INDEX hold_open ON hold (seq) WHERE state = 0;
CREATE TABLE answer (
    of_seq INTEGER NOT NULL,        -- the payment's, or free intent's, entry
    status INTEGER NOT NULL,        -- 1 executed, 2 void
    seq INTEGER NOT NULL,           -- the receipt's entry
    PRIMARY KEY (of_seq, status)
) STRICT, WITHOUT ROWID;
CREATE TABLE idempotency (
    agent TEXT NOT NULL,
    key TEXT NOT NULL,
    seq INTEGER NOT NULL,           -- the intent's entry
    PRIMARY KEY (agent, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE stop (
    what TEXT PRIMARY KEY,          -- the scope of a freeze, or `lock`
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- What no entry tells: hashes can be made again by signing.
CREATE TABLE token (
    seq INTEGER PRIMARY KEY,        -- the entry of an own token that was not withheld
    hash BLOB                       -- null until it is signed
) STRICT;
CREATE UNIQUE INDEX token_hash ON token (hash) WHERE hash IS NOT NULL;
CREATE INDEX token_unhashed ON token (seq) WHERE hash IS NULL;
CREATE TABLE total (
    level INTEGER NOT NULL,         -- 0: minute, 1: UTC day, 2: all time
    at INTEGER NOT NULL,            -- minutes or days since the epoch; 0 for all time
    currency TEXT NOT NULL,
    merchant TEXT NOT NULL,
    action TEXT NOT NULL,
    agent TEXT NOT NULL,
    amount INTEGER NOT NULL,        -- minor units
    count INTEGER NOT NULL,
    PRIMARY KEY (level, at, currency, merchant, action, agent)
) STRICT, WITHOUT ROWID;
";

/// Which receipts answered a payment or a free intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Answered {
    pub(crate) executed: bool,
    pub(crate) void: bool,
}

fn status_id(status: Status) -> i64 {
    match status {
        Status::Executed => 1,
        Status::Void => 2,
    }
}

/// Reads a stored text back into its type; what was stored was checked, so a failure means damage.
pub(super) fn stored<T: std::str::FromStr>(text: &str, column: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_unreadable| damaged(format!("{column} holds {text:?}")))
}

pub(super) fn sql_integer(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_past_i64| damaged("a number past 2^63 − 1"))
}

/// The number of an entry that somebody asks about; `None` if no row can have it.
pub(super) fn row_number(seq: u64) -> Option<i64> {
    i64::try_from(seq).ok()
}

pub(super) fn unsigned(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_negative| damaged("a number below zero"))
}

pub(super) fn seconds(value: i64) -> Result<UnixSeconds, StoreError> {
    UnixSeconds::new(unsigned(value)?).map_err(|_past| damaged("a time past 2^53 − 1"))
}

/// Whose wallet it is.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) principal: PrincipalId,
    pub(crate) key: PublicKey,
    pub(crate) key_id: KeyId,
}

/// The owner; `None` before the first entry.
pub(crate) fn owner(db: &Connection) -> Result<Option<Owner>, StoreError> {
    let row: Option<(String, [u8; 32])> = db
        .query_row("SELECT principal, key FROM owner", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(principal, key)| {
        let key = PublicKey::from_bytes(&key)
            .map_err(|error| damaged(format!("the owner's key: {error}")))?;
        let key_id = key.id();
        Ok(Owner { principal: stored(&principal, "owner.principal")?, key, key_id })
    })
    .transpose()
}

pub(super) fn set_owner(db: &Connection, init: &Init) -> Result<(), StoreError> {
    let key = PublicKey::try_from(init.key.clone())
        .map_err(|error| damaged(format!("the first entry's key: {error}")))?;
    db.execute(
        "INSERT INTO owner VALUES (0, ?, ?)",
        params![init.principal.as_str(), key.as_bytes()],
    )?;
    Ok(())
}

/// Entries from `from` on, as stored.
pub(crate) fn entries(
    db: &Connection,
    from: u64,
    limit: usize,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let rows = mandate_journal::read::entries(db, from, limit)?;
    Ok(rows.into_iter().map(|(_, bytes)| bytes).collect())
}

/// The wallet.toml that was put in force last; `None` before the first.
pub(crate) fn policy(db: &Connection) -> Result<Option<PolicyDigest>, StoreError> {
    let digest = db
        .prepare_cached("SELECT digest FROM policy")?
        .query_row([], |row| row.get::<_, [u8; DIGEST_BYTES]>(0))
        .optional()?;
    Ok(digest.map(PolicyDigest::from_bytes))
}

pub(super) fn set_policy(db: &Connection, digest: &PolicyDigest) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO policy VALUES (0, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest",
    )?
    .execute([digest.as_bytes()])?;
    Ok(())
}

pub(super) fn answer(
    db: &Connection,
    of_seq: u64,
    status: Status,
    seq: u64,
) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO answer VALUES (?, ?, ?)")?.execute(params![
        sql_integer(of_seq)?,
        status_id(status),
        sql_integer(seq)?
    ])?;
    Ok(())
}

pub(crate) fn answer_of(db: &Connection, of_seq: u64) -> Result<Answered, StoreError> {
    let mut statement = db.prepare_cached("SELECT status FROM answer WHERE of_seq = ?")?;
    let rows = statement.query_map([sql_integer(of_seq)?], |row| row.get::<_, i64>(0))?;
    let mut answered = Answered::default();
    for status in rows {
        match status? {
            1 => answered.executed = true,
            2 => answered.void = true,
            other => return Err(damaged(format!("answer.status holds {other}"))),
        }
    }
    Ok(answered)
}

pub(super) fn insert_idempotency(
    db: &Connection,
    agent: &AgentName,
    key: &IdempotencyKey,
    seq: u64,
) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO idempotency VALUES (?, ?, ?)")?.execute(params![
        agent.as_str(),
        key.as_str(),
        sql_integer(seq)?
    ])?;
    Ok(())
}

pub(crate) fn idempotent_intent(
    db: &Connection,
    agent: &AgentName,
    key: &IdempotencyKey,
) -> Result<Option<u64>, StoreError> {
    db.prepare_cached("SELECT seq FROM idempotency WHERE agent = ? AND key = ?")?
        .query_row([agent.as_str(), key.as_str()], |row| row.get(0))
        .optional()?
        .map(unsigned)
        .transpose()
}

pub(super) fn stop(db: &Connection, stop: &Stop, seq: u64) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO stop VALUES (?, ?) ON CONFLICT DO NOTHING")?
        .execute(params![stop.to_string(), sql_integer(seq)?])?;
    Ok(())
}

pub(super) fn end(db: &Connection, stop: &Stop) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM stop WHERE what = ?")?.execute([stop.to_string()])?;
    Ok(())
}

pub(crate) fn stops(db: &Connection) -> Result<BTreeSet<Stop>, StoreError> {
    let mut statement = db.prepare_cached("SELECT what FROM stop")?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|row| stored(&row?, "stop.what")).collect()
}

/// What is known of the signature behind an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenState {
    /// It is no token, or one that was withheld.
    Absent,
    /// It was signed, and may be out.
    Signed,
    /// It was not signed, as far as is known.
    Unsigned,
}

pub(super) fn insert_token(db: &Connection, seq: u64) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO token VALUES (?, NULL)")?.execute([sql_integer(seq)?])?;
    Ok(())
}

pub(super) fn delete_token(db: &Connection, seq: u64) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM token WHERE seq = ?")?.execute([sql_integer(seq)?])?;
    Ok(())
}

pub(crate) fn note_hash(
    db: &Connection,
    seq: u64,
    hash: &[u8; DIGEST_BYTES],
) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE token SET hash = ? WHERE seq = ? AND hash IS NULL")?
        .execute(params![hash, sql_integer(seq)?])?;
    Ok(())
}

pub(crate) fn seq_of_hash(
    db: &Connection,
    hash: &[u8; DIGEST_BYTES],
) -> Result<Option<u64>, StoreError> {
    db.prepare_cached("SELECT seq FROM token WHERE hash = ?")?
        .query_row([hash], |row| row.get(0))
        .optional()?
        .map(unsigned)
        .transpose()
}

pub(crate) fn token_state(db: &Connection, seq: u64) -> Result<TokenState, StoreError> {
    let signed: Option<bool> = db
        .prepare_cached("SELECT hash IS NOT NULL FROM token WHERE seq = ?")?
        .query_row([sql_integer(seq)?], |row| row.get(0))
        .optional()?;
    Ok(signed.map_or(TokenState::Absent, |signed| {
        if signed { TokenState::Signed } else { TokenState::Unsigned }
    }))
}

/// Entries of tokens whose hash was not written before the process ended.
pub(crate) fn unhashed(db: &Connection) -> Result<Vec<u64>, StoreError> {
    let mut statement = db.prepare("SELECT seq FROM token WHERE hash IS NULL ORDER BY seq")?;
    let rows = statement.query_map([], |row| row.get::<_, i64>(0))?;
    rows.map(|row| unsigned(row?)).collect()
}

/// Whether one of them has an entry before `end`.
pub(crate) fn is_unhashed_before(db: &Connection, end: u64) -> Result<bool, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT EXISTS (SELECT 1 FROM token WHERE hash IS NULL AND seq < ?)")?;
    Ok(statement.query_row([sql_integer(end)?], |row| row.get(0))?)
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
