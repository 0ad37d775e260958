//! Calls that wait until the principal has answered about their cart.

use mandate::CartHash;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Answers that a waiting call may be behind by; one that missed some asks the ledger again.
const ANSWERS_KEPT: usize = 64;

/// Tells waiting calls which carts were answered about.
#[derive(Debug)]
pub(crate) struct Approvals {
    answers: Sender<CartHash>,
    closing: CancellationToken,
}

/// Hears of answers since it was made.
#[derive(Debug)]
pub(crate) struct Listener {
    answers: Receiver<CartHash>,
    closing: CancellationToken,
}

impl Approvals {
    /// Nobody waits any more once `closing` is cancelled: the daemon ends.
    pub(crate) fn new(closing: CancellationToken) -> Self {
        Self { answers: Sender::new(ANSWERS_KEPT), closing }
    }

    /// The principal answered about this cart, and the answer is on disk.
    pub(crate) fn tell(&self, cart: CartHash) {
        // Mostly nobody waits, and then it comes back.
        drop(self.answers.send(cart));
    }

    /// Begins to listen: before the ledger is asked, so that no answer falls in between.
    pub(crate) fn listen(&self) -> Listener {
        Listener { answers: self.answers.subscribe(), closing: self.closing.clone() }
    }
}

impl Listener {
    /// Waits until there may be an answer about `cart`; `false` when it is too late.
    pub(crate) async fn wait_for(&mut self, cart: &CartHash, until: Instant) -> bool {
        let heard = async {
            loop {
                match self.answers.recv().await {
                    Ok(answered) if answered == *cart => return true,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        tokio::select! {
            heard = timeout_at(until, heard) => heard.unwrap_or(false),
            () = self.closing.cancelled() => false,
        }
    }
}
