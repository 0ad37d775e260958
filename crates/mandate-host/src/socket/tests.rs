use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;

use tempfile::TempDir;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & PERMISSIONS
}

fn folder() -> (TempDir, PathBuf) {
    let base = TempDir::new().unwrap();
    let path = base.path().join("run");
    (base, path)
}

#[test]
fn modes_follow_the_access() {
    let (_base, path) = folder();
    let folder = SocketFolder::open(&path, Access::OneUser).unwrap();
    assert_eq!(mode(&path), 0o700);
    let socket = path.join("wallet.sock");
    let (file, _listener) = SocketFile::bind(&socket, Access::OneUser).unwrap();
    assert_eq!(mode(&socket), 0o600);
    folder.allow(Access::System).unwrap();
    file.allow(Access::System).unwrap();
    assert_eq!((mode(&path), mode(&socket)), (0o755, 0o666));
}

#[test]
fn a_folder_that_is_not_ours_alone_is_refused() {
    let (base, path) = folder();
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o1777)).unwrap();
    assert!(matches!(
        SocketFolder::open(&path, Access::System),
        Err(SocketError::FolderWritable { .. })
    ));
    let link = base.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(
        SocketFolder::open(&link, Access::OneUser),
        Err(SocketError::FolderKind { .. })
    ));
    assert_eq!(mode(&path), 0o1777);
}

#[test]
fn only_a_dead_socket_is_replaced() {
    let (_base, path) = folder();
    SocketFolder::open(&path, Access::OneUser).unwrap();
    let socket = path.join("wallet.sock");

    fs::write(&socket, "precious").unwrap();
    let refused = SocketFile::bind(&socket, Access::OneUser);
    assert!(matches!(refused, Err(SocketError::NotASocket { .. })));
    assert_eq!(fs::read(&socket).unwrap(), b"precious");
    fs::remove_file(&socket).unwrap();

    symlink(path.join("elsewhere"), &socket).unwrap();
    let refused = SocketFile::bind(&socket, Access::OneUser);
    assert!(matches!(refused, Err(SocketError::NotASocket { .. })));
    fs::remove_file(&socket).unwrap();

    let live = UnixListener::bind(&socket).unwrap();
    let refused = SocketFile::bind(&socket, Access::OneUser);
    assert!(matches!(refused, Err(SocketError::AlreadyRunning { .. })));
    drop(live);
    let (file, _listener) = SocketFile::bind(&socket, Access::OneUser).unwrap();
    drop(file);
    assert!(!socket.exists());
}

#[test]
fn a_socket_that_was_replaced_is_left_alone() {
    let (_base, path) = folder();
    SocketFolder::open(&path, Access::OneUser).unwrap();
    let socket = path.join("wallet.sock");
    let (file, _listener) = SocketFile::bind(&socket, Access::OneUser).unwrap();
    // The old file is kept under another name so that its inode is not used again.
    fs::rename(&socket, path.join("old")).unwrap();
    let _other = UnixListener::bind(&socket).unwrap();
    drop(file);
    assert!(socket.exists());
}

/// Gives a file to another user; only root can, and elsewhere there is nothing to see.
fn given_away(path: &Path) -> bool {
    geteuid().is_root() && std::os::unix::fs::lchown(path, Some(4_242), None).is_ok()
}

#[test]
fn a_folder_reached_by_a_symlink_at_its_end_is_refused_whatever_it_leads_to() {
    let (base, path) = folder();
    let link = base.path().join("link");
    // Also before anything is there: a folder must not be made where a link points.
    symlink(&path, &link).unwrap();
    for access in [Access::OneUser, Access::System] {
        let refused = SocketFolder::open(&link, access);
        assert!(matches!(refused, Err(SocketError::FolderKind { .. })), "{refused:?}");
        assert!(!path.exists());
    }
    fs::write(&path, "").unwrap();
    let refused = SocketFolder::open(&path, Access::OneUser);
    assert!(matches!(refused, Err(SocketError::FolderKind { .. })), "{refused:?}");
}

#[test]
fn what_belongs_to_another_user_is_refused_and_left_alone() {
    let (_base, path) = folder();
    SocketFolder::open(&path, Access::OneUser).unwrap();
    let socket = path.join("wallet.sock");
    drop(UnixListener::bind(&socket).unwrap());
    if !given_away(&socket) {
        eprintln!("not run: only root can give a file away");
        return;
    }
    let refused = SocketFile::bind(&socket, Access::OneUser);
    assert!(matches!(refused, Err(SocketError::Owner { owner: 4_242, .. })), "{refused:?}");
    assert!(socket.exists());
    assert!(given_away(&path));
    let refused = SocketFolder::open(&path, Access::OneUser);
    assert!(matches!(refused, Err(SocketError::Owner { owner: 4_242, .. })), "{refused:?}");
    assert_eq!(mode(&path), 0o700, "its mode is its owner's affair");
}

#[test]
fn a_peer_that_accepts_nothing_any_more_is_still_a_live_one() {
    let (_base, path) = folder();
    SocketFolder::open(&path, Access::OneUser).unwrap();
    let socket = path.join("wallet.sock");
    let _live = UnixListener::bind(&socket).unwrap();
    // Until its queue is full and a blocking probe would wait for ever.
    let mut waiting = Vec::new();
    while probe_keeping(&socket, &mut waiting).is_ok() {}
    let refused = SocketFile::bind(&socket, Access::OneUser);
    assert!(matches!(refused, Err(SocketError::AlreadyRunning { .. })), "{refused:?}");
    assert!(socket.exists());
}

fn probe_keeping(path: &Path, kept: &mut Vec<std::os::fd::OwnedFd>) -> Result<(), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    kept.push(socket);
    Ok(())
}

#[test]
fn what_appears_between_the_check_and_the_bind_is_not_taken_over() {
    let (_base, path) = folder();
    SocketFolder::open(&path, Access::OneUser).unwrap();
    let socket = path.join("wallet.sock");
    clear(&socket).unwrap();
    // A rival of this very user, since nobody else may write to the folder: a socket, a file, a link to nowhere.
    let rival = UnixListener::bind(&socket).unwrap();
    let refused = SocketFile::bind_cleared(&socket, Access::OneUser);
    assert!(matches!(refused, Err(SocketError::Io { what: "bind", .. })), "{refused:?}");
    UnixStream::connect(&socket).unwrap();
    rival.accept().unwrap();
    fs::remove_file(&socket).unwrap();
    symlink(path.join("elsewhere"), &socket).unwrap();
    let refused = SocketFile::bind_cleared(&socket, Access::OneUser);
    assert!(matches!(refused, Err(SocketError::Io { what: "bind", .. })), "{refused:?}");
    assert!(!path.join("elsewhere").exists());
}

#[test]
fn a_path_that_fits_no_address_is_named() {
    let long = PathBuf::from("/").join("x".repeat(SOCKET_PATH_BYTES_MAX));
    assert!(matches!(
        SocketFile::bind(&long, Access::OneUser),
        Err(SocketError::PathTooLong { actual: 108, .. })
    ));
}
