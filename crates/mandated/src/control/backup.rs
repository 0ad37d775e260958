//! Sends a copy of the ledger, chunk by chunk, with bounded memory.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use mandate_host::log;
use mandate_ledger::Ledger;
use mandate_proto::v1;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Bytes sent at a time, as the contract has it.
const CHUNK_BYTES_MAX: u64 = 1024 * 1024;
/// Chunks that wait for the client.
const CHUNKS_WAITING_MAX: usize = 2;

/// One answer of the stream.
pub(super) type Chunk = Result<v1::BackupResponse, Status>;

/// Starts to copy and to send; stops when the client does. The copy ends with the sending, however that ends.
pub(super) fn send(ledger: Ledger, turn: OwnedSemaphorePermit) -> ReceiverStream<Chunk> {
    let (sender, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        if let Err(status) = copy(&ledger, &sender) {
            tracing::warn!(problem = status.message(), "no backup was made");
            // The client may have left.
            drop(sender.blocking_send(Err(status)));
        }
        drop(turn);
    });
    ReceiverStream::new(chunks)
}

fn copy(ledger: &Ledger, sender: &mpsc::Sender<Chunk>) -> Result<(), Status> {
    // Whoever answers is there, so it is not "unavailable".
    let failed = |problem: &str| Status::internal(format!("no copy can be made: {problem}"));
    // Nobody waits for it any more: spare the disk.
    if sender.is_closed() {
        return Ok(());
    }
    let mut file = ledger.take_copy().map_err(|error| failed(&log::chain(&error)))?;
    file.rewind().map_err(|error| failed(&error.to_string()))?;
    loop {
        let chunk = read(&mut file).map_err(|error| failed(&error.to_string()))?;
        if chunk.is_empty() || sender.blocking_send(Ok(v1::BackupResponse { chunk })).is_err() {
            return Ok(());
        }
    }
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::new();
    file.take(CHUNK_BYTES_MAX).read_to_end(&mut chunk)?;
    Ok(chunk)
}
