//! A side of the tests.

use thiserror::Error;

use crate::{Faults, Item, OwnFault, Read, Report, parse};

/// What only the tests' file can have wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TestFault {
    /// One that needs the rest of the file.
    #[error("leans on others")]
    Leaning,
    /// One that does not.
    #[error("stands alone")]
    Lone,
    /// A name that is not listed.
    #[error("is not listed")]
    Unlisted,
}

impl OwnFault for TestFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Leaning => "leaning",
            Self::Lone => "lone",
            Self::Unlisted => "unlisted",
        }
    }

    fn stands_alone(&self) -> bool {
        *self == Self::Lone
    }
}

/// Reads one value as it is written in a file.
pub(crate) fn read<T>(
    value: &str,
    read: impl FnOnce(&Item<'_>, &mut Report<'_, TestFault>) -> Read<T>,
) -> Result<T, String> {
    let text = format!("field = {value}");
    let read =
        parse(&text, &["field"], |root, report| root.required("field", "field = …", report, read));
    read.map_err(|faults: Faults<TestFault>| faults.to_string())
}

/// The codes of all faults, in the order of the file.
pub(crate) fn codes<T>(read: Result<T, Faults<TestFault>>) -> Vec<&'static str> {
    read.err().iter().flat_map(Faults::iter).map(crate::Fault::code).collect()
}
