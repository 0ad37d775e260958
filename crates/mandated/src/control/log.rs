//! Reads the journal for a client, page by page, with bounded memory.

use std::sync::Arc;

use mandate_ledger::{Ledger, LedgerError};
use mandate_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::daemon::Daemon;
use crate::status;

/// Entries read at a time.
const PAGE_ENTRIES_MAX: u64 = 64;
/// Pages that wait for the client.
const PAGES_WAITING_MAX: usize = 2;

/// One answer of the stream.
pub(super) type Page = Result<v1::ReadLogResponse, Status>;

/// What is to be read: entries from `next` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    next: u64,
    end: u64,
}

/// The range a request asks for, in a journal of `size` entries.
fn range(message: v1::ReadLogRequest, size: u64) -> Range {
    let v1::ReadLogRequest { from_seq, limit, newest } = message;
    let limit = if limit == 0 { u64::MAX } else { limit };
    if newest {
        return Range { next: size.saturating_sub(limit).max(from_seq), end: size };
    }
    Range { next: from_seq, end: from_seq.saturating_add(limit).min(size) }
}

/// Starts to send entries; stops when the client does.
pub(super) fn read(daemon: &Arc<Daemon>, message: v1::ReadLogRequest) -> ReceiverStream<Page> {
    let (sender, pages) = mpsc::channel(PAGES_WAITING_MAX);
    let range = range(message, daemon.ledger.head().size);
    tokio::spawn(send(daemon.ledger.clone(), range, sender));
    ReceiverStream::new(pages)
}

async fn send(ledger: Ledger, mut range: Range, sender: mpsc::Sender<Page>) {
    while range.next < range.end {
        let limit = PAGE_ENTRIES_MAX.min(range.end.saturating_sub(range.next));
        let (reader, next) = (ledger.clone(), range.next);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let page = tokio::task::spawn_blocking(move || reader.entries(next, limit)).await;
        let page = match page {
            Ok(Ok(entries)) => Ok(v1::ReadLogResponse { entries }),
            Ok(Err(error)) => Err(status::failed(&LedgerError::NotApplied(error))),
            Err(error) => Err(Status::internal(error.to_string())),
        };
        let read = page.as_ref().map_or(0, |page| page.entries.len());
        range.next = range.next.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        // The client left, or the ledger ended before its own head.
        if sender.send(page).await.is_err() || read == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(from_seq: u64, limit: u64, newest: bool) -> Range {
        range(v1::ReadLogRequest { from_seq, limit, newest }, 100)
    }

    #[test]
    fn a_range_ends_at_the_head() {
        assert_eq!(ask(0, 0, false), Range { next: 0, end: 100 });
        assert_eq!(ask(90, 20, false), Range { next: 90, end: 100 });
        assert_eq!(ask(10, 20, false), Range { next: 10, end: 30 });
        assert_eq!(ask(u64::MAX, u64::MAX, false).end, 100);
    }

    #[test]
    fn the_newest_are_counted_from_the_head() {
        assert_eq!(ask(0, 5, true), Range { next: 95, end: 100 });
        assert_eq!(ask(98, 5, true), Range { next: 98, end: 100 });
        assert_eq!(ask(0, 0, true), Range { next: 0, end: 100 });
    }
}
