//! What the system denied that would protect the key or the journal better: told in the log when it is found, and by the
//! status as long as it is so.

use std::sync::{PoisonError, RwLock};

use mandate_keys::SigningKey;

/// Sentences for the status, each once.
#[derive(Debug, Default)]
pub struct Warnings {
    told: RwLock<Vec<String>>,
    unchecked: RwLock<Option<String>>,
}

impl Warnings {
    /// Those of the start, which warned of them.
    #[must_use]
    pub fn new(of_the_start: Vec<String>) -> Self {
        Self { told: RwLock::new(of_the_start), unchecked: RwLock::default() }
    }

    /// Warns of a key that came from its store and may be written to swap.
    pub fn look_at(&self, key: &SigningKey) {
        if key.is_locked_in_memory() {
            return;
        }
        self.add("the key may be written to swap: RLIMIT_MEMLOCK leaves no room for its page; raise it (ulimit -l, or LimitMEMLOCK= in the unit)");
    }

    /// Warns that the whole journal could not be checked and why, until it could.
    pub fn unchecked(&self, problem: Option<&str>) {
        let warning = problem.map(|problem| {
            let warning =
                format!("the whole journal was not checked yet: {problem}; it is tried again");
            tracing::warn!("{warning}");
            warning
        });
        *self.unchecked.write().unwrap_or_else(PoisonError::into_inner) = warning;
    }

    fn add(&self, warning: &str) {
        tracing::warn!("{warning}");
        let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
        if !told.iter().any(|known| known == warning) {
            told.push(warning.to_owned());
        }
    }

    /// All of them.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let mut all = self.told.read().unwrap_or_else(PoisonError::into_inner).clone();
        all.extend(self.unchecked.read().unwrap_or_else(PoisonError::into_inner).clone());
        all
    }
}
