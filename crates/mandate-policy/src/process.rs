//! Which of a uid's processes is the agent: by its executable, and by its systemd unit.
//!
//! Only names are read and compared here. Who looks at the process is somebody else.

use std::fmt;
use std::str::FromStr;

use mandate::text::is_unsafe_to_show;
use thiserror::Error;

/// Longest path of an executable, in bytes, without the final NUL (`PATH_MAX` of Linux).
pub const EXE_PATH_BYTES_MAX: usize = 4_095;
/// Longest name of a unit, in bytes (systemd.unit(5)).
pub const UNIT_NAME_BYTES_MAX: usize = 255;

/// What the kernel puts after the path of a file that is no longer there (`proc_pid_exe(5)`).
const DELETED: &str = " (deleted)";
/// The units that have processes of their own.
const UNIT_KINDS: [&str; 2] = [".service", ".scope"];
/// The units that other units are in.
const SLICE: &str = ".slice";

/// The absolute path of an executable, as the kernel spells it: no symlinks, no `.` or `..`, no double slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExePath(String);

/// The text is no path of an executable.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExePathError {
    /// It has a character that does not belong into a path.
    #[error("has a character that cannot be shown; move the program to a plain path")]
    Character,
    /// It says what the kernel says of a file that is gone.
    #[error(
        "ends in \"(deleted)\", which is what a program that was removed looks like; rename it"
    )]
    Deleted,
    /// It is not the one way to write this path.
    #[error(
        "is not spelled as the kernel spells it; leave out `.`, `..`, double slashes and a slash at the end"
    )]
    NotPlain,
    /// It does not begin at the root.
    #[error("is not an absolute path; write all of it, as in \"/usr/bin/travel-agent\"")]
    Relative,
    /// It is longer than any path.
    #[error("has {actual} bytes; a path has at most {limit}")]
    TooLong {
        /// The most bytes.
        limit: usize,
        /// How many it has.
        actual: usize,
    },
}

impl ExePath {
    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same path in its plain spelling, where `text` has one.
    pub(crate) fn plain(text: &str) -> Option<Self> {
        let parts: Vec<&str> =
            text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let plain = format!("/{}", parts.join("/"));
        if text.starts_with('/') { plain.parse().ok() } else { None }
    }
}

impl FromStr for ExePath {
    type Err = ExePathError;

    fn from_str(text: &str) -> Result<Self, ExePathError> {
        let actual = text.len();
        if actual > EXE_PATH_BYTES_MAX {
            return Err(ExePathError::TooLong { limit: EXE_PATH_BYTES_MAX, actual });
        }
        if text.chars().any(is_unsafe_to_show) {
            return Err(ExePathError::Character);
        }
        let below_root = text.strip_prefix('/').ok_or(ExePathError::Relative)?;
        if below_root.split('/').any(|part| ["", ".", ".."].contains(&part)) {
            return Err(ExePathError::NotPlain);
        }
        if text.ends_with(DELETED) {
            return Err(ExePathError::Deleted);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ExePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a systemd unit of the system: a service or a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitName(String);

/// The text is no name of a unit that could be an agent.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnitNameError {
    /// It has a character that no unit's name has.
    #[error(
        "is not the name of a unit; it is made of letters, digits and `:` `-` `_` `.` `\\` `@`"
    )]
    Character,
    /// It is no unit that has processes.
    #[error("is not a service or a scope; write the whole name, as in \"travel.service\"")]
    Kind,
    /// It is a unit of a user's own manager.
    #[error(
        "names a unit within another; a user's own units are in the hands of every process of that user and would prove \
         nothing: name a unit of the system"
    )]
    Nested,
    /// It is a template, in which nothing runs.
    #[error("is a template; name the instance that runs, as in \"travel@ada.service\"")]
    Template,
    /// It is longer than any unit's name.
    #[error("has {actual} bytes; the name of a unit has at most {limit}")]
    TooLong {
        /// The most bytes.
        limit: usize,
        /// How many it has.
        actual: usize,
    },
}

impl UnitName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a process in this control group, a path from the root of the tree, runs in the unit.
    ///
    /// The unit is the first part of the path that is no slice; what a unit makes of the tree below itself is its own
    /// affair, so that no name down there stands for a unit of the system.
    ///
    /// Source: systemd, "Control Group APIs and Delegation".
    #[must_use]
    pub fn has(&self, control_group: &str) -> bool {
        let Some(below_root) = control_group.strip_prefix('/') else { return false };
        // A name that could be taken for a file of the kernel's has one `_` before it.
        let mut units = below_root.split('/').map(|part| part.strip_prefix('_').unwrap_or(part));
        units.find(|unit| !unit.ends_with(SLICE)).is_some_and(|unit| unit == self.0)
    }
}

impl FromStr for UnitName {
    type Err = UnitNameError;

    fn from_str(text: &str) -> Result<Self, UnitNameError> {
        let actual = text.len();
        if actual > UNIT_NAME_BYTES_MAX {
            return Err(UnitNameError::TooLong { limit: UNIT_NAME_BYTES_MAX, actual });
        }
        if text.contains('/') {
            return Err(UnitNameError::Nested);
        }
        if !text.chars().all(|c| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c)) {
            return Err(UnitNameError::Character);
        }
        let mut names = UNIT_KINDS.iter().filter_map(|kind| text.strip_suffix(kind));
        let name = names.next().filter(|name| !name.is_empty()).ok_or(UnitNameError::Kind)?;
        if name.ends_with('@') {
            return Err(UnitNameError::Template);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str) -> UnitName {
        name.parse().unwrap()
    }

    #[test]
    fn the_first_part_that_is_no_slice_is_the_unit() {
        let travel = unit("travel.service");
        for inside in [
            "/system.slice/travel.service",
            "/travel.service",
            "/agents.slice/agents-paid.slice/travel.service",
            "/system.slice/travel.service/worker",
            "/system.slice/travel.service/other.service",
        ] {
            assert!(travel.has(inside), "{inside}");
        }
        for outside in [
            "",
            "/",
            "/system.slice",
            "/system.slice/travel.service (deleted)",
            "/system.slice/travel.service.d",
            "/system.slice/other.service/travel.service",
            "/system.slice/docker-1.scope/system.slice/travel.service",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/travel.service",
            "/user.slice/user-1000.slice/session-3.scope",
            "/docker/0123/system.slice/travel.service",
            "/../system.slice/travel.service",
            "system.slice/travel.service",
        ] {
            assert!(!travel.has(outside), "{outside}");
        }
        assert!(unit("user@1000.service").has("/user.slice/user-1000.slice/user@1000.service/x"));
    }

    #[test]
    fn a_name_that_had_to_be_escaped_is_found() {
        assert!(unit("cpu.service").has("/system.slice/_cpu.service"));
        assert!(unit("_own.service").has("/system.slice/__own.service"));
        assert!(!unit("__own.service").has("/system.slice/__own.service"));
        assert!(unit("a\\x2db@c.service").has("/system.slice/system-a.slice/a\\x2db@c.service"));
    }

    #[test]
    fn a_path_has_one_spelling() {
        assert_eq!("/usr/bin/agent".parse::<ExePath>().unwrap().as_str(), "/usr/bin/agent");
        for (text, plain) in
            [("//usr/bin/agent", true), ("/usr/./bin/agent/", true), ("/usr/../bin/agent", false)]
        {
            assert_eq!(text.parse::<ExePath>(), Err(ExePathError::NotPlain));
            assert_eq!(ExePath::plain(text).is_some(), plain, "{text}");
        }
    }

    #[test]
    fn a_path_may_be_as_long_as_the_kernel_takes_it() {
        let path = |bytes: usize| format!("/{}", "a".repeat(bytes - 1)).parse::<ExePath>();
        assert!(path(EXE_PATH_BYTES_MAX).is_ok());
        let (limit, actual) = (EXE_PATH_BYTES_MAX, EXE_PATH_BYTES_MAX + 1);
        assert_eq!(path(actual), Err(ExePathError::TooLong { limit, actual }));
    }

    #[test]
    fn a_path_and_a_unit_are_shown_as_they_are_written() {
        assert_eq!(unit("travel.service").to_string(), "travel.service");
        assert_eq!("/usr/bin/agent".parse::<ExePath>().unwrap().to_string(), "/usr/bin/agent");
    }
}
