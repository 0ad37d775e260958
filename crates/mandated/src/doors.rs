//! What each of the two sockets serves, and to whom.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::{Method, Request, Response};
use mandate_host::metrics::{METRICS_PATH, answer};
use mandate_host::program;
use mandate_ledger::Call;
use mandate_policy::Rules;
use mandate_proto::DESCRIPTORS;
use mandate_proto::v1::control_server::ControlServer;
use mandate_proto::v1::wallet_server::WalletServer;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic_reflection::server::{Builder, Error};

use crate::control::ControlService;
use crate::daemon::Daemon;
use crate::serve::{CONNECTIONS_PER_UID_MAX, Door, Peer, Share};
use crate::status;
use crate::wallet::WalletService;

/// Largest message accepted: a token of 8 KiB and its request fit many times over.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// What the principal, and root beside it, may take of the control socket.
const PRINCIPALS_SHARE: Share =
    Share { connections: CONNECTIONS_PER_UID_MAX, streams: 64, calls: 256, cpu_ms_per_s: 1_000 };
/// Open files that are not for agents: the ledger, both sockets, and the connections of the principal and of strangers.
const FILES_KEPT: u64 = 512;
/// Open files of one agent's connection while its process is looked at.
const FILES_PER_CONNECTION: u64 = 4;
/// Calls beside `in_flight` whose answers an agent may leave lying: health, reflection, refusals.
const STANDARD_CALLS_MAX: u32 = 64;
/// Processor time of an agent's connections that does not depend on its rate, in milliseconds a second.
const CPU_MS_PER_S: u32 = 100;
/// Processor time for each call a second that it may make, in milliseconds; serving one takes far less.
const CPU_MS_PER_CALL: u32 = 2;

/// The agents' door and the principal's, in this order.
///
/// # Errors
///
/// [`Error`] if the API's own descriptors cannot be read.
pub(crate) fn doors(daemon: &Arc<Daemon>) -> Result<[Door; 2], Error> {
    Ok([wallet(daemon)?, control(daemon)?])
}

fn wallet(daemon: &Arc<Daemon>) -> Result<Door, Error> {
    let service = WalletServer::new(WalletService::new(Arc::clone(daemon)))
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let mut routes = with_reflection()?;
    routes.add_service(service).add_service(daemon.health.for_agents());
    let (admits, shares, turned) = (Arc::clone(daemon), Arc::clone(daemon), Arc::clone(daemon));
    let fits = Arc::clone(daemon);
    let door = Door::new(
        ("wallet", daemon.connections.wallet.clone()),
        routes.routes(),
        move |uid| admits.ledger.rules().agent_by_uid(uid).is_some(),
        move || agents_share(&shares.ledger.rules()),
        move |peer, path| turned.turned_away(peer, call(path)),
    );
    Ok(door.looking(move |peer| fits.agent(peer).is_ok()))
}

fn control(daemon: &Arc<Daemon>) -> Result<Door, Error> {
    let service = ControlServer::new(ControlService::new(Arc::clone(daemon)))
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let mut routes = with_reflection()?;
    routes.add_service(service).add_service(daemon.health.for_principal());
    let routes = with_metrics(routes.routes(), daemon);
    let (admits, turned) = (Arc::clone(daemon), Arc::clone(daemon));
    Ok(Door::new(
        ("control", daemon.connections.control.clone()),
        routes,
        move |uid| admits.is_principal(uid),
        || PRINCIPALS_SHARE,
        move |peer, _| turned.not_the_principal(peer),
    ))
}

/// What one agent may take: agents divide the open files evenly, and the time that a connection costs follows from the
/// calls that it may make.
fn agents_share(rules: &Rules) -> Share {
    let limits = rules.limits();
    let files = program::open_files_max().saturating_sub(FILES_KEPT);
    let agents = u64::try_from(rules.agents().len()).unwrap_or(u64::MAX).max(1);
    let each = files.checked_div(FILES_PER_CONNECTION.saturating_mul(agents)).unwrap_or_default();
    let connections = usize::try_from(each).unwrap_or(usize::MAX).clamp(1, CONNECTIONS_PER_UID_MAX);
    let calls = limits.in_flight.saturating_add(STANDARD_CALLS_MAX);
    let cpu_ms_per_s = limits.requests_per_s.saturating_mul(CPU_MS_PER_CALL);
    Share {
        connections,
        streams: limits.in_flight,
        calls: usize::try_from(calls).unwrap_or(usize::MAX),
        cpu_ms_per_s: cpu_ms_per_s.saturating_add(CPU_MS_PER_S),
    }
}

/// The figures beside the gRPC services, for the same caller.
fn with_metrics(mut routes: Routes, daemon: &Arc<Daemon>) -> Routes {
    let daemon = Arc::clone(daemon);
    let service = tower::service_fn(move |request: Request<_>| {
        let daemon = Arc::clone(&daemon);
        let (peer, method) = (request.extensions().get().cloned(), request.method().clone());
        async move { Ok::<_, Infallible>(figures(&daemon, peer, &method).await) }
    });
    let inner = routes.axum_router_mut();
    *inner = std::mem::take(inner).route_service(METRICS_PATH, service);
    routes
}

/// A reload may have brought another owner since the connection was let in.
async fn figures(daemon: &Daemon, peer: Option<Peer>, method: &Method) -> Response<Body> {
    if !peer.is_some_and(|peer| daemon.is_principal(peer.uid)) {
        return status::agent_unknown().into_http();
    }
    answer(daemon, method, METRICS_PATH).await.map(Body::new)
}

/// Reflection, in both versions that clients ask for.
fn with_reflection() -> Result<RoutesBuilder, Error> {
    let descriptors = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut routes = Routes::builder();
    routes.add_service(descriptors().build_v1()?).add_service(descriptors().build_v1alpha()?);
    Ok(routes)
}

/// The call of a request's path, if it is one of the wallet's.
fn call(path: &str) -> Option<Call> {
    let method = path.strip_prefix('/')?.strip_prefix(WalletServer::<WalletService>::NAME)?;
    let method = method.strip_prefix('/')?;
    Call::ALL.into_iter().find(|call| call.as_str() == method)
}
