//! The same over real connections: the gateway's own server, many sockets, one payment.

use std::net::SocketAddr;
use std::sync::Arc;

use mandate_gateway::{Limits, serve};
use mandate_tests::gateway::{Call, Line, Reaction, SaleState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Street, booking, refused, room, street, told};

/// Connections at once.
const CLIENTS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_payment_presented_on_many_connections_at_once_is_executed_once() {
    // The home is the folder of the book.
    let Street { home: _home, shop, ada } = street().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let (service, limits) = (shop.service(), shop.gateway.settings().limits.clone());
    let server = tokio::spawn({
        let stop = stop.clone();
        async move { serve(listener, service, &limits, stop).await }
    });

    let payment = shop.pay(&ada, &room(), &booking()).await;
    shop.api.script([Reaction::executed("A-1")]);
    let (mut clients, together) = (JoinSet::new(), Arc::new(Barrier::new(CLIENTS)));
    for _ in 0..CLIENTS {
        let request = booking().with("mandate-payment", payment.as_str());
        let together = Arc::clone(&together);
        clients.spawn(async move {
            let mut line = Line::to(address);
            // Everybody is connected before anybody presents.
            let known = line.send(Call::bare("GET", "/.well-known/mandate.json").request()).await;
            assert_eq!(known.unwrap().status, 200);
            together.wait().await;
            line.send(request).await.unwrap()
        });
    }
    let (mut from_the_api, mut receipts) = (0, Vec::new());
    for answered in clients.join_all().await {
        match told(&answered) {
            (201, None) => {
                assert_eq!(answered.body.as_ref(), br#"{"from":"the API"}"#);
                from_the_api += 1;
            }
            (200, None) => {}
            told => {
                assert_eq!(told, refused(409, "in_progress"));
                continue;
            }
        }
        receipts.push(answered.receipt(&shop.keys).unwrap().as_str().to_owned());
    }
    let again = shop.send_payment(&booking(), &payment).await;
    receipts.push(again.receipt(&shop.keys).unwrap().as_str().to_owned());
    receipts.sort();
    receipts.dedup();
    assert_eq!((from_the_api, receipts.len(), shop.api.heard().len()), (1, 1, 1));
    let sales = shop.check().await;
    assert_eq!(sales[&payment.hash().to_string()].state, SaleState::Executed);
    stop.cancel();
    server.await.unwrap();
}

/// What a new connection from this address is answered; nothing if it is closed.
async fn answered_to(from: &str, gateway: SocketAddr) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    let mut stream = socket.connect(gateway).await.unwrap();
    let request =
        "GET /.well-known/mandate.json HTTP/1.1\r\nHost: lux\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    // One that is closed may be so before the request is sent, or read.
    if stream.write_all(request.as_bytes()).await.is_ok() {
        stream.read_to_string(&mut answer).await.unwrap_or_default();
    }
    answer
}

#[tokio::test]
async fn one_address_leaves_a_place_for_another() {
    let Street { home: _home, shop, ada: _ } = street().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let limits = Limits { connections: 4, ..shop.gateway.settings().limits.clone() };
    let server = tokio::spawn({
        let (service, stop) = (shop.service(), stop.clone());
        async move { serve(listener, service, &limits, stop).await }
    });
    let known = || Call::bare("GET", "/.well-known/mandate.json").request();
    let mut lines = [Line::to(address), Line::to(address), Line::to(address)];
    for line in &mut lines {
        assert_eq!(line.send(known()).await.unwrap().status, 200);
    }
    assert_eq!(answered_to("127.0.0.1", address).await, "", "it has its share");
    assert!(answered_to("127.0.0.2", address).await.starts_with("HTTP/1.1 200 "));
    for line in &mut lines {
        assert_eq!(line.send(known()).await.unwrap().status, 200, "on the same connection");
    }
    stop.cancel();
    drop(lines);
    server.await.unwrap();
}
