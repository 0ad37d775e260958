//! Why the demonstration did not come to its end.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use mandate::id::IdError;
use mandate::key::KeyError;
use mandate::text::TextError;
use mandate::{AmountError, DraftError, IssueError, ParseError, VerifyError};
use mandate_audit::{EntryProofError, ExportError, ReconcileError, WriteError};
use mandate_gateway::book::event::EventError as BookEventError;
use mandate_journal::{ChainError, CheckpointError, EntryError};
use mandate_keys::{AccountError, KeyStoreError};
use mandate_ledger::{EventError, OpenError, StoreError, VerifyFault};
use mandate_proto::paths::PathError;
use mandated::SOCKET_PATH_BYTES_MAX;
use thiserror::Error as ThisError;
use tonic::Code;

/// Why the demonstration did not come to its end.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum DemoError {
    /// The name of its key is none.
    #[error("the account {0}")]
    Account(#[from] AccountError),
    /// An amount cannot be read.
    #[error("an amount {0}")]
    Amount(#[from] AmountError),
    /// An answer over HTTP broke off.
    #[error("an answer over HTTP: {0}")]
    Body(#[source] Box<dyn Error + Send + Sync>),
    /// An entry of a merchant's book is none that a gateway writes.
    #[error("an entry of a merchant's book")]
    BookEvent(#[from] BookEventError),
    /// The log is no chain.
    #[error("the log")]
    Chain(#[from] ChainError),
    /// A head could not be signed.
    #[error("a checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// What was shown is not what was promised.
    #[error("expected {expected}, met {met}")]
    Differs {
        /// What was promised.
        expected: String,
        /// What happened.
        met: String,
    },
    /// Claims make no token.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The journal holds what is no entry.
    #[error("an entry of the journal")]
    Entry(#[from] EntryError),
    /// An entry of the ledger is none that a wallet writes.
    #[error("an entry of the ledger")]
    Event(#[from] EventError),
    /// What was handed in is not believed.
    #[error("an export")]
    Export(#[from] ExportError),
    /// An export could not be written.
    #[error(transparent)]
    ExportUnwritten(#[from] WriteError<Infallible>),
    /// A gateway does not answer.
    #[error("a call over HTTP")]
    Http(#[from] hyper_util::client::legacy::Error),
    /// An id cannot be read.
    #[error("an id {0}")]
    Id(#[from] IdError),
    /// Somebody ended it.
    #[error("interrupted")]
    Interrupted,
    /// The operating system refused.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// A token could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A journal does not open.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// An answer is not the JSON that it should be.
    #[error("an answer over HTTP")]
    Json(#[from] serde_json::Error),
    /// No key could be made, read or deleted.
    #[error(transparent)]
    Key(#[from] KeyStoreError),
    /// A token has not the shape of one.
    #[error("a token")]
    Parse(#[from] ParseError),
    /// The places of the wallet cannot be told.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A process ended by itself, or not well.
    #[error("the process of {name} ended: {status}")]
    ProcessEnded {
        /// Whose it was.
        name: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A process neither got on nor ended.
    #[error("the process of {name} did not {what} within {waited_s} s")]
    ProcessSlow {
        /// Whose it is.
        name: String,
        /// What was waited for.
        what: &'static str,
        /// How long, in seconds.
        waited_s: u64,
    },
    /// A proof proves nothing.
    #[error("a proof")]
    Proof(#[from] EntryProofError),
    /// A published key is none.
    #[error("a published key")]
    PublicKey(#[from] KeyError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
    /// Logs cannot be held against each other.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// A call cannot be written as HTTP.
    #[error("a call over HTTP")]
    Request(#[from] http::Error),
    /// Nobody reads the screen.
    #[error("cannot write to the screen")]
    Screen(#[source] io::Error),
    /// A call was answered by an error that is no refusal of the wallet.
    #[error("the wallet answered {code:?}: {message}")]
    Status {
        /// The gRPC code.
        code: Code,
        /// The sentence.
        message: String,
    },
    /// A journal cannot be read.
    #[error("the journal")]
    Store(#[from] StoreError),
    /// The operating system refused something that has no path.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// A task ended before its time.
    #[error("a task of the demonstration")]
    Task(#[from] tokio::task::JoinError),
    /// The temporary folder's name is too long for a socket.
    #[error("{} is too long a place for a socket ({SOCKET_PATH_BYTES_MAX} bytes); set TMPDIR to a shorter one", path.display())]
    TemporaryFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A text is not safe to show.
    #[error("a text {0}")]
    Text(#[from] TextError),
    /// The wallet's socket does not answer.
    #[error("the wallet's socket")]
    Transport(#[from] tonic::transport::Error),
    /// A token is not signed by whom it should be.
    #[error("a token")]
    Unverified(#[from] VerifyError),
    /// The log is not what it should be.
    #[error("the log")]
    Verify(#[from] VerifyFault),
}

impl DemoError {
    /// What was shown is not what was promised.
    pub(crate) fn differs(expected: &dyn Display, met: &dyn Display) -> Self {
        Self::Differs { expected: expected.to_string(), met: met.to_string() }
    }

    /// A failed operation, as an error.
    pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    /// A failed operation on a path, as an error.
    pub(crate) fn io<'p>(
        what: &'static str,
        path: &'p Path,
    ) -> impl FnOnce(io::Error) -> Self + 'p {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }
}

/// Makes sure that two values are the same.
///
/// # Errors
///
/// [`DemoError::Differs`] if they are not.
pub(crate) fn same<T: PartialEq + Display>(expected: &T, met: &T) -> Result<(), DemoError> {
    if expected == met { Ok(()) } else { Err(DemoError::differs(expected, met)) }
}
