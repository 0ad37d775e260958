//! The vectors of `tests/vectors/http`: one request a file, one fault a request, and what comes of it everywhere.
//!
//! The request goes over TCP to the gateway and on to an API on another socket. The answer, what the API heard and what
//! the journal keeps have to be exactly what the file says.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use mandate_gateway::book::event::{Event, Refusal};
use mandate_gateway::{Limits, Reason, Settings};
use mandate_journal::Entry;
use mandate_tests::gateway::{Answered, Ask, Call, GatewayHome, Reaction, Shop};

use crate::fill::{Filled, Minted, Token, fill, payer};
use crate::front::{Front, serve_api};
use crate::vector::{Became, Given, Journal, Says, Upstream, Vector};
use crate::wire;

/// How many vectors are played at once.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_vector_is_answered_as_it_says() {
    let mut files = files();
    let mut seen: BTreeMap<&str, u32> = Reason::ALL.map(|reason| (reason.as_str(), 0)).into();
    for (name, text) in &files {
        let vector = Vector::parse(text);
        let is_valid = (200..300).contains(&vector.status);
        assert_eq!(is_valid, name.starts_with("valid"), "{name}");
        assert_eq!(is_valid, vector.reason.is_none(), "{name}");
        if let Some(reason) = vector.reason {
            assert_eq!(reason.status(), vector.status, "{name}");
            *seen.get_mut(reason.as_str()).unwrap() += 1;
        }
    }
    let unseen: Vec<_> = seen.iter().filter(|(_, files)| **files == 0).collect();
    assert!(unseen.is_empty(), "no vector shows {unseen:?}");

    let mut wrong = Vec::new();
    while !files.is_empty() {
        let rest = files.split_off(files.len().saturating_sub(AT_ONCE));
        let played: Vec<_> = rest
            .into_iter()
            .map(|(name, text)| (name, tokio::spawn(async move { play(&text).await })))
            .collect();
        for (name, played) in played {
            match played.await {
                Ok(Ok(())) => {}
                Ok(Err(found)) => wrong.push(format!("{name}: {found}")),
                Err(error) => wrong.push(format!("{name}: {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/http");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.map(|path| {
        assert_eq!(path.extension().unwrap(), "txt", "{} is no vector", path.display());
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    });
    files.collect()
}

/// What is known before the request is sent.
struct Before {
    entries: usize,
    heard: usize,
    quoted: usize,
}

/// Plays one vector from an empty book on.
async fn play(text: &str) -> Result<(), String> {
    let vector = Vector::parse(text);
    let (home, ada, bob) = (GatewayHome::new(), payer("ada"), payer("bob"));
    let settings = home.settings([&ada, &bob]);
    let in_flight =
        if vector.given.contains(&Given::UnderWay) { 1 } else { settings.limits.in_flight };
    let limits = Limits { in_flight, ..settings.limits.clone() };
    let front =
        Front::open(&home, Settings { limits, ..settings }, serve_api(home.api.clone()).await)
            .await;
    let shop = &front.shop;
    let filled = fill(shop, front.address, vector.request).await;
    let held = prepare(shop, &vector, filled.minted.last()).await;
    match vector.api.clone() {
        Some(Says::Quote(quote)) => shop.api.script_quotes([quote]),
        Some(Says::Call(reaction)) => shop.api.script([reaction]),
        None => {}
    }
    let before = Before {
        entries: shop.entries().len(),
        heard: shop.api.heard().len(),
        quoted: shop.api.quoted().len(),
    };
    let answers = wire::exchange(front.address, &filled.bytes).await;
    drop(held);
    let shop = front.close().await;
    let found =
        catch_unwind(AssertUnwindSafe(|| judge(&shop, &vector, &before, &filled, &answers)));
    shop.gateway.supply(home.key().clone()).unwrap();
    shop.check().await;
    let sent = String::from_utf8_lossy(&filled.bytes[..filled.bytes.len().min(4_096)]);
    found.map_err(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
        format!("{}\n--- sent\n{sent}\n--- answered\n{answers:?}", said.unwrap_or_default())
    })
}

fn judge(shop: &Shop, vector: &Vector<'_>, before: &Before, filled: &Filled, answers: &[Answered]) {
    let [answered] = answers else { panic!("{} answers", answers.len()) };
    assert!(answered.whole, "half an answer");
    let reason = vector.reason.map(|reason| reason.as_str().to_owned());
    assert_eq!((answered.status, answered.reason()), (vector.status, reason));
    if let Some(problem) = answered.problem() {
        assert_problem(vector.status, &problem);
    }
    let (heard, quoted) = (shop.api.heard(), shop.api.quoted());
    let (calls, quotes) = (&heard[before.heard..], &quoted[before.quoted..]);
    let expected = match vector.upstream {
        Upstream::None => (0, 0),
        Upstream::Quote => (1, 0),
        Upstream::Call => (0, 1),
    };
    assert_eq!((quotes.len(), calls.len()), expected, "questions and calls that the API heard");
    let entries = shop.entries();
    let (refusals, proofs) = refusals(&entries[before.entries..]);
    assert_eq!(proofs.len(), usize::from(vector.journal == Journal::Equivocation));
    match (vector.journal, refusals.as_slice(), filled.minted.last()) {
        (Journal::Equivocation, [], Some(minted)) => assert_eq!(proofs, [minted.token.as_str()]),
        (Journal::Nothing, [], _) => {}
        (Journal::Refusal, [written], Some(minted)) => {
            assert_eq!(Some(written.reason), vector.reason);
            assert_eq!(written.mandate, minted.token.as_str());
        }
        (_, written, _) => panic!("the journal keeps {written:?}"),
    }
    if let Some(expected) = vector.reason.and_then(is_written) {
        assert_eq!(vector.journal == Journal::Refusal, expected, "the file says it otherwise");
    }
}

/// Whether a refusal for this reason is written down: whether the mandate verified and the caller is at fault. `None`
/// where that depends on what else is in the request.
fn is_written(reason: Reason) -> Option<bool> {
    match reason {
        // Before the signature is checked, or without any mandate.
        Reason::ClaimsInvalid
        | Reason::HeaderInvalid
        | Reason::IssuerUnknown
        | Reason::MandateRequired
        | Reason::ReceiptUnknown
        | Reason::RoleInvalid
        | Reason::RouteUnknown
        | Reason::SignatureInvalid => Some(false),
        // Not the caller's fault, or not yet decided.
        Reason::InProgress
        | Reason::NotExpired
        | Reason::PaymentRequired
        | Reason::RateLimited
        | Reason::Unavailable
        | Reason::UpstreamFailed => Some(false),
        Reason::AlreadyUsed
        | Reason::AudienceMismatch
        | Reason::CartUnknown
        | Reason::Expired
        | Reason::NotYetValid
        | Reason::OverCap
        | Reason::PriceMismatch
        | Reason::RequestMismatch
        | Reason::ScopeMismatch => Some(true),
        _ => None,
    }
}

fn assert_problem(status: u16, problem: &serde_json::Value) {
    let members = problem.as_object().expect("an object");
    assert_eq!(members["type"], "about:blank");
    assert_eq!(members["status"], status);
    for text in ["title", "reason", "detail"] {
        assert!(members[text].as_str().is_some_and(|text| !text.is_empty()), "no {text}");
    }
    let own = ["type", "title", "status", "reason", "detail", "cart", "receipt"];
    let other: Vec<_> = members.keys().filter(|key| !own.contains(&key.as_str())).collect();
    assert!(other.is_empty(), "{other:?}");
    assert_eq!(members.contains_key("cart"), status == 402);
    assert_eq!(members.contains_key("receipt"), members["reason"] == "already_used");
}

/// The refusals in these entries, and the newer token of each contradiction.
fn refusals(entries: &[Vec<u8>]) -> (Vec<Refusal>, Vec<String>) {
    let (mut refusals, mut proofs) = (Vec::new(), Vec::new());
    for bytes in entries {
        match Event::parse(&Entry::parse(bytes).unwrap()).unwrap() {
            Event::Refusal(refusal) => refusals.push(refusal),
            Event::Equivocation(found) => proofs.push(found.token),
            _ => {}
        }
    }
    (refusals, proofs)
}

/// Brings about what is given; calls that are under way end when the result is dropped.
async fn prepare(
    shop: &Shop,
    vector: &Vector<'_>,
    minted: Option<&Minted>,
) -> Option<mandate_tests::gateway::Held> {
    let mut held = None;
    for given in &vector.given {
        let minted = || minted.expect("it is about a token");
        match given {
            Given::Quoted => {
                assert_eq!(present(shop, minted()).await.status, 402);
            }
            Given::Presented(became) => {
                script(shop, *became);
                present(shop, minted()).await;
            }
            Given::Another(became) => another(shop, minted(), *became).await,
            Given::Sale => {
                let payment = shop.pay(&payer("ada"), &Ask::one("book_room"), &booking()).await;
                assert_eq!(shop.send_payment(&booking(), &payment).await.status, 200);
            }
            Given::Fork => assert_eq!(fork(shop, minted().token.size()).await.status, 200),
            Given::Forked => {
                let size = minted().token.size() + 1;
                assert_eq!(fork(shop, size).await.status, 200);
                assert_eq!(fork(shop, size).await.status, 403);
            }
            Given::UnderWay => {
                let rooms = Call::bare("GET", "/rooms");
                let ask = Ask::one("search_rooms");
                let intent = payer("ada").intent(shop.merchant(), &ask, shop.clock.now());
                held = Some(shop.api.hold());
                tokio::spawn(shop.send_intent(&rooms, &intent));
                shop.api.arrived(1).await;
            }
            Given::Seconds(seconds) => shop.clock.pass(*seconds),
            Given::ClockBack => {
                let back = shop.clock.now().seconds() - 10;
                shop.clock.set(mandate::UnixSeconds::new(back).unwrap());
            }
            Given::NoKey => {
                shop.gateway.lock().await.unwrap();
                assert!(shop.gateway.unlock().await.unwrap().is_some(), "no store has it");
            }
            Given::Distrusted => shop.gateway.book().distrust("a test says so".to_owned()),
        }
    }
    held
}

fn script(shop: &Shop, became: Became) {
    shop.api.script([match became {
        Became::Executed => Reaction::executed("A-1"),
        Became::Reserved => Reaction::refused(500),
        Became::Void => Reaction::refused(422),
    }]);
}

async fn present(shop: &Shop, minted: &Minted) -> Answered {
    match &minted.token {
        Token::Intent(intent) => shop.send_intent(&minted.call, intent).await,
        Token::Payment(payment) => shop.send_payment(&minted.call, payment).await,
    }
}

/// Another payment for the intent that is behind a token.
async fn another(shop: &Shop, minted: &Minted, became: Became) {
    let ada = payer("ada");
    let other = match &minted.token {
        Token::Intent(intent) => {
            let cart = shop.send_intent(&minted.call, intent).await.cart(&shop.keys);
            ada.pay(&cart.expect("a cart"), shop.clock.now())
        }
        Token::Payment(payment) => {
            let jti = mandate_tests::wallet::fresh_jti();
            ada.sign(&mandate::PaymentClaims { jti, ..payment.claims().clone() })
        }
    };
    script(shop, became);
    shop.send_payment(&minted.call, &other).await;
}

/// Uses a fresh intent that is the last entry of a log of this size.
async fn fork(shop: &Shop, size: u64) -> Answered {
    let (ada, ask) = (payer("ada"), Ask::one("search_rooms"));
    let claims = ada.intent_claims(shop.merchant(), &ask, shop.clock.now());
    let intent = ada.sign_at::<mandate::Intent>(&claims, size);
    shop.send_intent(&Call::bare("GET", "/rooms"), &intent).await
}

fn booking() -> Call {
    Call::json("POST", "/bookings", r#"{"nights":2}"#)
}
