//! The handle to an open journal: how work reaches the writer, and how readers go around it.

use std::fmt;
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use mandate::{Head, Signer};
use rusqlite::Connection;
use serde::Serialize;
use tokio::sync::watch;

use super::create::{self, Genesis};
use super::error::{OpenError, StoreError, VerifyFault, WriteError};
use super::job::{Call, Job};
use super::lock::Lock;
use super::open;
use super::schema::{self, Paths};
use super::seal::{self, CheckpointFault, LogOwner, RecallError, Sealing};
use super::transaction::Transaction;
use super::verify::{Verified, verify};
use super::writer::Writer;
use super::{Options, Projection, copy};
use crate::checkpoint::Checkpoint;
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Mutex, MutexGuard, QUEUE_MAX, RwLock, mpsc, oneshot};

/// What SQLite does before it is asked whether a check is to go on, in steps of its machine: less than a millisecond.
const STEPS_UNASKED: i32 = 1_000;
/// Idle read connections that are kept open.
const READERS_KEPT: usize = 4;

/// A handle to an open journal. Cheap to clone; the writer ends when the last one is dropped or one is closed.
pub struct Journal<P> {
    shared: Arc<Shared<P>>,
}

struct Shared<P> {
    /// `None` once closed.
    queue: RwLock<Option<mpsc::Sender<Box<dyn Job<P>>>>>,
    head: Arc<Mutex<Head>>,
    sealing: Arc<Sealing>,
    owner: Option<LogOwner>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
    readers: Mutex<Vec<Connection>>,
    paths: Paths,
    /// Also held by the writer: released when neither can touch the file any more.
    _lock: Arc<Lock>,
}

/// How large a journal's files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Files {
    /// The database.
    pub db_bytes: u64,
    /// What is not copied into it yet (SQLite's WAL).
    pub wal_bytes: u64,
}

impl<P: Projection> Journal<P> {
    /// Makes `<dir>/<name>.db` with its first entry, and `dir` if there is none (modes 0600 and 0700).
    ///
    /// A power cut at any moment leaves either no journal or a whole one.
    ///
    /// # Errors
    ///
    /// [`OpenError::Exists`] if there is one already, or a WAL that is left of one; [`OpenError::InUse`];
    /// [`OpenError::Io`]; [`OpenError::Store`], also if the first entry is refused.
    pub fn create<F: Serialize>(
        dir: &Path,
        name: &str,
        genesis: &Genesis<F>,
    ) -> Result<(), OpenError> {
        create::create::<P, F>(dir, name, genesis)
    }

    /// Opens `<dir>/<name>.db`, checks its end and starts the writer.
    ///
    /// The newest checkpoint must be the owner's and of these entries. What it does not cover, and the last 1024 entries
    /// at least, are hashed again; chain, tree and root must be those that are stored.
    ///
    /// # Errors
    ///
    /// [`OpenError`]. Nothing is ever created or repaired.
    pub fn open(dir: &Path, name: &str, options: Options) -> Result<(Self, Died), OpenError> {
        let paths = Paths::new(dir, name);
        let opened = open::open::<P>(&paths, &options)?;
        let lock = Arc::new(opened.lock);
        let head = Arc::new(Mutex::new(opened.state.chain.head()));
        let (sealing, owner) =
            (Arc::clone(&opened.state.sealing), opened.state.projection.log_owner());
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let writer = Writer::new(
            (opened.db, opened.footprint),
            opened.state,
            options,
            Arc::clone(&head),
            queue,
        )
        .map_err(|source| OpenError::Store { path: paths.db.clone(), source })?;
        let (dying, died) = oneshot::channel();
        let writers_lock = Arc::clone(&lock);
        let thread = thread::Builder::new()
            .name(format!("{name}-journal"))
            .spawn(move || {
                let result = writer.run();
                // Nobody may be watching.
                drop(dying.send(result.clone()));
                drop(writers_lock);
                result
            })
            .map_err(|source| OpenError::Io { path: paths.db.clone(), source })?;
        let shared = Shared {
            queue: RwLock::new(Some(sender)),
            head,
            sealing,
            owner,
            thread: Mutex::new(Some(thread)),
            readers: Mutex::default(),
            paths,
            _lock: lock,
        };
        Ok((Self { shared: Arc::new(shared) }, Died(died)))
    }

    /// Runs `work` on the writer's thread in the next transaction; answers when that is on disk.
    ///
    /// Decide first, append after. An error that `work` returns before it changed anything fails this call alone; one
    /// that it returns after a change, or a panic, rolls back the whole transaction, and every call in it fails with
    /// [`WriteError::NotApplied`]. Waits for a place if too many calls wait already. Once queued, the work is done even
    /// if the returned future is dropped.
    ///
    /// # Errors
    ///
    /// [`WriteError::NotApplied`] if nothing of it is on disk, [`WriteError::Unknown`] if that cannot be known.
    pub async fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_, P>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, WriteError> {
        let (call, answer) = Call::change(work);
        self.queue(call).await?;
        // Without an answer, the writer died with this call in its hands.
        answer.await.unwrap_or(Err(WriteError::Unknown(StoreError::Stopped)))
    }

    /// Runs `work`, which changes nothing, on the writer's thread over what is committed, for what its memory knows.
    ///
    /// It has its turn before the next transaction, and a commit that fails takes no answer with it. What it changes
    /// all the same is rolled back.
    ///
    /// # Errors
    ///
    /// [`WriteError::NotApplied`] with what `work` returns, or if the writer stopped.
    pub async fn ask<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_, P>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, WriteError> {
        let (call, answer) = Call::question(work);
        self.queue(call).await?;
        answer.await.unwrap_or(Err(WriteError::NotApplied(StoreError::Stopped)))
    }

    async fn queue(&self, call: impl Job<P> + 'static) -> Result<(), WriteError> {
        let queue = self.sender()?;
        queue.send(Box::new(call)).await.or(Err(WriteError::NotApplied(StoreError::Stopped)))
    }

    /// As [`Journal::write`], for a thread that may block. It must not be one that runs async tasks.
    ///
    /// # Errors
    ///
    /// As [`Journal::write`].
    pub fn write_blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_, P>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, WriteError> {
        let (call, answer) = Call::change(work);
        let queue = self.sender()?;
        queue.blocking_send(Box::new(call)).or(Err(WriteError::NotApplied(StoreError::Stopped)))?;
        answer.blocking_recv().unwrap_or(Err(WriteError::Unknown(StoreError::Stopped)))
    }

    /// Whether the writer answers; waits for as long as it does not.
    ///
    /// Goes the way of every write and changes nothing: a disk that is full does not stop it, a writer that hangs does.
    pub async fn answers(&self) -> bool {
        match self.write(|_| Ok(())).await {
            Ok(()) => true,
            Err(WriteError::NotApplied(error)) => {
                !matches!(error, StoreError::Closed | StoreError::Stopped)
            }
            Err(WriteError::Unknown(_)) => false,
        }
    }

    /// Runs `work` on this thread over a snapshot of what is committed, on a connection that cannot write.
    ///
    /// The writer goes on meanwhile, but the WAL cannot be begun anew: keep it short, or expect the file to grow.
    ///
    /// # Errors
    ///
    /// What `work` returns, or [`StoreError::Sqlite`].
    pub fn read_blocking<R>(
        &self,
        work: impl FnOnce(&Connection) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let mut db = match self.readers().pop() {
            Some(db) => db,
            None => schema::connect_reader(&self.shared.paths.db)?,
        };
        let snapshot = db.transaction()?;
        let result = work(&snapshot);
        snapshot.finish()?;
        let mut readers = self.readers();
        if readers.len() < READERS_KEPT {
            readers.push(db);
        }
        result
    }

    /// Checks the whole journal as [`verify`] does, on a connection of its own. Blocks, long on a large one.
    ///
    /// `is_stopped` is asked now and then, also while SQLite checks its own structure, and may end it.
    ///
    /// # Errors
    ///
    /// As [`verify`].
    pub fn verify(
        &self,
        is_stopped: impl Fn() -> bool + Clone + Send + 'static,
    ) -> Result<Verified, VerifyFault> {
        let mut db = schema::connect_reader(&self.shared.paths.db)?;
        let asked = is_stopped.clone();
        db.progress_handler(STEPS_UNASKED, Some(asked)).map_err(StoreError::from)?;
        let snapshot = db.transaction().map_err(StoreError::from)?;
        let checked = verify::<P>(&snapshot, |_| {
            if is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // A question that SQLite was told to give up, whichever it was, is no failure of the disk.
        checked.map_err(|fault| {
            if !fault.is_damage() && is_stopped() { VerifyFault::Cancelled } else { fault }
        })
    }

    /// The head as of the last commit.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.shared.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the journal the owner's key: from now on its checkpoints are signed, one at least every
    /// [`CHECKPOINT_ENTRIES`](super::CHECKPOINT_ENTRIES) entries. Another's key signs nothing.
    ///
    /// First hold the journal against what is remembered of it ([`Journal::recall`]): an older copy that signs
    /// contradicts what it signed before.
    pub fn sign_with(&self, signer: Arc<dyn Signer>) {
        self.shared.sealing.supply(signer);
    }

    /// Lets the owner's key go: returns once no signature with it is under way. Checkpoints are signed again when it is
    /// given anew.
    pub fn forget_key(&self) {
        self.shared.sealing.forget();
    }

    /// Signs no checkpoint from here on, whatever key was or will be given: the journal is not what it should be.
    pub fn sign_no_more(&self) {
        self.shared.sealing.end();
    }

    /// Holds the journal against a checkpoint that was remembered elsewhere. Blocks.
    ///
    /// # Errors
    ///
    /// [`RecallError::Fault`] if this is not the journal it was signed for, or an older copy of it.
    pub fn recall(&self, note: &str) -> Result<(), RecallError> {
        let Some(LogOwner { origin, key }) = &self.shared.owner else { return Ok(()) };
        let signed =
            Checkpoint::verify(note, origin, &[*key]).map_err(CheckpointFault::Unsigned)?;
        self.hold_against(signed.head())
    }

    /// Holds the journal against a head that its owner signed. Blocks.
    ///
    /// # Errors
    ///
    /// [`RecallError::Fault`] if this is not the journal that had it, or an older copy of it.
    pub fn hold_against(&self, signed: Head) -> Result<(), RecallError> {
        self.read_blocking(|db| Ok(seal::hold_against(db, signed)))?
    }

    /// A whole copy of what is committed, as a file without a name. Blocks; the writer goes on meanwhile.
    ///
    /// One at a time: a second one takes the first one's place on the disk.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`] or [`OpenError::Store`], as when the disk is full; nothing is left behind.
    pub fn take_copy(&self) -> Result<File, OpenError> {
        copy::take(&self.shared.paths)
    }

    /// Signs a checkpoint of what no checkpoint covers yet, and answers when it is on disk; without a key, or anything
    /// new, nothing happens.
    ///
    /// # Errors
    ///
    /// As [`Journal::write`].
    pub async fn seal(&self) -> Result<(), WriteError> {
        if self.checkpoint().is_some_and(|newest| newest.head().size == self.head().size) {
            return Ok(());
        }
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method alone is not general over the transaction's lifetime"
        )]
        self.write(|transaction| transaction.seal()).await
    }

    /// The newest checkpoint that is on disk, if one was ever signed.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.shared.sealing.newest().borrow().clone()
    }

    /// The newest checkpoint that is on disk, and word of each newer one.
    #[must_use]
    pub fn checkpoints(&self) -> watch::Receiver<Option<Checkpoint>> {
        self.shared.sealing.newest()
    }

    /// How many calls wait for the writer; more than it takes at once means that it is the bottleneck.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.sender().map_or(0, |queue| queue.max_capacity().saturating_sub(queue.capacity()))
    }

    /// How large the journal's files are.
    ///
    /// # Errors
    ///
    /// What the operating system says when it does not tell.
    pub fn files(&self) -> io::Result<Files> {
        let bytes = |path: &Path| match fs::metadata(path) {
            Ok(file) => Ok(file.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        };
        let Paths { db, wal, .. } = &self.shared.paths;
        Ok(Files { db_bytes: bytes(db)?, wal_bytes: bytes(wal)? })
    }

    /// Takes no more calls, commits those that wait, empties the WAL and ends the writer; blocks until then.
    ///
    /// Other handles stay readable; their writes are refused. Only the first close waits.
    ///
    /// # Errors
    ///
    /// The error that ended the writer, if one did.
    pub fn close(self) -> Result<(), StoreError> {
        drop(self.shared.queue.write().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // An idle reader would keep the last checkpoint from emptying the WAL.
        self.readers().clear();
        match thread {
            Some(thread) => thread.join().unwrap_or(Err(StoreError::Panicked)),
            None => Ok(()),
        }
    }

    fn sender(&self) -> Result<mpsc::Sender<Box<dyn Job<P>>>, WriteError> {
        let queue = self.shared.queue.read().unwrap_or_else(PoisonError::into_inner);
        queue.clone().ok_or(WriteError::NotApplied(StoreError::Closed))
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.shared.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P> Clone for Journal<P> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<P> fmt::Debug for Journal<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.shared.paths.db).finish_non_exhaustive()
    }
}

/// Resolves with the error that ended the writer; never, if the journal is closed in order.
///
/// The process should then end: only a new start can tell what is on disk.
#[derive(Debug)]
#[must_use = "nobody else tells that the journal stopped"]
pub struct Died(oneshot::Receiver<Result<(), StoreError>>);

impl Future for Died {
    type Output = StoreError;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<StoreError> {
        match Pin::new(&mut self.0).poll(context) {
            Poll::Pending | Poll::Ready(Ok(Ok(()))) => Poll::Pending,
            Poll::Ready(Ok(Err(error))) => Poll::Ready(error),
            Poll::Ready(Err(_)) => Poll::Ready(StoreError::Panicked),
        }
    }
}
