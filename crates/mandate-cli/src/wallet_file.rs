//! wallet.toml, changed by a command: whole or not at all, and only into a file that the daemon takes.
//!
//! The new text goes beside the file and over it in one step, so that neither a crash nor a daemon that reads at that
//! moment ever meets half of it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate::PolicyDigest;
use mandate_policy::Rules;
use mandated::{CONFIG_BYTES_MAX, SystemUsers};

use crate::failure::{Failure, bad_config};

/// The good wallet.toml there is.
#[derive(Debug)]
pub(crate) struct WalletFile {
    /// As it was named; may be a symbolic link.
    path: PathBuf,
    text: String,
    rules: Arc<Rules>,
}

impl WalletFile {
    /// Reads the file as the daemon does; a bad one is to be mended first.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let rules = mandated::load(path).map_err(|error| bad_config(&error))?.rules;
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        if PolicyDigest::of(text.as_bytes()) != rules.digest() {
            return Err(changed(path));
        }
        Ok(Self { path: path.to_owned(), text, rules })
    }

    /// What it is called.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What it says.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Puts another text in its place; a text that the daemon would refuse changes nothing.
    pub(crate) fn replace(&self, text: &str) -> Result<(), Failure> {
        let path = &self.path;
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > CONFIG_BYTES_MAX {
            let problem =
                format!("{} would have more than {CONFIG_BYTES_MAX} bytes", path.display());
            return Err(Failure::Config(format!("{problem}; nothing was changed")));
        }
        if let Err(faults) = Rules::parse(text, &SystemUsers) {
            let faults = faults.display(path);
            return Err(Failure::Config(format!(
                "with that the file would be bad, and nothing was changed:\n{faults}"
            )));
        }
        self.swap(text).map_err(|error| {
            Failure::Config(format!(
                "cannot write {}: {error}; nothing was changed",
                path.display()
            ))
        })?
    }

    /// The inner result is a file that somebody else changed.
    fn swap(&self, text: &str) -> io::Result<Result<(), Failure>> {
        // A link stays, and what it points to is replaced.
        let target = self.path.canonicalize()?;
        let folder = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let aside = folder.join(format!(".wallet.toml.{}.new", std::process::id()));
        let swapped = write_aside(&aside, text, &target.metadata()?).and_then(|()| {
            // As late as can be: whoever edits the file meanwhile keeps what they wrote.
            if fs::read(&target)? != self.text.as_bytes() {
                return Ok(Err(changed(&self.path)));
            }
            fs::rename(&aside, &target).map(Ok)
        });
        if !matches!(swapped, Ok(Ok(()))) {
            // What went wrong is told; that this is left behind, too, would help nobody.
            fs::remove_file(&aside).unwrap_or_default();
            return swapped;
        }
        File::open(folder)?.sync_all()?;
        swapped
    }
}

/// Writes a file like the one that it is to replace: with its mode and its owner.
fn write_aside(path: &Path, text: &str, like: &Metadata) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (like.uid(), like.gid()) {
        fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(like.permissions())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn changed(path: &Path) -> Failure {
    let path = path.display();
    Failure::Config(format!("{path} was changed meanwhile; nothing was written, run this again"))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::Config(format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const GOOD: &str =
        "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n\n[[agent]]\nname = \"a\"\nuid = 1\n";

    struct Place {
        folder: tempfile::TempDir,
        path: PathBuf,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet.toml");
        fs::write(&path, GOOD).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        Place { folder, path }
    }

    impl Place {
        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.folder.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        }
    }

    #[test]
    fn a_good_text_takes_the_place_and_the_mode() {
        let place = place();
        let text = GOOD.replace("Ada", "Eve");
        WalletFile::load(&place.path).unwrap().replace(&text).unwrap();
        assert_eq!(fs::read_to_string(&place.path).unwrap(), text);
        let mode = fs::metadata(&place.path).unwrap().permissions().mode();
        assert_eq!((mode & 0o777, place.names()), (0o640, vec!["wallet.toml".to_owned()]));
    }

    #[test]
    fn a_link_stays_a_link() {
        let (place, home) = (place(), tempfile::tempdir().unwrap());
        let link = home.path().join("wallet.toml");
        symlink(&place.path, &link).unwrap();
        let text = GOOD.replace("Ada", "Eve");
        WalletFile::load(&link).unwrap().replace(&text).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&place.path).unwrap(), text);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_bad_text_and_a_file_that_changed_are_left_alone() {
        let place = place();
        let file = WalletFile::load(&place.path).unwrap();
        let Failure::Config(problem) = file.replace("[principal]\nname = 1\n").unwrap_err() else {
            panic!();
        };
        assert!(problem.contains("wallet.toml:2:"), "{problem}");
        let edited = format!("{GOOD}# a thought\n");
        fs::write(&place.path, &edited).unwrap();
        let refused = file.replace(&GOOD.replace("Ada", "Eve")).unwrap_err();
        assert!(refused.to_string().contains("was changed meanwhile"), "{refused}");
        assert_eq!(fs::read_to_string(&place.path).unwrap(), edited);
        assert_eq!(place.names(), ["wallet.toml"]);
    }
}
