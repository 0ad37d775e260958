//! Clients that do not get to the point: they are cut off, and nobody else waits for them longer than that.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mandate_gateway::Limits;
use mandate_tests::gateway::Call;
use mandate_tests::h2::{
    self, END_HEADERS, END_STREAM, WINDOW_UPDATE, hello, hello_without_a_window,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::bound::Came;
use crate::frames;
use crate::street::Street;
use crate::wire::{self, read_some};

/// How many of each kind.
const EACH: usize = 4;
/// How often a client that drips sends a byte.
const DRIP: Duration = Duration::from_millis(40);

/// How often the gateway asks whether anyone is there.
const PING_INTERVAL: Duration = Duration::from_secs(20);

fn rooms() -> Call {
    Call::bare("GET", "/rooms")
}

fn ask(token: &str) -> String {
    format!(
        "GET /rooms HTTP/1.1\r\nHost: lux.example\r\nMandate-Intent: {token}\r\nConnection: close\r\n\r\n"
    )
}

/// What a client sends at once, and then byte by byte for ever.
#[derive(Debug, Clone)]
struct Slow {
    first: Vec<u8>,
    drip: Option<u8>,
}

fn slow_clients(token: &str) -> Vec<Slow> {
    let head =
        format!("POST /check-ins HTTP/1.1\r\nHost: lux.example\r\nMandate-Intent: {token}\r\n");
    let framed = |framing: &str| format!("{head}{framing}\r\n\r\n").into_bytes();
    let field = [(":method", "POST"), (":path", "/check-ins"), (":scheme", "http")];
    let mandate = [("mandate-intent", token)];
    let fields = [&field[..], &mandate].concat();
    let slow = |first: &[u8], drip| Slow { first: first.to_vec(), drip };
    vec![
        slow(b"", None),
        slow(b"", Some(b'G')),
        slow(b"\r\n", Some(b'\n')),
        slow(head.as_bytes(), None),
        slow(head.as_bytes(), Some(b'x')),
        slow(&framed("Content-Length: 1000000"), None),
        slow(&framed("Content-Length: 1000000"), Some(b'x')),
        slow(&framed("Transfer-Encoding: chunked"), Some(b'0')),
        slow(&[&framed("Transfer-Encoding: chunked")[..], b"fffff\r\n"].concat(), Some(b'x')),
        slow(&h2::PREFACE[..10], None),
        slow(h2::PREFACE, None),
        slow(&hello(), None),
        slow(&[hello(), h2::headers(1, 0, &fields)].concat(), None),
        slow(&[hello(), h2::headers(1, END_HEADERS, &fields)].concat(), None),
    ]
}

/// Plays a slow client until the gateway ends it.
async fn play(client: TcpStream, slow: &Slow) {
    let (mut from, mut to) = client.into_split();
    to.write_all(&slow.first).await.ok();
    let mut read = Vec::new();
    let Some(byte) = slow.drip else {
        while read_some(&mut from, &mut read).await {}
        return;
    };
    let mut ticks = tokio::time::interval(DRIP);
    loop {
        tokio::select! {
            is_open = read_some(&mut from, &mut read) => if !is_open { return },
            _ = ticks.tick() => if to.write_all(&[byte]).await.is_err() { return },
        }
    }
}

#[tokio::test]
async fn who_never_gets_to_the_point_is_cut_off() {
    let street = Arc::new(Street::open().await);
    // The API hears nothing of a body that does not come.
    let (_, unfinished) = street.free("check_in", Call::bare("POST", "/check-ins"));
    let mut slow = JoinSet::new();
    let clients = slow_clients(&unfinished);
    for client in clients.iter().flat_map(|client| std::iter::repeat_n(client, EACH)) {
        let (client, address) = (client.clone(), street.front.address);
        slow.spawn(async move { play(TcpStream::connect(address).await.unwrap(), &client).await });
    }
    // Others are served meanwhile, all the time.
    let mut served = 0;
    loop {
        let (bound, token) = street.free("search_rooms", rooms());
        let (came, answers) = street.send(&bound, ask(&token).as_bytes()).await;
        assert_eq!(came, Ok(Came::PassedOn), "{answers:?}");
        served += 1;
        while slow.try_join_next().map(Result::unwrap).is_some() {}
        if slow.is_empty() {
            break;
        }
    }
    assert!(served > 1);
    Arc::into_inner(street).unwrap().close().await;
}

/// A place is taken until its client is cut off; who comes next waits that long and is served.
#[tokio::test]
async fn places_come_back_when_their_clients_are_cut_off() {
    let mut all = JoinSet::new();
    for stalled in slow_clients("x") {
        all.spawn(take_all_places(stalled));
    }
    all.join_all().await;
}

/// A connection of the client with this number, which has an address of its own.
async fn connect_from(client: u32, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let own = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + 1 + client);
    socket.bind(SocketAddr::from((own, 0))).unwrap();
    socket.connect(to).await.unwrap()
}

/// However many connections one client makes, others get one at once, while its own are still open.
#[tokio::test]
async fn one_address_does_not_get_all_places() {
    const PLACES: u32 = 16;
    let patient = Duration::from_secs(60);
    let street = Street::open_with(|limits| Limits {
        connections: PLACES,
        client_timeout: patient,
        ..limits
    })
    .await;
    let mut greedy = Vec::new();
    for _ in 0..2 * PLACES {
        greedy.push(connect_from(0, street.front.address).await);
    }
    // The gateway has seen all of them: the last one is closed unasked, the first is not.
    let mut byte = [0];
    let cut_off = greedy.last_mut().unwrap().read(&mut byte).await;
    assert!(matches!(cut_off, Ok(0) | Err(_)), "{cut_off:?}");
    let (bound, token) = street.free("search_rooms", rooms());
    let (came, answers) = street.send(&bound, ask(&token).as_bytes()).await;
    assert_eq!(came, Ok(Came::PassedOn), "{answers:?}");
    let open = greedy.first().unwrap().try_read(&mut byte).unwrap_err();
    assert_eq!(open.kind(), std::io::ErrorKind::WouldBlock, "{open}");
    drop(greedy);
    street.close().await;
}

async fn take_all_places(stalled: Slow) {
    const PLACES: u32 = 4;
    let street = Street::open_with(|limits| Limits { connections: PLACES, ..limits }).await;
    let mut taken = JoinSet::new();
    for client in 0..PLACES {
        let (stalled, address) = (stalled.clone(), street.front.address);
        // One address alone would not get all.
        taken.spawn(async move { play(connect_from(client, address).await, &stalled).await });
    }
    let (bound, token) = street.free("search_rooms", rooms());
    let (came, answers) = street.send(&bound, ask(&token).as_bytes()).await;
    assert_eq!(came, Ok(Came::PassedOn), "{stalled:?} {answers:?}");
    taken.join_all().await;
    street.close().await;
}

/// Reads one whole answer.
async fn answer(from: &mut OwnedReadHalf) {
    let mut read = Vec::new();
    while !wire::is_whole(&read) {
        assert!(read_some(from, &mut read).await, "no answer");
    }
}

/// After an answer a client has as long for its next request as it had for the first.
#[tokio::test]
async fn who_asks_and_then_says_nothing_is_cut_off() {
    let street = Street::open().await;
    let (mut from, mut to) = TcpStream::connect(street.front.address).await.unwrap().into_split();
    let path = mandate::discovery::PATH;
    let discovery = format!("GET {path} HTTP/1.1\r\nHost: lux.example\r\n\r\n");
    for _ in 0..3 {
        to.write_all(discovery.as_bytes()).await.unwrap();
        answer(&mut from).await;
    }
    assert!(!read_some(&mut from, &mut Vec::new()).await);
    // Over HTTP/2 as well, where an open connection costs a client no more than an answer to a ping now and then.
    let fields = [(":method", "GET"), (":path", path), (":scheme", "http")];
    let asked = h2::headers(1, END_HEADERS | END_STREAM, &fields);
    for hello in [hello(), hello_without_a_window()] {
        let stream = TcpStream::connect(street.front.address).await.unwrap();
        let (mut from, mut to) = stream.into_split();
        to.write_all(&[hello, asked.clone()].concat()).await.unwrap();
        let mut read = Vec::new();
        let ended = async { while read_some(&mut from, &mut read).await {} };
        let in_time = tokio::time::timeout(PING_INTERVAL / 2, ended).await;
        assert!(in_time.is_ok(), "nothing was asked or taken, and the connection stays");
    }
    street.close().await;
}

/// An answer that is left lying is a call under way, whatever else its principal asks on however many connections.
#[tokio::test]
async fn a_call_is_under_way_until_its_answer_is_taken() {
    let patient = Duration::from_secs(60);
    let street =
        Street::open_with(|limits| Limits { in_flight: 2, client_timeout: patient, ..limits })
            .await;
    let address = street.front.address;
    let mut lying = Vec::new();
    for _ in 0..2 {
        let (_, token) = street.free("search_rooms", rooms());
        let fields = [(":method", "GET"), (":path", "/rooms"), (":scheme", "http")];
        let fields = [&fields[..], &[("mandate-intent", token.as_str())]].concat();
        let asked = h2::headers(1, END_HEADERS | END_STREAM, &fields);
        let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
        to.write_all(&[hello_without_a_window(), asked].concat()).await.unwrap();
        let mut read = Vec::new();
        while !frames::has_a_head(&read) {
            assert!(read_some(&mut from, &mut read).await, "no answer");
        }
        lying.push((from, to));
    }
    let ask_again = async || {
        let (_, token) = street.free("search_rooms", rooms());
        let answers = wire::exchange(address, ask(&token).as_bytes()).await;
        (answers[0].status, answers[0].reason())
    };
    let refused = (429, Some("rate_limited".to_owned()));
    assert_eq!(ask_again().await, refused);
    lying.pop();
    // The gateway notices on its own time.
    let taken = async { while ask_again().await == refused.clone() {} };
    tokio::time::timeout(patient, taken).await.unwrap();
    drop(lying);
    street.close().await;
}

/// Whatever else its client asks on the same connection, and takes: what the answer held is free again, the rest goes on.
#[tokio::test]
async fn an_answer_that_is_left_lying_is_given_up_alone() {
    let street = Street::open_with(|limits| Limits { in_flight: 1, ..limits }).await;
    let (_, token) = street.free("search_rooms", rooms());
    let room = |stream, bytes: u32| h2::frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
    let get = |stream, path, more: &[(&str, &str)]| {
        let fields = [(":method", "GET"), (":path", path), (":scheme", "http")];
        h2::headers(stream, END_HEADERS | END_STREAM, &[&fields[..], more].concat())
    };
    let (mut from, mut to) = TcpStream::connect(street.front.address).await.unwrap().into_split();
    let lying = get(1, "/rooms", &[("mandate-intent", token.as_str())]);
    to.write_all(&[hello_without_a_window(), lying].concat()).await.unwrap();
    let mut read = Vec::new();
    while !frames::has_a_head(&read) {
        assert!(read_some(&mut from, &mut read).await, "no answer");
    }
    let mut refused = 0;
    let given_up = async {
        for stream in (3..).step_by(2) {
            let asked = get(stream, "/.well-known/mandate.json", &[]);
            let asked = [asked, room(stream, 1 << 20), room(0, 1 << 16)].concat();
            to.write_all(&asked).await.unwrap();
            assert!(read_some(&mut from, &mut read).await, "the connection was cut off");
            let (_, token) = street.free("search_rooms", rooms());
            let answers = wire::exchange(street.front.address, ask(&token).as_bytes()).await;
            if answers[0].status == 200 {
                return;
            }
            assert_eq!(answers[0].reason().as_deref(), Some("rate_limited"));
            refused += 1;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), given_up).await.unwrap();
    assert!(refused > 0, "the answer held nothing");
    street.close().await;
}

/// The API may take longer for an answer, and for the rest of one, than a client may for its next request.
#[tokio::test]
async fn an_answer_may_take_its_time() {
    let street = Street::open().await;
    let (_, token) = street.free("search_rooms", rooms());
    let gate = street.api.script_parts(vec![
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n".to_vec(),
        b"{}".to_vec(),
        b"{}".to_vec(),
    ]);
    let (mut from, mut to) = TcpStream::connect(street.front.address).await.unwrap().into_split();
    to.write_all(ask(&token).as_bytes()).await.unwrap();
    let mut read = Vec::new();
    for _ in 0..3 {
        // Whoever came later and said nothing is cut off before.
        let client = TcpStream::connect(street.front.address).await.unwrap();
        play(client, &Slow { first: Vec::new(), drip: None }).await;
        gate.send(()).unwrap();
        assert!(read_some(&mut from, &mut read).await, "{read:?}");
    }
    while !wire::is_whole(&read) {
        assert!(read_some(&mut from, &mut read).await, "{read:?}");
    }
    street.close().await;
}
