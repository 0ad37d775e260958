//! An answer on its way to a peer, which may not want to take it.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tonic::body::Body;

use super::connection::Call;

/// How much of an answer is handed over at a time. HTTP/2 takes the next piece once the peer lets it send something, so
/// that no more than one piece a stream is kept for a peer that does not.
const PIECE_BYTES: usize = 4 * 1024;

/// An answer's body, which holds its call and the room for it until the last piece is handed over.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    /// What is left of the last frame.
    rest: Bytes,
    call: Call,
    _room: Option<OwnedSemaphorePermit>,
}

impl Answer {
    pub(super) fn new(body: Body, call: Call, room: Option<OwnedSemaphorePermit>) -> Self {
        call.waits_for_the_peer();
        Self { body, rest: Bytes::new(), call, _room: room }
    }

    fn next_piece(&mut self) -> Frame<Bytes> {
        let length = self.rest.len().min(PIECE_BYTES);
        Frame::data(self.rest.split_to(length))
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Pending => {
                    this.call.waits_for_us();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Poll::Ready(ended) => return Poll::Ready(ended),
            }
        }
        this.call.waits_for_the_peer();
        Poll::Ready(Some(Ok(this.next_piece())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}
