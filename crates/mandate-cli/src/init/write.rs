//! Writing a new wallet.toml: whole, on disk, the owner's alone, and never over another.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::failure::Failure;

/// Writes the file and the folders it needs.
pub(crate) fn config(path: &Path, text: &str) -> Result<(), Failure> {
    write(path, text).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::Config(format!(
            "{} appeared while the wallet was made; it was not touched",
            path.display()
        )),
        _ => Failure::Config(format!("cannot write {}: {error}", path.display())),
    })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let aside = path.with_extension(format!("new.{}", std::process::id()));
    let written = write_aside(&aside, text).and_then(|()| {
        // Unlike a rename, a link never replaces what is already there.
        fs::hard_link(&aside, path)
    });
    // Also where the link failed, nothing is left beside the file.
    let removed = fs::remove_file(&aside);
    written.and(removed)?;
    File::open(folder)?.sync_all()
}

fn write_aside(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_the_owners_alone_and_never_replaced() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("config");
        let path = folder.join("wallet.toml");
        config(&path, "one").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
        let refused = config(&path, "two").unwrap_err();
        assert!(refused.to_string().contains("was not touched"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    }
}
