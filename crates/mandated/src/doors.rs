//! What each of the two sockets serves, and to whom.

use std::sync::Arc;

use mandate_ledger::Call;
use mandate_proto::DESCRIPTORS;
use mandate_proto::v1::control_server::ControlServer;
use mandate_proto::v1::wallet_server::WalletServer;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic_reflection::server::{Builder, Error};

use crate::control::ControlService;
use crate::daemon::Daemon;
use crate::serve::Door;
use crate::wallet::WalletService;

/// Largest message accepted: a token of 8 KiB and its request fit many times over.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Calls that the principal may have under way on one connection.
const CONTROL_STREAMS_MAX: u32 = 64;

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
    let mut routes = with_standard_services(daemon)?;
    routes.add_service(service);
    let (admits, streams, turned) = (Arc::clone(daemon), Arc::clone(daemon), Arc::clone(daemon));
    let fits = Arc::clone(daemon);
    let door = Door::new(
        "wallet",
        routes.routes(),
        move |uid| admits.ledger.rules().agent_by_uid(uid).is_some(),
        move || streams.ledger.rules().limits().in_flight,
        move |peer, path| turned.turned_away(peer, call(path)),
    );
    Ok(door.looking(move |peer| fits.agent(peer).is_ok()))
}

fn control(daemon: &Arc<Daemon>) -> Result<Door, Error> {
    let service = ControlServer::new(ControlService::new(Arc::clone(daemon)))
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let mut routes = with_standard_services(daemon)?;
    routes.add_service(service);
    let (admits, turned) = (Arc::clone(daemon), Arc::clone(daemon));
    Ok(Door::new(
        "control",
        routes.routes(),
        move |uid| admits.is_principal(uid),
        || CONTROL_STREAMS_MAX,
        move |peer, _| turned.not_the_principal(peer),
    ))
}

/// Health, and reflection in both versions that clients ask for.
fn with_standard_services(daemon: &Daemon) -> Result<RoutesBuilder, Error> {
    let descriptors = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut routes = Routes::builder();
    routes
        .add_service(daemon.health.service())
        .add_service(descriptors().build_v1()?)
        .add_service(descriptors().build_v1alpha()?);
    Ok(routes)
}

/// The call of a request's path, if it is one of the wallet's.
fn call(path: &str) -> Option<Call> {
    let method = path.strip_prefix('/')?.strip_prefix(WalletServer::<WalletService>::NAME)?;
    let method = method.strip_prefix('/')?;
    Call::ALL.into_iter().find(|call| call.as_str() == method)
}
