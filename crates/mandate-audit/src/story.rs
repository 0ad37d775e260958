//! Which of a log's tokens belong to one purchase: what is put beside the proof of an entry.

use std::collections::BTreeSet;

use mandate::Jti;
use mandate_journal::Entry;

use crate::proof::PROOF_TOKENS_MAX;
use crate::token::{Body, Reading};

/// The id of the token that an entry is; `None` if it is none.
#[must_use]
pub fn own_jti(entry: &[u8]) -> Option<Jti> {
    Entry::parse(entry).ok().and_then(|entry| Reading::of(&entry).own).map(|own| own.jti)
}

/// Gathers the counterpart's tokens that belong to the purchase of one entry.
#[derive(Debug)]
pub struct Story {
    size: u64,
    /// Hashes that the purchase's tokens name.
    named: BTreeSet<String>,
    /// H of tokens that stand in the entry itself.
    inside: BTreeSet<[u8; 32]>,
    tokens: Vec<String>,
}

impl Story {
    /// The purchase that an entry is a part of.
    #[must_use]
    pub fn of(entry: &Entry<'_>) -> Self {
        let Reading { own, held, .. } = Reading::of(entry);
        let mut story = Self {
            size: entry.seq.saturating_add(1),
            named: BTreeSet::new(),
            inside: held.iter().map(|token| token.hash).collect(),
            tokens: Vec::new(),
        };
        let bodies = own.iter().chain(held.iter().map(|token| &token.body));
        bodies.for_each(|body| story.name(body));
        story
    }

    /// Looks at another entry of the same log, in the order of the log.
    pub fn take(&mut self, entry: &Entry<'_>) {
        let Reading { held, is_turned_away, .. } = Reading::of(entry);
        for token in held.iter().filter(|_| !is_turned_away) {
            let hash = mandate::Root::from_bytes(token.hash).to_string();
            let intent = token.body.claims.get("intent").and_then(|hash| hash.as_str());
            let is_named = self.named.contains(&hash);
            let answers = token.peer_log.is_some_and(|head| head.size == self.size);
            let same = intent.is_some_and(|hash| self.named.contains(hash));
            if (is_named || answers || same) && self.inside.insert(token.hash) {
                self.name(&token.body);
                self.tokens.push(token.compact.to_string());
            }
        }
    }

    /// The tokens, compact, at most as many as a proof can have.
    #[must_use]
    pub fn tokens(mut self) -> Vec<String> {
        self.tokens.truncate(PROOF_TOKENS_MAX);
        self.tokens
    }

    fn name(&mut self, body: &Body) {
        let names = ["intent", "cart", "payment"].into_iter();
        let hashes = names.filter_map(|name| body.claims.get(name)?.as_str().map(str::to_owned));
        self.named.extend(hashes);
    }
}
