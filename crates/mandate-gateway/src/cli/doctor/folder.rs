//! Whether the state folder and the operator's socket are this user's alone.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use mandate_terminal::doctor::Finding;

use crate::cli::places::Places;

/// The bits of a mode that let the group or others in.
const OPEN_TO_OTHERS: u32 = 0o077;
/// The permission bits of a mode.
const PERMISSIONS: u32 = 0o7777;

/// Looks at the folder, the book and the socket; nothing where there are none.
pub(super) fn check(places: &Places) -> Vec<Finding> {
    let (folder, book, socket) = (places.state_dir(), places.book(), places.socket());
    let found = |path: &Path| fs::symlink_metadata(path).ok();
    let mut faults: Vec<Finding> = Vec::new();
    let Some(own) = found(folder) else { return faults };
    if !own.is_dir() {
        let detail = format!("{} is not a folder", folder.display());
        return vec![Finding::fail("files", detail, "remove it, or name another --state-dir")];
    }
    faults.extend(open_to_others(folder, &own));
    for path in [book.as_path(), socket.as_path()] {
        let Some(found) = found(path) else { continue };
        if found.uid() != own.uid() {
            let (owner, wanted) = (found.uid(), own.uid());
            let detail = format!(
                "{} belongs to uid {owner}, and its folder to uid {wanted}",
                path.display()
            );
            faults.push(Finding::fail("files", detail, "give both to the gateway's user: chown"));
        }
        if path == socket && !found.file_type().is_socket() {
            let detail = format!("{} is not a socket", path.display());
            faults.push(Finding::fail("files", detail, "remove it"));
        } else {
            faults.extend(open_to_others(path, &found));
        }
    }
    if faults.is_empty() {
        let detail = format!("{} is its user's alone", folder.display());
        faults.push(Finding::ok("files", detail));
    }
    faults
}

fn open_to_others(path: &Path, found: &Metadata) -> Option<Finding> {
    let mode = found.mode() & PERMISSIONS;
    (mode & OPEN_TO_OTHERS != 0).then(|| {
        let path = path.display();
        let detail = format!("{path} has mode {mode:04o}: others get in");
        Finding::fail("files", detail, format!("run: chmod go-rwx {path}"))
    })
}
