//! A body that keeps something for as long as it is there: a call is under way for as long as its answer is.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};

/// A body, and what is given back with it: a call is under way until whoever sends the answer on lets go of its body.
///
/// A server may take the last part of a body and wait with it until its client has room, so a body that has ended is no
/// sign that the answer is gone.
pub struct Held<B> {
    body: Pin<Box<B>>,
    /// What it is does not matter here: it ends when it is dropped.
    _kept: Box<dyn Send>,
}

impl<B> Held<B> {
    /// Keeps something for as long as a body.
    pub(crate) fn new(body: B, kept: impl Send + 'static) -> Self {
        Self { body: Box::pin(body), _kept: Box::new(kept) }
    }
}

impl<B: fmt::Debug> fmt::Debug for Held<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("body", &self.body).finish_non_exhaustive()
    }
}

impl<B: Body> Body for Held<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.body.as_mut().poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
