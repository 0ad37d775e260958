//! Whether the sockets are open to those they are for, and to nobody else.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use mandate_proto::v1::GetStatusResponse;
use mandate_terminal::doctor::Finding;
use mandated::Loaded;

use crate::places::Places;

/// The permission bits of a mode.
const PERMISSIONS: u32 = 0o7777;
/// The bits of a mode that let the group or others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Looks at the folder and both sockets; nothing where there are none.
pub(super) fn check(
    places: &Places,
    config: Option<&Loaded>,
    status: Option<&GetStatusResponse>,
) -> Vec<Finding> {
    let are_handed_in = status.is_some_and(|status| status.sockets_handed_in);
    let Ok(folder) = places.runtime_dir() else {
        let way_out = "pass --runtime-dir, or set XDG_RUNTIME_DIR";
        return vec![Finding::warn("sockets", "nothing says where they are", way_out)];
    };
    let mut findings: Vec<Finding> = fs::symlink_metadata(folder)
        .ok()
        .and_then(|found| folder_fault(folder, &found))
        .into_iter()
        .collect();
    let sockets = [places.wallet_socket(), places.control_socket()];
    let sockets: Vec<_> = sockets.into_iter().flatten().collect();
    let found: Vec<_> = sockets
        .iter()
        .filter_map(|path| Some((path.as_path(), fs::symlink_metadata(path).ok()?)))
        .collect();
    for (path, found) in &found {
        findings.extend(socket_fault(path, found, config, are_handed_in));
    }
    if findings.is_empty() && found.len() == sockets.len() {
        let modes: Vec<String> =
            found.iter().map(|(_, found)| format!("{:04o}", found.mode() & PERMISSIONS)).collect();
        let opened_by = if are_handed_in { ", opened by their units" } else { "" };
        let modes = modes.join(" and ");
        let detail = format!("both in {}, modes {modes}{opened_by}", folder.display());
        findings.push(Finding::ok("sockets", detail));
    }
    findings
}

/// Whoever may write to the folder can put sockets of their own in place of the wallet's.
fn folder_fault(folder: &Path, found: &Metadata) -> Option<Finding> {
    let path = folder.display();
    if !found.is_dir() {
        let way_out = "remove it, or choose another --runtime-dir";
        return Some(Finding::fail("sockets", format!("{path} is not a folder"), way_out));
    }
    if found.mode() & WRITABLE_BY_OTHERS == 0 {
        return None;
    }
    let way_out = format!("run: chmod go-w {path}");
    Some(Finding::fail("sockets", format!("others may write to {path}"), way_out))
}

fn socket_fault(
    path: &Path,
    found: &Metadata,
    config: Option<&Loaded>,
    are_handed_in: bool,
) -> Option<Finding> {
    let shown = path.display();
    if !found.file_type().is_socket() {
        let way_out = "remove it, or choose another --runtime-dir";
        return Some(Finding::fail("sockets", format!("{shown} is not a socket"), way_out));
    }
    // Agents with uids of their own reach it through the mode; then the wallet asks the kernel who they are.
    let owner = found.uid();
    let has_others = config?.rules.agents().iter().any(|agent| agent.uid != owner);
    let (mode, wanted) = (found.mode() & PERMISSIONS, if has_others { 0o666 } else { 0o600 });
    if mode == wanted {
        return None;
    }
    let detail = format!("{shown} has mode {mode:04o}, not {wanted:04o}");
    let way_out = if are_handed_in {
        format!("set SocketMode={wanted:04o} in its socket unit, and restart that")
    } else {
        "restart mandated, which sets it".to_owned()
    };
    Some(Finding::warn("sockets", detail, way_out))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use mandate_proto::paths::Overrides;

    use super::*;
    use mandate_terminal::doctor::Verdict;

    #[test]
    fn a_folder_that_others_may_write_to_and_a_file_in_place_of_a_socket_fail() {
        let folder = tempfile::tempdir().unwrap();
        let overrides = Overrides {
            config: Some("/c/wallet.toml".into()),
            state_dir: Some("/s".into()),
            runtime_dir: Some(folder.path().to_owned()),
        };
        let places = Places::resolve(&overrides).unwrap();
        assert_eq!(check(&places, None, None), [], "a wallet that does not run has no sockets");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        fs::write(folder.path().join("wallet.sock"), "").unwrap();
        let found = check(&places, None, None);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|found| found.result == Verdict::Fail), "{found:?}");
    }
}
