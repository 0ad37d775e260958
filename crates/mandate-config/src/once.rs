//! What may stand in a file only once.

use std::collections::BTreeMap;

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::report::{Read, Report};

/// What may stand in a file only once; each side names its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    code: &'static str,
    said: &'static str,
}

impl Once {
    /// A key of a list of public keys.
    pub(crate) const KEY: Self = Self::new("key_duplicate", "this key is listed");

    /// Something of its own: the stable name of the fault that it stands twice, and what is said of it then, which
    /// goes on with `already on line 7`: `this agent is listed`.
    #[must_use]
    pub const fn new(code: &'static str, said: &'static str) -> Self {
        Self { code, said }
    }

    pub(crate) fn code(self) -> &'static str {
        self.code
    }

    pub(crate) fn said(self) -> &'static str {
        self.said
    }
}

/// Notes on which line a value stands, or the fault that it stands twice; nothing where there is no item.
///
/// # Errors
///
/// [`FaultKind::Duplicate`] is noted.
pub fn once<K: Ord, F: OwnFault>(
    lines: &mut BTreeMap<K, usize>,
    key: K,
    item: Option<&Item<'_>>,
    what: Once,
    report: &mut Report<'_, F>,
) -> Read<()> {
    let Some(item) = item else { return Ok(()) };
    if let Some(line) = lines.get(&key) {
        return Err(item.fault(report, FaultKind::Duplicate { what, line: *line }));
    }
    lines.insert(key, item.line(report));
    Ok(())
}
