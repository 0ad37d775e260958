//! Settling a use: by the gateway while it runs, by hand and with the key while it is stopped.

use std::sync::Arc;

use mandate::Jti;
use mandate::clock::Clock as _;
use mandate::id::JTI_BYTES;
use mandate_host::clock::SystemClock;
use mandate_host::head::HeadMemory;
use mandate_journal::{OpenError, Options};
use mandate_keys::{KeyLocation, Loaded, SigningKey};
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
use crate::key::doubt;
use crate::settings::load;

/// Where a lock stands: a stopped gateway has nobody to ask for the key either.
const LOCKED: &str = "the gateway is locked; start it, and end that with `mandate-gateway unlock`";

/// Gives the receipt, also of what was settled before.
pub(super) fn settle(asked: Resolve, context: &Context<'_, '_>) -> Result<String, Failure> {
    match Running::find(&context.places)? {
        Some(running) => Ok(running.post_in_turn::<Resolved>("/resolve", &asked)?.receipt),
        None => by_hand(asked, &context.places),
    }
}

/// Opens the book, settles in it, and closes it.
fn by_hand(asked: Resolve, places: &Places) -> Result<String, Failure> {
    let key: UseKey =
        asked.hash.parse().map_err(|error| Failure::Usage(format!("hash: {error}")))?;
    let outcome = Outcome::try_from(asked).map_err(|fault| Failure::Usage(fault.to_string()))?;
    let loaded = load(places.config()).map_err(|error| bad_config(&error))?;
    let location = init::key_location(&loaded.settings.key)?;
    let (book, _died) = Book::open(places.state_dir(), Options::default()).map_err(|error| {
        if matches!(error, OpenError::InUse { .. }) { started(places) } else { unopened(&error) }
    })?;
    let receipt = settle_in(&book, location, key, outcome);
    let closed = book.close();
    let receipt = receipt?;
    closed.map_err(|error| unread(&error))?;
    Ok(receipt)
}

/// Takes the key, settles, has the new head remembered beside the key, and signs: as the gateway does, a step at a time.
fn settle_in(
    book: &Book,
    location: KeyLocation,
    key: UseKey,
    outcome: Outcome,
) -> Result<String, Failure> {
    if book.is_locked() {
        return Err(Failure::Check(LOCKED.to_owned()));
    }
    let clock = SystemClock::new().map_err(|error| Failure::Check(chain(&error)))?;
    // The key before the entry: what cannot be signed is not written either.
    let loaded = mandate_keys::load(&location).map_err(|error| Failure::Check(chain(&error)))?;
    let Loaded { key: signer, store, remembered } = loaded;
    init::same_key(&signer.public_key(), book.key()).map_err(Failure::Check)?;
    // In an older copy a use may wait that was executed since.
    if let Some(problem) = doubt(book, &remembered, (&location, store)).map_err(Failure::Check)? {
        return Err(Failure::Check(problem));
    }
    let signer = Arc::new(signer);
    book.sign_with(Arc::<SigningKey>::clone(&signer));
    let memory = HeadMemory::default();
    memory.place(location, store, remembered);
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Failure::Check(format!("cannot start: {error}")))?;
    let settled = runtime.block_on(async {
        let by = Decider::Operator;
        let settled = book.settle(clock.read(), key, outcome, by, jti()?).await;
        let settled = settled.map_err(|error| Failure::Check(chain(&error)))?;
        let receipt = settled.ok_or_else(|| Failure::Denied(unknown()))?;
        book.seal().await.map_err(|error| Failure::Check(chain(&error)))?;
        remember(book, &memory).await?;
        Ok::<_, Failure>(receipt)
    });
    let receipt = settled?.sign(&*signer).map_err(|error| Failure::Check(chain(&error)))?;
    Ok(receipt.as_str().to_owned())
}

/// Has the newest head remembered before anything that was signed under it is given out: a copy without it would settle
/// the use in another way.
async fn remember(book: &Book, memory: &HeadMemory) -> Result<(), Failure> {
    let Some(checkpoint) = book.checkpoint() else { return Ok(()) };
    if memory.keep(checkpoint.to_string()).await {
        return Ok(());
    }
    let problem = memory.problem().unwrap_or_default();
    Err(Failure::Check(format!(
        "the receipt is kept back, and the same command gives it once that is mended: {problem}"
    )))
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
