//! The settings that each use is held against when it is written, whatever those said under which it was let in.

use std::sync::{Arc, PoisonError, RwLock};

use mandate::token::Kind;
use mandate::{PrincipalId, PrincipalRole};

use super::desk::Desk;
use super::equivocation::Trusted;
use crate::judge;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// The settings in force, and those whose entry is being written.
///
/// Until that entry is on disk a use has to stand both: it may come to lie behind the entry, and the entry may come to
/// nothing. Without any, as in a book that no gateway has, nothing is asked.
#[derive(Debug, Default)]
pub(super) struct Terms {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    in_force: Option<Arc<Settings>>,
    next: Option<Arc<Settings>>,
}

impl Terms {
    /// Puts settings in force.
    pub(super) fn set(&self, settings: Arc<Settings>) {
        // A panic elsewhere cannot leave this half changed, so a poisoned lock is still good.
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known { in_force: Some(settings), next: None };
    }

    /// Says which settings come next.
    pub(super) fn announce(&self, next: Arc<Settings>) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).next = Some(next);
    }

    /// Those that were to come next do not.
    pub(super) fn withdraw(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).next = None;
    }

    /// Holds something against them.
    pub(super) fn stand(
        &self,
        judge: impl Fn(&Settings) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.in_force.iter().chain(&known.next).try_for_each(|settings| judge(settings))
    }
}

impl Desk<'_, '_> {
    /// Whether a mandate that was let in would be now: the settings may have changed since, while its call was read.
    pub(super) fn stands<K: Kind<Role = PrincipalRole>>(
        &self,
        issuer: &PrincipalId,
        presented: &Trusted<K>,
        offered: impl Fn(&Settings) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let kid = presented.mandate.kid();
        let judge =
            |settings: &_| judge::accepted(settings, issuer, kid).and_then(|()| offered(settings));
        self.standing.terms().stand(judge)
    }
}
