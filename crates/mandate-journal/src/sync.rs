//! Where the threads of this crate meet: the queue to the writer, the way back, and the locks between them.
//!
//! One name for each, so that `tests/schedules` can run this very code under a scheduler of its own, which tries the
//! orders that a machine takes once in a million. Nothing that ships has that feature. The word of a new checkpoint is
//! no such place: telling it waits for nobody.

#[cfg(not(feature = "schedules"))]
pub(crate) use std::sync::{Mutex, MutexGuard, RwLock, atomic};
#[cfg(not(feature = "schedules"))]
pub(crate) use std::thread;
#[cfg(not(feature = "schedules"))]
pub(crate) use tokio::sync::{mpsc, oneshot};

#[cfg(feature = "schedules")]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock, atomic};
#[cfg(feature = "schedules")]
pub(crate) use shuttle::thread;
#[cfg(feature = "schedules")]
pub(crate) use shuttle_tokio::sync::{mpsc, oneshot};

/// Most requests that wait for the writer; who comes then waits for a place.
pub(crate) const QUEUE_MAX: usize = if cfg!(feature = "schedules") { 2 } else { 1024 };
