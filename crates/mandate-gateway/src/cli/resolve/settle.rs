//! Settling a use: by the gateway while it runs, by hand and with the key while it is stopped.

use mandate::Jti;
use mandate::clock::Clock as _;
use mandate::id::JTI_BYTES;
use mandate_host::clock::SystemClock;
use mandate_journal::{OpenError, Options};
use mandate_terminal::failure::{Denial, Failure, chain};
use tokio::runtime::Builder;

use crate::book::{Book, Decider, Outcome, UseKey};
use crate::cli::config::bad_config;
use crate::cli::context::Context;
use crate::cli::journal::{unopened, unread};
use crate::cli::places::Places;
use crate::cli::running::Running;
use crate::cli::{GATEWAY, init};
use crate::door::{Resolve, Resolved};
use crate::settings::load;

/// Where a lock stands: a stopped gateway has nobody to ask for the key either.
const LOCKED: &str = "the gateway is locked; start it, and end that with `mandate-gateway unlock`";

/// Gives the receipt, also of what was settled before.
pub(super) fn settle(asked: Resolve, context: &Context<'_, '_>) -> Result<String, Failure> {
    match Running::find(&context.places)? {
        Some(running) => Ok(running.post::<Resolved>("/resolve", &asked)?.receipt),
        None => by_hand(asked, &context.places),
    }
}

/// Opens the book, writes, signs, and closes it.
fn by_hand(asked: Resolve, places: &Places) -> Result<String, Failure> {
    let key: UseKey =
        asked.hash.parse().map_err(|error| Failure::Usage(format!("hash: {error}")))?;
    let outcome = Outcome::try_from(asked).map_err(|fault| Failure::Usage(fault.to_string()))?;
    let loaded = load(places.config()).map_err(|error| bad_config(&error))?;
    let location = init::key_location(&loaded.settings.key)?;
    let clock = SystemClock::new().map_err(|error| Failure::Check(chain(&error)))?;
    let (book, _died) = Book::open(places.state_dir(), Options::default()).map_err(|error| {
        if matches!(error, OpenError::InUse { .. }) { started(places) } else { unopened(&error) }
    })?;
    if book.is_locked() {
        return Err(Failure::Check(LOCKED.to_owned()));
    }
    // The key before the entry: what cannot be signed is not written either.
    let signer = mandate_keys::load(&location).map_err(|error| Failure::Check(chain(&error)))?.key;
    init::same_key(&signer.public_key(), book.key()).map_err(Failure::Check)?;
    let runtime = Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| Failure::Check(format!("cannot start: {error}")))?;
    let work = book.settle(clock.read(), key, outcome, Decider::Operator, jti()?);
    let settled = runtime.block_on(work);
    let closed = book.close();
    let settled = settled.map_err(|error| Failure::Check(chain(&error)))?;
    closed.map_err(|error| unread(&error))?;
    let receipt = settled.ok_or_else(|| Failure::Denied(unknown()))?;
    let receipt = receipt.sign(&signer).map_err(|error| Failure::Check(chain(&error)))?;
    Ok(receipt.as_str().to_owned())
}

fn jti() -> Result<Jti, Failure> {
    let mut bits = [0; JTI_BYTES];
    getrandom::fill(&mut bits)
        .map_err(|error| Failure::Check(format!("the system gives no random bytes: {error}")))?;
    Ok(Jti::from_random(bits))
}

/// As the running gateway says it.
fn unknown() -> Denial {
    Denial {
        reason: "use_unknown".to_owned(),
        message: crate::ResolveError::Unknown.to_string(),
        metadata: std::collections::BTreeMap::new(),
        retry_after_ms: None,
    }
}

/// Somebody holds the book and does not answer at the door.
fn started(places: &Places) -> Failure {
    Failure::Unreachable {
        peer: GATEWAY,
        socket: places.socket(),
        problem: "the book is held by a process that does not answer there; it may be starting, try again".to_owned(),
    }
}
