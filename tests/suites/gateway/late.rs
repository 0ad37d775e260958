//! Calls whose body comes when a test says so.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};
use mandate_tests::gateway::{Answered, Call, Shop};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

/// A body that says when somebody begins to wait for it.
pub struct Late {
    asked: Option<oneshot::Sender<()>>,
    bytes: Option<oneshot::Receiver<Bytes>>,
}

/// The other end of a body: who asks for it is heard, and what it is to be is said.
pub struct Sender {
    /// Somebody waits for the body.
    pub asked: oneshot::Receiver<()>,
    /// The body; it breaks off if this is dropped.
    pub bytes: oneshot::Sender<Bytes>,
}

/// A body, and who sends it.
fn late() -> (Late, Sender) {
    let (asking, asked) = oneshot::channel();
    let (bytes, sent) = oneshot::channel();
    (Late { asked: Some(asking), bytes: Some(sent) }, Sender { asked, bytes })
}

/// Sends the head of a call, and its body when the other end says so.
pub fn begin(shop: &Shop, request: Request<Late>) -> JoinHandle<Answered> {
    let service = shop.service();
    tokio::spawn(async move {
        let Ok(answer) = service.oneshot(request).await;
        Answered::read(answer).await
    })
}

/// The head of a call with a mandate, and who sends its body.
pub fn half(call: &Call, header: &'static str, token: &str) -> (Request<Late>, Sender) {
    let (body, sender) = late();
    (call.with(header, token).map(|_| body), sender)
}

impl Body for Late {
    type Data = Bytes;
    type Error = oneshot::error::RecvError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(asked) = self.asked.take() {
            // The test may not listen.
            asked.send(()).unwrap_or_default();
        }
        let Some(bytes) = self.bytes.as_mut() else { return Poll::Ready(None) };
        let sent = ready!(Pin::new(bytes).poll(context));
        self.bytes = None;
        Poll::Ready(Some(sent.map(Frame::data)))
    }
}
