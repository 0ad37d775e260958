//! The way to a file: every folder where a change may lead to another one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Most symlinks on the way to the file, as the kernel has it (`ELOOP` in `path_resolution(7)`).
const SYMLINKS_MAX: usize = 40;

/// The way to a file, as it is now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The folder of the file, of each symlink on the way, and of what they lead to.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Where the way ends, whether or not a file is there.
    pub(super) end: PathBuf,
}

/// Follows a path to its end, link by link.
///
/// Source: `path_resolution(7)`.
pub(super) fn route_to(file: &Path) -> Route {
    let mut folders: BTreeSet<PathBuf> = file.parent().map(Path::to_owned).into_iter().collect();
    let mut resolved = PathBuf::new();
    let mut rest = components(file);
    let mut symlinks = 0;
    while let Some(next) = rest.pop() {
        match next {
            Step::Root => resolved = PathBuf::from("/"),
            Step::Up => {
                resolved.pop();
            }
            Step::Down(name) => {
                let path = resolved.join(name);
                match std::fs::read_link(&path) {
                    Ok(target) if symlinks < SYMLINKS_MAX => {
                        symlinks = symlinks.saturating_add(1);
                        folders.insert(resolved.clone());
                        rest.extend(components(&target));
                    }
                    // No symlink, or nothing there: the name stands for itself.
                    _ => resolved = path,
                }
            }
        }
    }
    folders.extend(resolved.parent().map(Path::to_owned));
    Route { folders, end: resolved }
}

enum Step {
    Down(OsString),
    Root,
    Up,
}

/// The steps of a path, the last one first.
fn components(path: &Path) -> Vec<Step> {
    let steps = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
        Component::ParentDir => Some(Step::Up),
        Component::RootDir => Some(Step::Root),
        Component::CurDir | Component::Prefix(_) => None,
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// A folder whose own path holds no symlink.
    fn base() -> (TempDir, PathBuf) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().canonicalize().unwrap();
        (dir, path)
    }

    #[test]
    fn every_folder_where_a_link_could_be_swapped_is_on_the_way() {
        let (_dir, base) = base();
        for folder in ["config", "config/v1", "links"] {
            fs::create_dir(base.join(folder)).unwrap();
        }
        fs::write(base.join("config/v1/wallet.toml"), "").unwrap();
        symlink("v1", base.join("config/current")).unwrap();
        symlink("../config/current/wallet.toml", base.join("links/wallet.toml")).unwrap();
        let folders = ["links", "config", "config/v1"].map(|folder| base.join(folder));
        let route = route_to(&base.join("links/wallet.toml"));
        assert_eq!(route.folders, BTreeSet::from(folders));
        assert_eq!(route.end, base.join("config/v1/wallet.toml"));
    }

    #[test]
    fn a_loop_of_links_ends() {
        let (_dir, base) = base();
        symlink("b", base.join("a")).unwrap();
        symlink("a", base.join("b")).unwrap();
        assert_eq!(route_to(&base.join("a")).folders, BTreeSet::from([base]));
    }
}
