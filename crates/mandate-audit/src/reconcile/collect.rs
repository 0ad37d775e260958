//! One pass over an export: what is kept of it is hashes of tokens, never the log.

use std::collections::BTreeMap;

use mandate::{Head, Jti, KeyId, PublicKey, Root};

use super::finding::Evidence;
use crate::export::{Export, ExportError};
use crate::log::Log;
use crate::token::{Body, Reading, Token, Typ};

/// A token that a log has as its own entry.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) seq: u64,
    pub(super) typ: Typ,
    pub(super) jti: Jti,
    pub(super) digest: [u8; 32],
    /// The root right after the entry.
    pub(super) root: Root,
}

/// A peer's token that a log keeps.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// The entry that keeps it.
    pub(super) seq: u64,
    pub(super) signer: Log,
    pub(super) typ: Typ,
    pub(super) jti: Jti,
    pub(super) digest: [u8; 32],
    pub(super) hash: [u8; 32],
    pub(super) head: Head,
    pub(super) peer_log: Option<Head>,
    pub(super) is_turned_away: bool,
    pub(super) is_signed: bool,
    /// The key that it names, where that is none of those given for its signer.
    pub(super) unknown_key: Option<KeyId>,
    /// The key that signed it, where that could be its signer's as well as the one of the signer's export.
    pub(super) rival_key: Option<KeyId>,
    /// What it cost, on an executed receipt.
    pub(super) cost: Option<(String, u64)>,
}

impl Held {
    /// As proof of something.
    pub(super) fn evidence(&self, holder: &Log) -> Evidence {
        Evidence {
            typ: self.typ.as_str(),
            jti: self.jti,
            hash: Root::from_bytes(self.hash),
            log: self.head,
            held_by: holder.clone(),
            held_in: self.seq,
        }
    }
}

/// The keys of a party whose log was handed in.
#[derive(Debug)]
pub(super) struct LogKeys {
    /// The one that signed its checkpoint, and so everything in it: a log has one key from its first entry on.
    pub(super) of_the_log: PublicKey,
    /// All that its tokens are verified under.
    pub(super) all: Vec<PublicKey>,
    /// Those of the other logs that could be this one's: nobody said whose is whose.
    pub(super) rivals: Vec<PublicKey>,
}

impl LogKeys {
    /// Whether the party signed it in another log of its own: one that it lost, and went on after under a new key.
    fn is_of_another_log(&self, token: &Token) -> bool {
        token.kid != self.of_the_log.id() && token.is_signed(&self.all)
    }

    /// The rival that signed it.
    fn rival(&self, token: &Token) -> Option<KeyId> {
        let rival = self.rivals.iter().find(|rival| rival.id() == token.kid)?;
        token.is_signed(&[*rival]).then_some(token.kid)
    }
}

/// What is kept of one log.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) log: Log,
    pub(super) head: Head,
    /// In the order of the entries.
    pub(super) owns: Vec<Own>,
    pub(super) held: Vec<Held>,
    pub(super) unasked: u64,
}

impl Pages {
    /// Checks an export whole and keeps what reconciling needs.
    ///
    /// `keys` are those of each log that was handed in.
    pub(super) fn of(export: &Export, keys: &BTreeMap<Log, LogKeys>) -> Result<Self, ExportError> {
        let log = export.log().clone();
        let mut pages =
            Self { log, head: export.head(), owns: Vec::new(), held: Vec::new(), unasked: 0 };
        export.read_whole(|link, chain| {
            let Reading { own, held, is_turned_away, .. } = Reading::of(&link.entry);
            let seq = link.entry.seq;
            if let Some(Body { typ, jti, digest, .. }) = own {
                pages.owns.push(Own { seq, typ, jti, digest, root: chain.head().root });
            }
            for token in held.iter().filter(|token| token.body.typ.side() != pages.log.side) {
                match keys.get(&token.log()) {
                    Some(keys) if !keys.is_of_another_log(token) => {
                        pages.held.push(read(token, seq, is_turned_away, keys));
                    }
                    _ => pages.unasked = pages.unasked.saturating_add(1),
                }
            }
        })?;
        Ok(pages)
    }

    /// The own token at that entry.
    pub(super) fn own(&self, seq: u64) -> Option<&Own> {
        let at = self.owns.binary_search_by_key(&seq, |own| own.seq).ok()?;
        self.owns.get(at)
    }
}

fn read(token: &Token, seq: u64, is_turned_away: bool, keys: &LogKeys) -> Held {
    let Token { body, hash, head, peer_log, .. } = token;
    let text = |name: &str| body.claims.get(name).and_then(|value| value.as_str());
    let is_executed = body.typ == Typ::Receipt && text("status") == Some("executed");
    let cost = body.claims.get("total").filter(|_| is_executed).and_then(|total| {
        Some((total.get("currency")?.as_str()?.to_owned(), total.get("amount")?.as_u64()?))
    });
    Held {
        seq,
        signer: token.log(),
        typ: body.typ,
        jti: body.jti,
        digest: body.digest,
        hash: *hash,
        head: *head,
        peer_log: *peer_log,
        is_turned_away,
        is_signed: token.is_signed(&keys.all),
        unknown_key: keys.all.iter().all(|key| key.id() != token.kid).then_some(token.kid),
        rival_key: keys.rival(token),
        cost,
    }
}
