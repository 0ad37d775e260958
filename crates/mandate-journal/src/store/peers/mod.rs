//! The heads that a side's peers showed in their tokens, and where two of them contradict each other.
//!
//! These are rows of the side's own projection: it makes them by [`SCHEMA`], has [`TABLES`] compared, and calls [`note`]
//! and [`accuse`] in its `apply` alone, which never fail because of what a peer signed. Which entry holds a token, and
//! who signed it, the side says. Each question costs a few look-ups, however long the log is.

use mandate::history::{Order, Rule, Shown};
use mandate::{KeyId, TokenHash};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::error::StoreError;

/// The tables, to be named among those of the side.
pub const TABLES: [&str; 2] = ["shown", "equivocation"];

/// The tables as SQL, to stand beside that of the side.
pub const SCHEMA: &str = "
CREATE TABLE shown (
    peer TEXT NOT NULL,
    kid BLOB NOT NULL,
    size INTEGER NOT NULL,          -- of the peer's log, the token's own entry as the last one
    token BLOB NOT NULL,            -- its hash
    seq INTEGER NOT NULL,           -- the first entry that holds the peer's token
    peak INTEGER NOT NULL,          -- the entry of the largest size under this key up to here
    PRIMARY KEY (peer, kid, size, token)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX shown_order ON shown (peer, kid, seq);
CREATE TABLE equivocation (
    seq INTEGER PRIMARY KEY,        -- its entry
    peer TEXT NOT NULL,
    kid BLOB NOT NULL,              -- of the newer token
    token BLOB NOT NULL,            -- hash of the newer token
    earlier_seq INTEGER NOT NULL,   -- the entry that holds the other one
    rule TEXT NOT NULL
) STRICT;
CREATE INDEX equivocation_pair ON equivocation (token, earlier_seq);
CREATE INDEX equivocation_key ON equivocation (peer, kid);
";

/// Another token that shows the same size under a key.
const OTHER_OF_SIZE: &str = "
    SELECT seq, kid, size, token FROM shown
    WHERE peer = :peer AND kid = :kid AND size = :size AND token <> :token LIMIT 1";
/// The largest size that a peer showed under a key, up to an entry.
const PEAK: &str = "
    SELECT p.seq, p.kid, p.size, p.token
    FROM shown AS l JOIN shown AS p ON p.peer = l.peer AND p.kid = l.kid AND p.seq = l.peak
    WHERE l.peer = :peer AND l.kid = :kid AND l.seq <= :seq ORDER BY l.seq DESC LIMIT 1";
const IS_KNOWN: &str =
    "SELECT 1 FROM shown WHERE peer = :peer AND kid = :kid AND size = :size AND token = :token";
const IS_ACCUSED_OF: &str =
    "SELECT 1 FROM equivocation WHERE token = :token AND earlier_seq = :earlier_seq";
const ACCUSED: &str =
    "SELECT seq FROM equivocation WHERE peer = :peer AND kid = :kid ORDER BY seq LIMIT 1";

/// A head and the entry that holds its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The entry.
    pub seq: u64,
    /// The head.
    pub shown: Shown,
}

impl Seen {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let shown = Shown {
            kid: KeyId::from_bytes(row.get(1)?),
            size: row.get(2)?,
            token: TokenHash::from_bytes(row.get(3)?),
        };
        Ok(Self { seq: row.get(0)?, shown })
    }
}

/// What a new token contradicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contradiction {
    /// How.
    pub rule: Rule,
    /// What was here before.
    pub earlier: Seen,
}

/// A contradiction that was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    /// Its entry.
    pub seq: u64,
    /// Who contradicted itself.
    pub peer: String,
    /// The key of the newer token.
    pub kid: KeyId,
    /// The entry that holds the earlier token.
    pub earlier_seq: u64,
    /// How.
    pub rule: Rule,
}

/// Notes the head that a peer showed in the token of entry `seq`; a token that is known already adds nothing.
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn note(db: &Connection, seq: u64, peer: &str, shown: &Shown) -> Result<(), StoreError> {
    let highest = peak(db, peer, &shown.kid, seq)?;
    let highest = highest.filter(|highest| highest.shown.size >= shown.size);
    db.prepare_cached(
        "INSERT INTO shown VALUES (:peer, :kid, :size, :token, :seq, :peak)
         ON CONFLICT (peer, kid, size, token) DO NOTHING",
    )?
    .execute(named_params! {
        ":seq": seq,
        ":peer": peer,
        ":kid": shown.kid.as_bytes(),
        ":size": shown.size,
        ":token": shown.token.as_bytes(),
        ":peak": highest.map_or(seq, |highest| highest.seq),
    })?;
    Ok(())
}

/// Notes that entry `seq` holds the proof of a contradiction: `token` against the one in entry `earlier_seq`.
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn accuse(
    db: &Connection,
    seq: u64,
    peer: &str,
    token: &Shown,
    (earlier_seq, rule): (u64, Rule),
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO equivocation VALUES (:seq, :peer, :kid, :token, :earlier_seq, :rule)",
    )?
    .execute(named_params! {
        ":seq": seq,
        ":peer": peer,
        ":kid": token.kid.as_bytes(),
        ":token": token.token.as_bytes(),
        ":earlier_seq": earlier_seq,
        ":rule": rule.as_str(),
    })?;
    Ok(())
}

/// What a token of `peer` contradicts among the heads under `keys`, which are of one log.
///
/// `answers` is the entry that the token answers: what was here up to it was signed before.
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn contradiction(
    db: &Connection,
    peer: &str,
    new: &Shown,
    answers: Option<u64>,
    keys: &[KeyId],
) -> Result<Option<Contradiction>, StoreError> {
    for kid in keys {
        let same_size = other_of_size(db, peer, kid, new)?.map(|seen| (seen, Order::Unknown));
        let highest = answers.map(|seq| peak(db, peer, kid, seq)).transpose()?.flatten();
        let highest = highest.map(|seen| (seen, Order::Known));
        for (earlier, order) in same_size.into_iter().chain(highest) {
            if let Some(rule) = new.contradicts(&earlier.shown, order) {
                return Ok(Some(Contradiction { rule, earlier }));
            }
        }
    }
    Ok(None)
}

/// Another token that shows the same size under a key.
fn other_of_size(
    db: &Connection,
    peer: &str,
    kid: &KeyId,
    new: &Shown,
) -> Result<Option<Seen>, StoreError> {
    let parameters = named_params! {
        ":peer": peer,
        ":kid": kid.as_bytes(),
        ":size": new.size,
        ":token": new.token.as_bytes(),
    };
    Ok(db.prepare_cached(OTHER_OF_SIZE)?.query_row(parameters, Seen::read).optional()?)
}

/// The largest size that a peer showed under a key, up to entry `seq`.
fn peak(db: &Connection, peer: &str, kid: &KeyId, seq: u64) -> Result<Option<Seen>, StoreError> {
    let parameters = named_params! { ":peer": peer, ":kid": kid.as_bytes(), ":seq": seq };
    Ok(db.prepare_cached(PEAK)?.query_row(parameters, Seen::read).optional()?)
}

/// Whether a token is here, in whichever entry.
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn is_known(db: &Connection, peer: &str, shown: &Shown) -> Result<bool, StoreError> {
    let parameters = named_params! {
        ":peer": peer,
        ":kid": shown.kid.as_bytes(),
        ":size": shown.size,
        ":token": shown.token.as_bytes(),
    };
    Ok(db.prepare_cached(IS_KNOWN)?.exists(parameters)?)
}

/// Whether the very same two tokens were written down as a contradiction before.
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn is_accused_of(db: &Connection, token: &Shown, earlier: &Seen) -> Result<bool, StoreError> {
    let parameters =
        named_params! { ":token": token.token.as_bytes(), ":earlier_seq": earlier.seq };
    Ok(db.prepare_cached(IS_ACCUSED_OF)?.exists(parameters)?)
}

/// The first entry that holds a contradiction of `peer` in a token under `kid`.
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn accused(db: &Connection, peer: &str, kid: &KeyId) -> Result<Option<u64>, StoreError> {
    let parameters = named_params! { ":peer": peer, ":kid": kid.as_bytes() };
    Ok(db.prepare_cached(ACCUSED)?.query_row(parameters, |row| row.get(0)).optional()?)
}

/// The contradictions that were written down: the newest first, at most `limit`.
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn equivocations(db: &Connection, limit: u32) -> Result<Vec<Equivocation>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT seq, peer, kid, earlier_seq, rule FROM equivocation ORDER BY seq DESC LIMIT ?",
    )?;
    let rows = statement.query_map([limit], |row| {
        let word: String = row.get(4)?;
        let rule = Rule::parse(&word).ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(Equivocation {
            seq: row.get(0)?,
            peer: row.get(1)?,
            kid: KeyId::from_bytes(row.get(2)?),
            earlier_seq: row.get(3)?,
            rule,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests;
