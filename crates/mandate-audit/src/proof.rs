//! A proof of one entry in one file, with the counterpart's tokens beside it.
//!
//! The file is a C2SP tlog-proof whose `extra` is JSON: the entry's text, and the tokens. Neither proves anything by
//! standing there: the entry is believed because its leaf leads to the signed root, a token because its own signer's key
//! signed it.

use mandate::{Head, PublicKey};
use mandate_journal::proof::{EXTRA_BYTES_MAX, TlogProof, TlogProofError};
use mandate_journal::tree::NodeHash;
use mandate_journal::{Checkpoint, CheckpointError, Entry, EntryError, UnverifiedCheckpoint};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::keys::Keys;
use crate::log::Log;
use crate::tie::{name, ties};
use crate::token::{Reading, Token, is_draft};

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
    let facts = story.facts(&checkpoint, &tokens);
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

/// An entry that is proven, and what it is held against.
struct Story<'a> {
    log: &'a Log,
    owner: PublicKey,
    keys: &'a Keys,
    entry: Entry<'a>,
}

impl Story<'_> {
    fn facts(&self, checkpoint: &Checkpoint, tokens: &[String]) -> Vec<Fact> {
        let Entry { seq, kind, .. } = self.entry;
        let about = format!("entry {seq}");
        let Head { size, root } = checkpoint.head();
        let says = format!("is in the log of {}, {size} entries under the root {root}", self.log);
        let mut facts = vec![Fact::new(&about, says, None)];
        let reading = Reading::of(&self.entry);
        let own = reading.own.as_ref();
        let own_key = self.own_key(checkpoint, &reading);
        if let Some(own) = own {
            let says = format!("is the {} {} (kind `{kind}`)", own.typ, own.jti);
            let reason = (*own.iss != *self.log.id || own.typ.side() != self.log.side)
                .then(|| {
                    format!("it is issued by {}, and this is the log of {}", own.iss, self.log)
                })
                .or_else(|| {
                    own_key.is_none().then(|| "it names a key that is not this log's".into())
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
                    let signed = self.signed(&token, own_key);
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
        facts
    }

    /// The key that the entry's own token is signed with.
    fn own_key(&self, checkpoint: &Checkpoint, reading: &Reading) -> Option<PublicKey> {
        let kid = reading.own_kid?;
        self.keys.of(checkpoint.origin()).into_iter().find(|key| key.id() == kid)
    }

    /// Whether a counterpart's key signed it.
    fn signed(&self, token: &Token, own_key: Option<PublicKey>) -> Fact {
        let signer = token.log();
        let origin = format!("mandate/{}/{}", signer.side, signer.id).parse();
        let owners: Vec<PublicKey> = [self.owner].into_iter().chain(own_key).collect();
        let keys = origin.map(|origin| self.keys.of_peer(&origin, &owners)).unwrap_or_default();
        let reason = if signer.side == self.log.side {
            Some(format!("a {} has no counterpart that signs a {}", self.log.side, token.body.typ))
        } else if keys.iter().all(|key| key.id() != token.kid) {
            Some(format!("it names the key {}, which is none of those given", token.kid))
        } else if !token.is_signed(&keys) {
            Some("the signature does not verify".to_owned())
        } else {
            self.ambiguity(token, &keys)
        };
        Fact::new(&name(token), format!("is signed by {signer}"), reason)
    }

    /// Why a signature is not known to be its signer's: several keys were given for nobody in particular, and whoever has
    /// one of the others could have signed.
    fn ambiguity(&self, token: &Token, keys: &[PublicKey]) -> Option<String> {
        let signer = token.log();
        let named = format!("mandate/{}/{}", signer.side, signer.id).parse();
        let named = named.map(|origin| self.keys.named(&origin)).unwrap_or_default();
        let unnamed = keys.iter().filter(|key| !named.contains(key)).count();
        let is_named = named.iter().any(|key| key.id() == token.kid);
        (!is_named && unnamed > 1).then(|| {
            format!(
                "{unnamed} of the keys given could be its; give the right one alone, or by name: `mandate/{}/{}+…`",
                signer.side, signer.id
            )
        })
    }
}

#[cfg(test)]
mod tests;
