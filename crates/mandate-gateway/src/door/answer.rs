//! What is answered at the operator's door.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use mandate::{PrincipalId, Root};
use mandate_host::log;
use mandate_host::metrics::{self, HEALTH_PATH, METRICS_PATH};
use mandate_host::supervisor::{Unit, unit};
use mandate_journal::{StoreError, WriteError, read};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::wire::{
    Checked, Confirmed, Contradicted, InclusionPath, Locked, Problem, Reserved, Resolve, Resolved,
    Service, Signed, Status, Stored, Unlocked, Waiting,
};
use crate::book::{Book, Equivocation, Outcome, Unsettled};
use crate::check::Unverified;
use crate::service::{BoxError, Gateway, ResolveError};
use crate::settings::Enrolment;

/// Largest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 4 * 1024;
/// How long a client may take to send it.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// What the entries of one answer come to at most, in bytes, unless it is one that is larger by itself.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A refusal: status, stable reason, sentence.
struct Refused(StatusCode, &'static str, String);

type Answer = Response<Full<Bytes>>;

/// Answers one request.
pub(super) async fn answer<B>(
    gateway: &Gateway,
    stop: &CancellationToken,
    request: Request<B>,
) -> Answer
where
    B: Body<Error: Into<BoxError>> + Send,
{
    route(gateway, stop, request).await.unwrap_or_else(|Refused(status, reason, message)| {
        let problem = Problem { reason: reason.to_owned(), message };
        json(status, &problem)
    })
}

async fn route<B>(
    gateway: &Gateway,
    stop: &CancellationToken,
    request: Request<B>,
) -> Result<Answer, Refused>
where
    B: Body<Error: Into<BoxError>> + Send,
{
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    match (&parts.method, parts.uri.path()) {
        (method, path @ (METRICS_PATH | HEALTH_PATH)) => {
            Ok(metrics::answer(gateway, method, path).await)
        }
        (&Method::GET, "/status") => status(gateway).await.map(|status| ok(&status)),
        (&Method::GET, "/entries") => {
            let [from, limit] = numbers(query, ["from", "limit"])?;
            let limit = limit.unwrap_or_else(|| read::ENTRIES_MAX.into());
            entries(gateway, from.unwrap_or_default(), limit).await.map(|page| ok(&page))
        }
        (&Method::GET, "/reserved") => {
            let [after] = numbers(query, ["after"])?;
            reserved(gateway, after.unwrap_or_default()).await.map(|page| ok(&page))
        }
        (&Method::POST, "/resolve") => resolve(gateway, body).await.map(|done| ok(&done)),
        (&Method::POST, "/checkpoint") => Ok(ok(&checkpoint(gateway).await)),
        (&Method::GET, "/path") => {
            let [seq, size] = numbers(query, ["seq", "size"])?;
            path(gateway, seq, size).await.map(|path| ok(&path))
        }
        (&Method::POST, "/verify") => verify(gateway, stop).await.map(|checked| ok(&checked)),
        (&Method::POST, "/lock") => lock(gateway).await.map(|done| ok(&done)),
        (&Method::POST, "/unlock") => unlock(gateway).await.map(|done| ok(&done)),
        (&Method::POST, "/clock/confirm") => confirm(gateway).await.map(|done| ok(&done)),
        _ => {
            let message = "there is nothing here; this gateway may be of another version";
            Err(Refused(StatusCode::NOT_FOUND, "not_found", message.to_owned()))
        }
    }
}

async fn status(gateway: &Gateway) -> Result<Status, Refused> {
    let (book, settings) = (gateway.book(), gateway.settings());
    let state = book.status(gateway.now()).await.map_err(|error| unwritten(&error))?;
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        merchant: book.merchant().clone(),
        kid: book.key().id(),
        key_problem: gateway.key_problem(),
        locked: state.locked,
        book: book.path().display().to_string(),
        listen: settings.listen,
        settings: settings.digest,
        settings_problem: gateway.settings_problem().map(|problem| problem.to_string()),
        clock_problem: state.clock.map(|fault| fault.to_string()),
        journal_problem: state.distrusted,
        memory_problem: gateway.memory().problem(),
        metrics_address: gateway.metrics().address(),
        metrics_problem: gateway.metrics().problem(),
        head: state.head,
        reserved: state.reserved,
        warnings: gateway.warnings().list(),
        equivocations: contradicted(state.equivocations, &settings.enrolment),
        unit: unit().map(|Unit { name, is_users }| Service { name, is_users }),
    })
}

/// Those of principals that are accepted under that key now; whoever has another is done with it.
fn contradicted(found: Vec<Equivocation>, enrolment: &Enrolment) -> Vec<Contradicted> {
    let listed = found.into_iter().filter_map(|found| {
        let Equivocation { seq, peer, kid, earlier_seq, rule } = found;
        let principal: PrincipalId = peer.parse().ok()?;
        enrolment.keys(&principal)?.key(&kid)?;
        Some(Contradicted { principal, seq, earlier_seq, rule })
    });
    listed.collect()
}

async fn entries(gateway: &Gateway, from: u64, limit: u64) -> Result<Stored, Refused> {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let stored = at_the_book(gateway, move |book| book.entries(from, limit)).await?;
    let mut bytes = 0_usize;
    let page = stored.into_iter().take_while(|entry| {
        let is_first = bytes == 0;
        bytes = bytes.saturating_add(entry.len());
        is_first || bytes <= PAGE_BYTES_MAX
    });
    let raw = |entry: Vec<u8>| {
        let text = String::from_utf8(entry).map_err(|error| damaged(&error))?;
        RawValue::from_string(text).map_err(|error| damaged(&error))
    };
    Ok(Stored { entries: page.map(raw).collect::<Result<_, _>>()? })
}

async fn reserved(gateway: &Gateway, after: u64) -> Result<Reserved, Refused> {
    let uses = at_the_book(gateway, move |book| book.reserved(after)).await?;
    Ok(Reserved { uses: uses.into_iter().map(Waiting::from).collect() })
}

impl From<Unsettled> for Waiting {
    fn from(unsettled: Unsettled) -> Self {
        let Unsettled { seq, key, since, mandate } = unsettled;
        Self { seq, hash: key.to_string(), since, mandate }
    }
}

/// In a task of its own: who hangs up does not leave the key in memory.
async fn lock(gateway: &Gateway) -> Result<Locked, Refused> {
    let own = gateway.clone();
    let locked = gateway.tasks().spawn(async move { own.lock().await }).await;
    let durable = locked.map_err(|error| damaged(&error))?.map_err(|error| unwritten(&error))?;
    Ok(Locked { durable })
}

async fn unlock(gateway: &Gateway) -> Result<Unlocked, Refused> {
    let own = gateway.clone();
    let unlocked = gateway.tasks().spawn(async move { own.unlock().await }).await;
    let key_problem =
        unlocked.map_err(|error| damaged(&error))?.map_err(|error| unwritten(&error))?;
    Ok(Unlocked { key_problem })
}

/// Without a key, or on a full disk, the last one that was signed is still good.
async fn checkpoint(gateway: &Gateway) -> Signed {
    if let Err(error) = gateway.book().seal().await {
        tracing::error!(error = %log::chain(&error), "a checkpoint was not written");
    }
    Signed { checkpoint: gateway.book().checkpoint().map(|checkpoint| checkpoint.to_string()) }
}

async fn path(
    gateway: &Gateway,
    seq: Option<u64>,
    size: Option<u64>,
) -> Result<InclusionPath, Refused> {
    let (Some(seq), Some(size)) = (seq, size) else {
        return Err(malformed("seq and size are both needed"));
    };
    if seq >= size || size > gateway.book().head().size {
        return Err(malformed(&format!("{seq} is not within the first {size} entries")));
    }
    let path = at_the_book(gateway, move |book| book.inclusion_path(seq, size)).await?;
    let hashes = path.iter().map(|hash| Root::from_bytes(*hash.as_bytes())).collect();
    Ok(InclusionPath { hashes })
}

async fn resolve<B>(gateway: &Gateway, body: B) -> Result<Resolved, Refused>
where
    B: Body<Error: Into<BoxError>> + Send,
{
    let limited = Limited::new(body, BODY_BYTES_MAX);
    let read = timeout(BODY_TIMEOUT, limited.collect()).await;
    let late = |_elapsed| malformed("the body was not sent in time");
    let body = read.map_err(late)?.map_err(|error| malformed(&error.to_string()))?;
    let asked: Resolve =
        serde_json::from_slice(&body.to_bytes()).map_err(|error| malformed(&error.to_string()))?;
    let key = asked.hash.parse().map_err(|error| malformed(&format!("hash: {error}")))?;
    let outcome = Outcome::try_from(asked).map_err(|fault| malformed(&fault.to_string()))?;
    // An operator who is tired of waiting has not said anything.
    let turn = gateway.turn_to_resolve(&key).await.map_err(unresolved)?;
    let settler = gateway.clone();
    // Goes on when the client hangs up, and shutdown waits for it.
    let settled = async move { settler.resolve_in_turn(turn, key, outcome).await };
    let settled = gateway.tasks().spawn(settled).await;
    let receipt = settled.map_err(|error| damaged(&error))?.map_err(unresolved)?;
    Ok(Resolved { receipt: receipt.as_str().to_owned() })
}

/// Checks everything; what does not fit ends all use of mandates, also when the client hangs up.
async fn verify(gateway: &Gateway, stop: &CancellationToken) -> Result<Checked, Refused> {
    let (own, stop) = (gateway.clone(), stop.clone());
    let checked = gateway.tasks().spawn(async move { own.verify(stop).await }).await;
    match checked.map_err(|error| damaged(&error))? {
        Ok(verified) => Ok(Checked::Whole { head: verified.head }),
        Err(Unverified::Distrusted(fault)) => Ok(Checked::Broken { fault }),
        Err(Unverified::Stopped) => Err(unavailable("the gateway is stopping")),
        Err(Unverified::Unchecked(problem)) => Err(unavailable(&problem)),
    }
}

async fn confirm(gateway: &Gateway) -> Result<Confirmed, Refused> {
    let now = gateway.now();
    let confirmed = now.wall;
    gateway.book().confirm_clock(now).await.map_err(|error| unwritten(&error))?;
    tracing::info!(%confirmed, "the operator confirmed the clock");
    Ok(Confirmed { confirmed })
}

/// Runs work that blocks on the book.
async fn at_the_book<T: Send + 'static>(
    gateway: &Gateway,
    work: impl FnOnce(&Book) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refused> {
    let book = gateway.book().clone();
    let done = tokio::task::spawn_blocking(move || work(&book)).await;
    done.map_err(|error| damaged(&error))?.map_err(|error| {
        unavailable(&format!("the journal cannot be read: {}", log::chain(&error)))
    })
}

/// The whole numbers of a query, each at most once and no others beside them.
fn numbers<const N: usize>(query: &str, names: [&str; N]) -> Result<[Option<u64>; N], Refused> {
    let mut found = [None; N];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = names.iter().zip(&mut found).find(|(known, _)| **known == name);
        let Some((_, place)) = place else {
            return Err(malformed(&format!("{name} is not known here")));
        };
        let number = u64::from_str(value)
            .or(Err(malformed(&format!("{name} is not followed by a whole number"))))?;
        if place.replace(number).is_some() {
            return Err(malformed(&format!("{name} is there twice")));
        }
    }
    Ok(found)
}

fn unresolved(error: ResolveError) -> Refused {
    match error {
        ResolveError::UnderWay => Refused(StatusCode::CONFLICT, "in_progress", error.to_string()),
        ResolveError::Unknown => Refused(StatusCode::NOT_FOUND, "use_unknown", error.to_string()),
        ResolveError::Refused(refusal) => unavailable(&refusal.to_string()),
        ResolveError::Write(error) => unwritten(&error),
    }
}

fn unwritten(error: &WriteError) -> Refused {
    unavailable(&log::chain(error))
}

fn unavailable(message: &str) -> Refused {
    Refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message.to_owned())
}

fn malformed(message: &str) -> Refused {
    Refused(StatusCode::BAD_REQUEST, "malformed", message.to_owned())
}

fn damaged(error: &dyn std::fmt::Display) -> Refused {
    unavailable(&format!("the gateway failed: {error}"))
}

fn ok(document: &impl Serialize) -> Answer {
    json(StatusCode::OK, document)
}

fn json(status: StatusCode, document: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(document).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be written");
        Vec::new()
    });
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_whole_or_not_at_all() {
        assert_eq!(numbers("from=3&limit=7", ["from", "limit"]).ok(), Some([Some(3), Some(7)]));
        assert_eq!(numbers("limit=7", ["from", "limit"]).ok(), Some([None, Some(7)]));
        for bad in ["from=-1", "from=", "to=1", "from=1&from=2", "from=1%20"] {
            assert!(numbers(bad, ["from", "limit"]).is_err(), "{bad}");
        }
    }
}
