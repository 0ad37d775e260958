//! The place of a journal that nobody serves, whatever lies there: how a copy takes it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::copy;
use super::create::{FILE_MODE, at, create_dir, make_dir, sync};
use super::error::OpenError;
use super::lock::Lock;
use super::schema::{self, Paths};
use super::stopped::Stopped;

/// A journal's place, held by this process.
#[derive(Debug)]
pub struct Place {
    dir: PathBuf,
    name: String,
    paths: Paths,
    lock: Arc<Lock>,
}

impl Place {
    /// Holds the place of `<dir>/<name>.db` as long as this value lives; makes `dir` if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] while a journal is served there; [`OpenError::Io`].
    pub fn hold(dir: &Path, name: &str) -> Result<Self, OpenError> {
        let paths = Paths::new(dir, name);
        create_dir(dir)?;
        let lock = Arc::new(Lock::take(&paths.lock)?);
        belong_with(dir, &paths.lock)?;
        Ok(Self { dir: dir.to_owned(), name: name.to_owned(), paths, lock })
    }

    /// The journal that lies here, to be read; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError`] with what is wrong with it.
    pub fn current(&self) -> Result<Option<Stopped>, OpenError> {
        let db = &self.paths.db;
        if !db.try_exists().map_err(|source| at(db, source))? {
            return Ok(None);
        }
        let store = |source| schema::unreadable(db, source);
        let connection = schema::connect(db).map_err(store)?;
        schema::recognise(&connection, db)?;
        connection.pragma_update(None, "query_only", true).map_err(|error| store(error.into()))?;
        Ok(Some(Stopped::held(connection, Arc::clone(&self.lock))))
    }

    /// Copies a file beside the place, where it can be checked and written; what an earlier attempt left is removed.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`], also when `from` is no plain file.
    pub fn stage(&self, from: &Path) -> Result<Staged<'_>, OpenError> {
        let folder = &self.paths.staging;
        // A pipe must not make the reader wait before it is seen to be one.
        let metadata = fs::metadata(from).map_err(|source| at(from, source))?;
        if !metadata.is_file() {
            return Err(at(from, io::Error::new(io::ErrorKind::InvalidInput, "is no plain file")));
        }
        let mut source = File::open(from).map_err(|source| at(from, source))?;
        if folder.try_exists().map_err(|source| at(folder, source))? {
            fs::remove_dir_all(folder).map_err(|source| at(folder, source))?;
        }
        make_dir(folder)?;
        let staged = Staged { place: self, paths: Paths::new(folder, &self.name) };
        let path = &staged.paths.db;
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(FILE_MODE)
            .open(path)
            .map_err(|source| at(path, source))?;
        io::copy(&mut source, &mut file).map_err(|source| at(path, source))?;
        belong_with(&self.dir, path)?;
        file.sync_all().map_err(|source| at(path, source))?;
        Ok(staged)
    }

    /// Moves what lies here to other names, `<name>.db.<suffix>` and the same with `-wal`; the new name of the
    /// database, if there was one.
    ///
    /// # Errors
    ///
    /// [`OpenError::Exists`] if such a name is taken: nothing is replaced; [`OpenError::Io`].
    pub fn set_aside(&self, suffix: &str) -> Result<Option<PathBuf>, OpenError> {
        let name = self.dir.join(format!("{}.db.{suffix}", self.name));
        let wal = self.dir.join(format!("{}.db.{suffix}-wal", self.name));
        // Both have their new names before either loses its old one: apart, the database is an older copy of itself.
        let is_there = link(&self.paths.db, &name)?;
        if let Err(error) = link(&self.paths.wal, &wal) {
            if is_there {
                copy::remove(&name)?;
            }
            return Err(error);
        }
        sync(&self.dir)?;
        copy::remove(&self.paths.db)?;
        sync(&self.dir)?;
        copy::remove(&self.paths.wal)?;
        copy::remove(&self.paths.shm)?;
        sync(&self.dir)?;
        Ok(is_there.then_some(name))
    }
}

/// Gives a file to the owner of the journal's folder: root may be at work for a daemon with a user of its own.
fn belong_with(dir: &Path, path: &Path) -> Result<(), OpenError> {
    let metadata = |path| fs::metadata(path).map_err(|source| at(path, source));
    let (dir, file) = (metadata(dir)?, metadata(path)?);
    if file.uid() == dir.uid() {
        return Ok(());
    }
    chown(path, Some(dir.uid()), Some(dir.gid())).map_err(|source| at(path, source))
}

/// Gives a file a second name, unless that is taken; whether there was one.
fn link(from: &Path, to: &Path) -> Result<bool, OpenError> {
    // Unlike a rename, a link never replaces what is already there.
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(OpenError::Exists { path: to.into() })
        }
        Err(source) => Err(at(to, source)),
    }
}

/// A copy beside a journal's place; removed when dropped.
#[derive(Debug)]
pub struct Staged<'p> {
    place: &'p Place,
    paths: Paths,
}

impl Staged<'_> {
    /// The copy, to be read and checked.
    ///
    /// # Errors
    ///
    /// [`OpenError`] with what is wrong with it.
    pub fn read(&self) -> Result<Stopped, OpenError> {
        Stopped::copy(&self.paths.db)
    }

    /// The folder of the copy, in which it can be opened as a journal from now on.
    ///
    /// # Errors
    ///
    /// [`OpenError::Store`].
    pub fn make_writable(&self) -> Result<&Path, OpenError> {
        let path = &self.paths.db;
        copy::make_writable(path)
            .map_err(|source| OpenError::Store { path: path.clone(), source })?;
        Ok(&self.place.paths.staging)
    }

    /// Puts the copy into its place, whole and on disk or not at all. It must be closed by then.
    ///
    /// # Errors
    ///
    /// [`OpenError::Exists`] if something lies there; [`OpenError::Io`].
    pub fn put(self) -> Result<(), OpenError> {
        let Paths { db, wal, .. } = &self.place.paths;
        // SQLite would apply a WAL of another journal to this one.
        for path in [db, wal] {
            if path.try_exists().map_err(|source| at(path, source))? {
                return Err(OpenError::Exists { path: path.clone() });
            }
        }
        // The last commit is in the file itself once its writer has emptied the WAL, which stays behind.
        let left = &self.paths.wal;
        match fs::metadata(left) {
            Ok(metadata) if metadata.len() > 0 => {
                let source = io::Error::other("the copy's write-ahead log is not empty");
                return Err(at(left, source));
            }
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(at(left, source));
            }
            _ => {}
        }
        sync(&self.paths.db)?;
        fs::hard_link(&self.paths.db, db).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => OpenError::Exists { path: db.clone() },
            _ => at(db, source),
        })?;
        sync(&self.place.dir)
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        let folder = &self.place.paths.staging;
        if let Err(error) = fs::remove_dir_all(folder) {
            tracing::warn!(folder = %folder.display(), %error, "a copy was not removed");
        }
    }
}
