//! A caller's work on its way through the queue, with the way back for its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{StoreError, WriteError};
use super::transaction::Transaction;
use crate::sync::oneshot;

/// Work of any type of answer.
pub(super) trait Job<P>: Send {
    /// Runs the work, once, and keeps its answer.
    fn run(&mut self, transaction: &mut Transaction<'_, P>) -> Result<(), StoreError>;

    /// Whether it changes nothing: it is answered from what is committed, whatever becomes of the next commit.
    fn is_question(&self) -> bool;

    /// Answers the caller, if it is still there.
    fn answer(self: Box<Self>, outcome: Result<(), WriteError>);
}

/// One call of `write` or `ask`.
pub(super) struct Call<F, R> {
    work: Option<F>,
    is_question: bool,
    done: Option<R>,
    reply: oneshot::Sender<Result<R, WriteError>>,
}

impl<F, R> Call<F, R> {
    /// Work that may change something.
    pub(super) fn change(work: F) -> (Self, oneshot::Receiver<Result<R, WriteError>>) {
        let (reply, answer) = oneshot::channel();
        (Self { work: Some(work), is_question: false, done: None, reply }, answer)
    }

    /// Work that changes nothing.
    pub(super) fn question(work: F) -> (Self, oneshot::Receiver<Result<R, WriteError>>) {
        let (call, answer) = Self::change(work);
        (Self { is_question: true, ..call }, answer)
    }
}

impl<P, F, R> Job<P> for Call<F, R>
where
    F: FnOnce(&mut Transaction<'_, P>) -> Result<R, StoreError> + Send,
    R: Send,
{
    fn run(&mut self, transaction: &mut Transaction<'_, P>) -> Result<(), StoreError> {
        let work = self.work.take().ok_or(StoreError::Stopped)?;
        // The writer reloads its memory from rows after a panic, so nothing half-changed is ever seen.
        match catch_unwind(AssertUnwindSafe(|| work(transaction))) {
            Ok(result) => {
                self.done = Some(result?);
                Ok(())
            }
            Err(_) => Err(StoreError::Panicked),
        }
    }

    fn is_question(&self) -> bool {
        self.is_question
    }

    fn answer(self: Box<Self>, outcome: Result<(), WriteError>) {
        let done = self.done.ok_or(WriteError::NotApplied(StoreError::Stopped));
        // A caller that hung up does not want to know.
        drop(self.reply.send(outcome.and(done)));
    }
}
