//! A connection that lets others have their turn.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

/// What is read from a peer before all others get their turn: one message of the largest size.
const TURN_BYTES: usize = 64 * 1024;

/// A stream that pauses after each so many bytes, however fast the peer fills it.
#[derive(Debug)]
pub(super) struct Turns {
    stream: UnixStream,
    read_bytes: usize,
}

impl Turns {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream, read_bytes: 0 }
    }
}

impl AsyncRead for Turns {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.read_bytes >= TURN_BYTES {
            this.read_bytes = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let read_bytes = buffer.filled().len().saturating_sub(before);
        this.read_bytes =
            if read.is_pending() { 0 } else { this.read_bytes.saturating_add(read_bytes) };
        read
    }
}

impl AsyncWrite for Turns {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_fills_the_pipe_gives_others_their_turn() {
        let (mut peer, ours) = UnixStream::pair().unwrap();
        peer.write_all(&vec![7; TURN_BYTES + 1]).await.unwrap();
        ours.readable().await.unwrap();
        let mut turns = Turns::new(ours);
        let read = async {
            let (mut read, mut piece) = (0, [0; 4_096]);
            while read <= TURN_BYTES {
                read += turns.read(&mut piece).await.unwrap();
            }
        };
        let mut read = std::pin::pin!(read);
        // All of it is there, and it takes a second turn.
        let first = std::future::poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await;
        assert!(first.is_pending());
        read.await;
    }
}
