//! A proof of one entry in one file, with the counterpart's tokens beside it.
//!
//! The file is a C2SP tlog-proof whose `extra` is JSON: the entry's text, and the tokens. Neither proves anything by
//! standing there: the entry is believed because its leaf leads to the signed root, a token because its own signer's key
//! signed it.

use mandate::{Head, KeyId, PublicKey};
use mandate_journal::proof::{EXTRA_BYTES_MAX, TlogProof, TlogProofError};
use mandate_journal::tree::NodeHash;
use mandate_journal::{
    Checkpoint, CheckpointError, Entry, EntryError, Origin, UnverifiedCheckpoint,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::keys::Keys;
use crate::log::Log;
use crate::tie::{name, ties};
use crate::token::{Reading, Token, is_draft, own_kid};

/// Most tokens beside one entry.
pub const PROOF_TOKENS_MAX: usize = 16;

/// What stands in `extra`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    entry: String,
    tokens: Vec<String>,
}

/// Why a file proves nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EntryProofError {
    /// The entry's bytes are no entry.
    #[error("line 2: the entry in `extra`: {0}")]
    Entry(#[source] EntryError),
    /// The extra data is none of ours.
    #[error("line 2: `extra` is not {{\"entry\": …, \"tokens\": […]}}: {0}")]
    Extra(#[source] serde_json::Error),
    /// There is none, so there is no entry to prove.
    #[error("line 2: there is no `extra`, so no entry to prove")]
    ExtraMissing,
    /// The extra data is written with blanks or escapes that it does not need.
    #[error(
        "line 2: `extra` is not in its one spelling: no blanks, and no escapes but those that JSON needs"
    )]
    ExtraSpelling,
    /// Several of the keys that were given could be the log's, so whoever has one of them could have made all of this.
    #[error(
        "{count} of the keys given could be that of {log}, and no token of its counterpart tells which: give its own by \
         name, `{}=KEY`", .log.name()
    )]
    KeyUndecided {
        /// Whose log it says it is of.
        log: Log,
        /// How many.
        count: usize,
    },
    /// The checkpoint is of no wallet's or gateway's log.
    #[error("the checkpoint is of {origin:?}, the log of no wallet and no gateway")]
    Origin {
        /// The origin it names.
        origin: String,
    },
    /// The proof itself is at fault.
    #[error(transparent)]
    Proof(#[from] TlogProofError),
    /// The entry says that it is another one.
    #[error(
        "line 2: the entry in `extra` says that it is entry {found}, and the proof is of entry {index}"
    )]
    Seq {
        /// The number in the proof.
        index: u64,
        /// The number in the entry.
        found: u64,
    },
    /// The data beside the proof is larger than any may be.
    #[error("the entry and its tokens have {actual} bytes; at most {EXTRA_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its size in bytes.
        actual: usize,
    },
    /// There are more tokens than any story has.
    #[error("there are {actual} tokens beside the entry; at most {PROOF_TOKENS_MAX} are allowed")]
    TooManyTokens {
        /// How many.
        actual: usize,
    },
}

/// Writes a proof.
///
/// `path` is the inclusion path of entry `index` in the tree of the checkpoint; `tokens` are the counterpart's in the
/// same story, compact.
///
/// # Errors
///
/// [`EntryProofError::TooManyTokens`], [`EntryProofError::TooLarge`].
///
/// Source: C2SP tlog-proof.
pub fn compose(
    checkpoint: &Checkpoint,
    index: u64,
    path: Vec<NodeHash>,
    entry: &str,
    tokens: &[String],
) -> Result<String, EntryProofError> {
    check_count(tokens)?;
    let extra = Extra { entry: entry.to_owned(), tokens: tokens.to_vec() };
    let extra = serde_json::to_vec(&extra).map_err(EntryProofError::Extra)?;
    if extra.len() > EXTRA_BYTES_MAX {
        return Err(EntryProofError::TooLarge { actual: extra.len() });
    }
    let checkpoint = checkpoint.as_str().to_owned();
    Ok(TlogProof { index, path, checkpoint, extra: Some(extra) }.print())
}

/// One thing that a proof says, and whether it does so rightly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about: `entry 5`, `receipt <jti>`.
    pub about: String,
    /// What is said.
    pub says: String,
    /// Whether it is proven.
    pub proven: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Fact {
    pub(crate) fn new(about: &str, says: String, reason: Option<String>) -> Self {
        Self { about: about.to_owned(), says, proven: reason.is_none(), reason }
    }
}

/// A proof whose entry is in the log; what else it says are facts, proven or not.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Whose log it is.
    pub log: Log,
    /// The key that signed its head.
    pub key: PublicKey,
    /// The signed head.
    pub head: Head,
    /// The entry's number.
    pub seq: u64,
    /// Exactly the entry's bytes.
    pub entry: String,
    /// What is proven and what is not.
    pub facts: Vec<Fact>,
}

impl Checked {
    /// Whether all of it is proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.facts.iter().all(|fact| fact.proven)
    }
}

/// Checks a proof with public keys alone.
///
/// # Errors
///
/// [`EntryProofError`] if the entry is not proven to be in the log, with the line at fault. What is only said beside it
/// and does not hold is a [`Fact`].
pub fn check(bytes: &[u8], keys: &Keys) -> Result<Checked, EntryProofError> {
    let proof = TlogProof::parse(bytes)?;
    let origin = proof.origin()?;
    let other = || EntryProofError::Origin { origin: origin.as_str().to_owned() };
    let log = Log::of(&origin).ok_or_else(other)?;
    let extra = proof.extra.as_deref().ok_or(EntryProofError::ExtraMissing)?;
    let said: Extra = serde_json::from_slice(extra).map_err(EntryProofError::Extra)?;
    // One proof has one spelling, so that none of its bytes can be changed and still be taken.
    if serde_json::to_vec(&said).map_err(EntryProofError::Extra)? != extra {
        return Err(EntryProofError::ExtraSpelling);
    }
    let Extra { entry: text, tokens } = said;
    check_count(&tokens)?;
    let checkpoint = proof.verify(text.as_bytes(), &origin, &keys.of(&origin))?;
    let entry = Entry::parse(text.as_bytes()).map_err(EntryProofError::Entry)?;
    if entry.seq != proof.index {
        return Err(EntryProofError::Seq { index: proof.index, found: entry.seq });
    }
    let key = signer(&checkpoint, &keys.of(&origin))?;
    let story = Story { log: &log, owner: key, keys, entry };
    let Facts { facts, signers } = story.facts(&checkpoint, &tokens);
    // A key signs for one side alone: whose signed a token of the counterpart is not the log's.
    let is_rival = |rival: &&PublicKey| !signers.contains(&rival.id());
    let rivals = keys.rivals(&origin, &key).iter().filter(is_rival).count();
    if rivals > 0 {
        return Err(EntryProofError::KeyUndecided { log, count: rivals.saturating_add(1) });
    }
    let (head, seq) = (checkpoint.head(), entry.seq);
    Ok(Checked { log, key, head, seq, entry: text, facts })
}

fn check_count(tokens: &[String]) -> Result<(), EntryProofError> {
    if tokens.len() > PROOF_TOKENS_MAX {
        return Err(EntryProofError::TooManyTokens { actual: tokens.len() });
    }
    Ok(())
}

fn signer(checkpoint: &Checkpoint, keys: &[PublicKey]) -> Result<PublicKey, TlogProofError> {
    let failed = |source: CheckpointError| TlogProofError::Checkpoint { line: 1, source };
    let unverified = UnverifiedCheckpoint::parse(checkpoint.as_str()).map_err(failed)?;
    unverified.verify(keys).map(|(_, key)| key).map_err(failed)
}

/// What a proof says, and the keys that signed tokens of the counterpart in it.
struct Facts {
    facts: Vec<Fact>,
    signers: Vec<KeyId>,
}

/// An entry that is proven, and what it is held against.
struct Story<'a> {
    log: &'a Log,
    owner: PublicKey,
    keys: &'a Keys,
    entry: Entry<'a>,
}

impl Story<'_> {
    fn facts(&self, checkpoint: &Checkpoint, tokens: &[String]) -> Facts {
        let Entry { seq, kind, .. } = self.entry;
        let about = format!("entry {seq}");
        let Head { size, root } = checkpoint.head();
        let says = format!("is in the log of {}, {size} entries under the root {root}", self.log);
        let mut facts = vec![Fact::new(&about, says, None)];
        let reading = Reading::of(&self.entry);
        let own = reading.own.as_ref();
        if let Some(own) = own {
            let says = format!("is the {} {} (kind `{kind}`)", own.typ, own.jti);
            let reason = (*own.iss != *self.log.id || own.typ.side() != self.log.side)
                .then(|| {
                    format!("it is issued by {}, and this is the log of {}", own.iss, self.log)
                })
                .or_else(|| {
                    // A log has one key from its first entry on.
                    (own_kid(&self.entry) != Some(self.owner.id()))
                        .then(|| "it names another key than the one that signed the log".into())
                })
                .or_else(|| {
                    (!is_draft(&self.entry)).then(|| "its header and claims make no token".into())
                });
            facts.push(Fact::new(&about, says, reason));
        }
        let mut read: Vec<Token> = Vec::new();
        let beside = tokens.iter().enumerate().map(|(index, text)| {
            Token::parse(text).ok_or_else(|| format!("token {}", index.saturating_add(1)))
        });
        for token in reading.held.into_iter().map(Ok).chain(beside) {
            match token {
                Err(name) => facts.push(Fact::new(
                    &name,
                    "is a token".to_owned(),
                    Some("it is none: not three parts, or not of a known kind".to_owned()),
                )),
                Ok(token) if read.iter().any(|known| known.hash == token.hash) => {}
                Ok(token) => {
                    let signed = self.signed(&token);
                    // What nobody signed says nothing, so nothing hangs on it.
                    if signed.proven {
                        read.push(token);
                    }
                    facts.push(signed);
                }
            }
        }
        let turned_away = reading.is_turned_away;
        if !turned_away {
            for (index, token) in read.iter().enumerate() {
                let before = read.get(..index).unwrap_or_default();
                facts.extend(ties(token, seq, own, before));
            }
        }
        Facts { facts, signers: read.iter().map(|token| token.kid).collect() }
    }

    /// Whether a counterpart's key signed it.
    fn signed(&self, token: &Token) -> Fact {
        let signer = token.log();
        let origin = signer.name().parse::<Origin>().ok();
        let of_peer = |origin| self.keys.of_peer(origin, &[self.owner]);
        let keys = origin.as_ref().map(of_peer).unwrap_or_default();
        let rivals = |origin| self.keys.rivals(origin, &self.owner).len();
        let reason = if signer.side == self.log.side {
            Some(format!("a {} has no counterpart that signs a {}", self.log.side, token.body.typ))
        } else if keys.iter().all(|key| key.id() != token.kid) {
            Some(format!("it names the key {}, which is none of those given", token.kid))
        } else if !token.is_signed(&keys) {
            Some("the signature does not verify".to_owned())
        } else {
            // Whoever has one of the others could have signed.
            let undecided = origin.as_ref().map_or(0, rivals);
            (undecided > 1).then(|| {
                let name = signer.name();
                format!(
                    "{undecided} of the keys given could be its; give its own by name, `{name}=KEY`"
                )
            })
        };
        Fact::new(&name(token), format!("is signed by {signer}"), reason)
    }
}

#[cfg(test)]
mod tests;
