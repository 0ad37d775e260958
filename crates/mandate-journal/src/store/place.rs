//! The place of a journal that nobody serves, whatever lies there: how a copy takes it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
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
        // The database first: without its WAL it would open as an older copy of itself.
        let moved = self.rename(&self.paths.db, &name)?;
        self.rename(&self.paths.wal, &wal)?;
        copy::remove(&self.paths.shm)?;
        Ok(moved.then_some(name))
    }

    /// Gives a file another name, unless that is taken; whether there was one.
    fn rename(&self, from: &Path, to: &Path) -> Result<bool, OpenError> {
        // Unlike a rename, a link never replaces what is already there.
        match fs::hard_link(from, to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(OpenError::Exists { path: to.into() });
            }
            Err(source) => return Err(at(to, source)),
        }
        sync(&self.dir)?;
        copy::remove(from)?;
        sync(&self.dir)?;
        Ok(true)
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
        if fs::metadata(&self.paths.wal).is_ok_and(|wal| wal.len() > 0) {
            let source = io::Error::other("the copy's write-ahead log is not empty");
            return Err(at(&self.paths.wal, source));
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
