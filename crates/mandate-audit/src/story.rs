//! Which of a log's tokens belong to one purchase: what is put beside the proof of an entry.

use std::collections::BTreeSet;

use mandate::Jti;
use mandate_journal::Entry;

use crate::proof::PROOF_TOKENS_MAX;
use crate::tie::{is_answer, ties};
use crate::token::{Body, Reading, Token, Typ};

/// The id of the token that an entry is; `None` if it is none.
#[must_use]
pub fn own_jti(entry: &[u8]) -> Option<Jti> {
    Entry::parse(entry).ok().and_then(|entry| Reading::of(&entry).own).map(|own| own.jti)
}

/// Gathers the counterpart's tokens that belong to one entry: which it names, which answer it, or which name a cart there.
///
/// One intent may have been quoted twice and paid once. What answers another entry of the same purchase stays away, for
/// it does not hold here: a proof that an honest log makes of itself is never refused for what stands beside it.
#[derive(Debug)]
pub struct Story {
    /// The entry's number.
    seq: u64,
    own: Option<Body>,
    /// Hashes that the entry, and the tokens that belong to it, name.
    named: BTreeSet<String>,
    /// The tokens that stand in the entry itself, then those beside it: as a reader of the proof meets them.
    tokens: Vec<Token>,
    /// How many of them stand in the entry.
    inside: usize,
}

impl Story {
    /// The story of an entry, with nothing beside it yet.
    #[must_use]
    pub fn of(entry: &Entry<'_>) -> Self {
        let Reading { own, held, .. } = Reading::of(entry);
        let inside = held.len();
        let bodies = own.iter().chain(held.iter().map(|token| &token.body));
        let named = bodies.flat_map(names).collect();
        Self { seq: entry.seq, own, named, tokens: held, inside }
    }

    /// Looks at another entry of the same log, in the order of the log.
    pub fn take(&mut self, entry: &Entry<'_>) {
        let Reading { held, is_turned_away, .. } = Reading::of(entry);
        for token in held.into_iter().filter(|_| !is_turned_away) {
            let is_known = self.tokens.iter().any(|known| known.hash == token.hash);
            if !is_known && self.is_of(&token) && self.holds(&token) {
                self.named.extend(names(&token.body));
                self.tokens.push(token);
            }
        }
    }

    /// The tokens, compact, at most as many as a proof can have.
    #[must_use]
    pub fn tokens(self) -> Vec<String> {
        let beside = self.tokens.into_iter().skip(self.inside).take(PROOF_TOKENS_MAX);
        beside.map(|token| token.compact.into()).collect()
    }

    /// Whether a token is of this very story, and not only of the same intent.
    fn is_of(&self, token: &Token) -> bool {
        if self.named.contains(&token.hash_text()) {
            return true;
        }
        let Some(own) = &self.own else { return false };
        let size = self.seq.saturating_add(1);
        let answers =
            is_answer(&token.body, own) && token.peer_log.is_some_and(|head| head.size == size);
        let cart = token.body.claims.get(Typ::Cart.as_str()).and_then(|hash| hash.as_str());
        let mut carts = self.tokens.iter().filter(|known| known.body.typ == Typ::Cart);
        answers || cart.is_some_and(|hash| carts.any(|known| known.hash_text() == hash))
    }

    /// Whether all that will be asked of it is so.
    fn holds(&self, token: &Token) -> bool {
        let ties = ties(token, self.seq, self.own.as_ref(), &self.tokens);
        ties.iter().all(|fact| fact.proven)
    }
}

/// The hashes of tokens that a token names.
fn names(body: &Body) -> impl Iterator<Item = String> {
    let names = [Typ::Intent, Typ::Cart, Typ::Payment].into_iter();
    names.filter_map(|typ| body.claims.get(typ.as_str())?.as_str().map(str::to_owned))
}
