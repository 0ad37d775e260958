//! The one thread that writes: it drains its queue into one transaction, commits, and only then answers.
//!
//! There is no timer: what is waiting when a commit ends goes into the next one together. What only asks is answered
//! before, from what is committed.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use mandate::Head;
use rusqlite::{Connection, ErrorCode};

use super::error::{StoreError, WriteError};
use super::footprint::Footprint;
use super::hooks::{Fault, Hooks};
use super::job::Job;
use super::observer::{Moment, Observer};
use super::transaction::{State, Transaction};
use super::{Options, Projection, schema};
use crate::sync::atomic::{AtomicI32, Ordering};
use crate::sync::{Mutex, mpsc};

/// Most requests in one commit.
const BATCH_MAX: usize = 128;
/// A WAL that grew by this is copied into the database when nobody is waiting, in pages.
const CHECKPOINT_IDLE_PAGES: i32 = 4_000;
/// A WAL that grew by this is copied into the database even while others wait, in pages.
const CHECKPOINT_BUSY_PAGES: i32 = 16_000;

/// Why a batch failed.
type Failure = WriteError;

/// A question that was run, and what came of it.
type Ran<P> = (Box<dyn Job<P>>, Result<(), StoreError>);

/// The writer's side of the queue and all that only it may touch.
pub(super) struct Writer<P> {
    db: Connection,
    footprint: Footprint,
    state: State<P>,
    hooks: Hooks,
    observer: Observer,
    head: Arc<Mutex<Head>>,
    queue: mpsc::Receiver<Box<dyn Job<P>>>,
    /// Taken from the queue, not yet run.
    waiting: VecDeque<Box<dyn Job<P>>>,
    /// Pages in the WAL after the last commit.
    wal_pages: Arc<AtomicI32>,
    /// Pages in the WAL that the last checkpoint found.
    checkpointed_pages: i32,
    /// When nobody waits.
    checkpoint_idle_pages: i32,
    /// While others wait.
    checkpoint_busy_pages: i32,
}

impl<P: Projection> Writer<P> {
    /// Takes the connection that alone writes, and the state its rows say.
    pub(super) fn new(
        (mut db, footprint): (Connection, Footprint),
        state: State<P>,
        options: Options,
        head: Arc<Mutex<Head>>,
        queue: mpsc::Receiver<Box<dyn Job<P>>>,
    ) -> Result<Self, StoreError> {
        let Options { hooks, observer, pages_max: _, wal_pages: due } = options;
        let checkpoint_idle_pages = due.unwrap_or(CHECKPOINT_IDLE_PAGES);
        let checkpoint_busy_pages = due.unwrap_or(CHECKPOINT_BUSY_PAGES);
        let wal_pages = Arc::new(AtomicI32::new(0));
        let seen = Arc::clone(&wal_pages);
        db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let waiting = VecDeque::with_capacity(BATCH_MAX);
        let checkpointed_pages = 0;
        Ok(Self {
            db,
            footprint,
            state,
            hooks,
            observer,
            head,
            queue,
            waiting,
            wal_pages,
            checkpointed_pages,
            checkpoint_idle_pages,
            checkpoint_busy_pages,
        })
    }

    /// Serves until every sender is gone, then leaves an empty WAL behind.
    ///
    /// # Errors
    ///
    /// The error after which nothing more may be written.
    pub(super) fn run(mut self) -> Result<(), StoreError> {
        let result = self.serve().and_then(|()| self.empty_the_wal());
        if result.is_err() {
            self.refuse_the_rest();
        }
        result
    }

    fn serve(&mut self) -> Result<(), StoreError> {
        loop {
            if self.waiting.is_empty() {
                let Some(job) = self.queue.blocking_recv() else { return Ok(()) };
                self.waiting.push_back(job);
            }
            while self.waiting.len() < BATCH_MAX {
                let Ok(job) = self.queue.try_recv() else { break };
                self.waiting.push_back(job);
            }
            self.answer_questions()?;
            if !self.waiting.is_empty() {
                self.write_batch()?;
            }
            self.checkpoint_if_due()?;
        }
    }

    fn empty_the_wal(&self) -> Result<(), StoreError> {
        self.footprint.check()?;
        schema::checkpoint_truncate(&self.db).map(|_| ())
    }

    /// Answers what changes nothing; an error ends the writer.
    fn answer_questions(&mut self) -> Result<(), StoreError> {
        if !self.waiting.iter().any(|job| job.is_question()) {
            return Ok(());
        }
        let (questions, changes) = self.waiting.drain(..).partition(|job| job.is_question());
        self.waiting = changes;
        let mut ran = Vec::with_capacity(questions.len());
        let outcome = self.run_questions(questions, &mut ran).and_then(|()| {
            // After the last row that was read: rows of another file answer nothing.
            self.footprint.check().map_err(WriteError::NotApplied)
        });
        let (error, ends) = match outcome {
            Ok(()) => (None, false),
            Err(WriteError::NotApplied(error)) => (Some(error), false),
            Err(WriteError::Unknown(error)) => (Some(error), true),
        };
        for (job, result) in ran {
            let answer = error.clone().map_or(result, Err);
            job.answer(answer.map_err(WriteError::NotApplied));
        }
        match error {
            Some(error) if ends || error.ends_the_writer() => Err(error),
            _ => Ok(()),
        }
    }

    /// Runs questions over one snapshot, as far as none of them spoils it; what is unknown after an error ends the writer.
    fn run_questions(
        &mut self,
        mut questions: VecDeque<Box<dyn Job<P>>>,
        ran: &mut Vec<Ran<P>>,
    ) -> Result<(), Failure> {
        while let Some(mut job) = questions.pop_front() {
            if self.db.is_autocommit()
                && let Err(error) = self.execute("BEGIN")
            {
                ran.extend([job].into_iter().chain(questions).map(|job| (job, Ok(()))));
                return Err(WriteError::NotApplied(error));
            }
            let before = self.progress();
            let result = job.run(&mut Transaction { db: &self.db, state: &mut self.state });
            let spoilt = match &result {
                Ok(()) => self.progress() != before,
                Err(error) => self.spoils(error, before),
            };
            let mut fatal = result.as_ref().err().filter(|error| error.ends_the_writer()).cloned();
            ran.push((job, result));
            if spoilt && fatal.is_none() {
                fatal = self.reload().err();
            }
            if let Some(error) = fatal {
                ran.extend(questions.into_iter().map(|job| (job, Ok(()))));
                return Err(WriteError::Unknown(error));
            }
        }
        if !self.db.is_autocommit() {
            self.execute("ROLLBACK").map_err(WriteError::NotApplied)?;
        }
        Ok(())
    }

    /// Runs what is waiting, commits, and answers; an error ends the writer.
    fn write_batch(&mut self) -> Result<(), StoreError> {
        let mut ran = Vec::with_capacity(self.waiting.len());
        let outcome = self.run_waiting(&mut ran).and_then(|()| self.commit());
        let after = match &outcome {
            Ok(()) => {
                self.publish();
                Ok(())
            }
            Err(WriteError::NotApplied(error)) => self.recover(error),
            Err(WriteError::Unknown(error)) => Err(error.clone()),
        };
        for job in ran {
            job.answer(outcome.clone());
        }
        after
    }

    /// Runs every waiting job in one transaction, up to the first that spoils it; those after it stay waiting.
    fn run_waiting(&mut self, ran: &mut Vec<Box<dyn Job<P>>>) -> Result<(), Failure> {
        if let Err(error) = self.execute("BEGIN IMMEDIATE") {
            ran.extend(self.waiting.drain(..));
            return Err(WriteError::NotApplied(error));
        }
        while let Some(mut job) = self.waiting.pop_front() {
            let before = self.progress();
            let result = job.run(&mut Transaction { db: &self.db, state: &mut self.state });
            match result {
                Ok(()) => ran.push(job),
                Err(error) if self.spoils(&error, before) => {
                    ran.push(job);
                    return Err(WriteError::NotApplied(error));
                }
                Err(error) => job.answer(Err(WriteError::NotApplied(error))),
            }
        }
        Ok(())
    }

    /// Whether a job's error takes the others of its transaction with it: only if it left something behind.
    fn spoils(&self, error: &StoreError, before: (u64, u64, u64)) -> bool {
        matches!(error, StoreError::Panicked)
            || error.ends_the_writer()
            || self.db.is_autocommit()
            || self.progress() != before
    }

    /// Counts that move with every change of a row, of the chain or of the mark.
    fn progress(&self) -> (u64, u64, u64) {
        (self.db.total_changes(), self.state.chain.size(), self.state.marks)
    }

    /// Commits the transaction under way.
    fn commit(&mut self) -> Result<(), Failure> {
        let (head, last) = (self.state.chain.head(), self.last_head());
        let entries = head.size.saturating_sub(last.size);
        // After the last row that it read: what was decided by another file's rows is not written.
        self.footprint.check().map_err(WriteError::NotApplied)?;
        if head != last || self.state.marks > 0 {
            let stored = schema::store_head(&self.db, head, self.state.mark.as_ref());
            stored.map_err(WriteError::NotApplied)?;
        }
        match Hooks::run(self.hooks.before_commit.as_ref()) {
            Some(Fault::DiskFull) => return Err(WriteError::NotApplied(StoreError::Injected)),
            Some(Fault::Io) => return Err(WriteError::Unknown(StoreError::Injected)),
            None => {}
        }
        if entries > 0 {
            self.observer.tell(Moment::Committing);
        }
        self.execute("COMMIT").map_err(|error| match error.code() {
            // Found before the commit record is complete: a full disk, a check deferred to the commit, a foreign lock.
            Some(
                ErrorCode::DiskFull | ErrorCode::ConstraintViolation | ErrorCode::DatabaseBusy,
            ) => WriteError::NotApplied(error),
            _ => WriteError::Unknown(error),
        })?;
        if entries > 0 {
            self.observer.tell(Moment::Committed { entries });
        }
        match Hooks::run(self.hooks.after_commit.as_ref()) {
            Some(_) => Err(WriteError::Unknown(StoreError::Injected)),
            None => Ok(()),
        }
    }

    /// Goes on after a batch that failed, unless its error ends the writer.
    fn recover(&mut self, error: &StoreError) -> Result<(), StoreError> {
        if error.ends_the_writer() {
            return Err(error.clone());
        }
        self.reload()?;
        tracing::warn!(error = %report(error), "a commit was rolled back");
        Ok(())
    }

    /// Rolls back what is under way and reads the memory from rows.
    fn reload(&mut self) -> Result<(), StoreError> {
        // SQLite has rolled back by itself after some errors.
        if !self.db.is_autocommit() {
            self.execute("ROLLBACK")?;
        }
        self.state = State::load(&self.db, Arc::clone(&self.state.sealing))?;
        Ok(())
    }

    fn checkpoint_if_due(&mut self) -> Result<(), StoreError> {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        if pages < self.checkpointed_pages {
            // Fewer than before: the WAL was begun anew.
            self.checkpointed_pages = 0;
        }
        let grown = pages.saturating_sub(self.checkpointed_pages);
        let idle = self.waiting.is_empty() && self.queue.is_empty();
        let due = if idle { self.checkpoint_idle_pages } else { self.checkpoint_busy_pages };
        if grown < due {
            return Ok(());
        }
        self.checkpointed_pages = pages;
        // Before it is renewed: what is there afterwards counts as written by this process.
        self.footprint.check()?;
        match self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(())) {
            Ok(()) => self.footprint.renew(),
            Err(error) => {
                let error = StoreError::from(error);
                if error.ends_the_writer() {
                    return Err(error);
                }
                // The WAL keeps everything; a later checkpoint copies it.
                tracing::warn!(error = %report(&error), "the checkpoint did not complete");
                self.footprint.renew()
            }
        }
    }

    /// Refuses what is queued and everything that will be.
    fn refuse_the_rest(&mut self) {
        self.queue.close();
        while let Some(job) = self.waiting.pop_front().or_else(|| self.queue.blocking_recv()) {
            job.answer(Err(WriteError::NotApplied(StoreError::Stopped)));
        }
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.db.prepare_cached(sql)?.execute(())?;
        Ok(())
    }

    fn last_head(&self) -> Head {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&mut self) {
        self.state.marks = 0;
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = self.state.chain.head();
        self.state.sealing.publish(self.state.checkpoint.as_ref());
    }
}

/// An error with its causes, for the log.
fn report(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
