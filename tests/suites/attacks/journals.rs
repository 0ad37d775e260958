//! Clocks and logs: what is dated otherwise, or says two things, or was put back.

use std::fs;
use std::path::Path;

use mandate_host::clock::wall_clock;
use mandate_tests::gateway::{Ask, Call, Payer};

use crate::street::{Street, ask, booking, met, refused};

pub async fn intent_of_tomorrow(street: &mut Street) -> String {
    let bob = Payer::new([0x42; 32]);
    let then = wall_clock().plus(86_400);
    let early = bob.intent(&street.merchant.merchant(), &Ask::one("search_rooms"), then);
    met(&street.send(Call::bare("GET", "/rooms").with("mandate-intent", early.as_str())).await)
}

/// The wallet's owner has its key, and shows two merchants, or one at two times, two logs of one size.
pub async fn two_logs_of_one_size(street: &mut Street) -> String {
    let bob = Payer::new([0x51; 32]);
    let here = street.merchant.merchant();
    let claims = || bob.intent_claims(&here, &Ask::one("search_rooms"), wall_clock());
    let size = 1_000;
    let call = Call::bare("GET", "/rooms");
    let first = bob.sign_at::<mandate::Intent>(&claims(), size);
    assert_eq!(street.send(call.with("mandate-intent", first.as_str())).await.status, 201);
    let head = mandate::Head { size, root: mandate::Root::of(b"another history") };
    let key = mandate_keys::SigningKey::from_seed(mandate_keys::Seed::copy_from(&[0x51; 32]));
    let second = mandate_tests::gateway::sign_with::<mandate::Intent>(&claims(), head, &key);
    met(&street.send(call.with("mandate-intent", second.as_str())).await)
}

/// The merchant has its key, and shows the wallet two logs of one size.
pub async fn merchant_of_two_logs(street: &mut Street) -> String {
    let (first, second) = (street.flight().await, street.flight().await);
    let fork = street.home.rival.fork();
    let cart = street.rivals(&first, "9.00 EUR", |_| ());
    street.pay(cart.as_str()).await.unwrap();
    let total = "9.00 EUR".parse().unwrap();
    let claims = fork.cart(&second, "a flight".parse().unwrap(), total, wall_clock()).unwrap();
    let forked = fork.sign_cart(&claims).unwrap();
    refused(street.pay(forked.as_str()).await)
}

/// Puts the database of one folder into another; whatever was there is gone.
fn copy(name: &str, from: &Path, to: &Path) {
    for name in [name.to_owned(), format!("{name}-wal")] {
        if to.join(&name).exists() {
            fs::remove_file(to.join(&name)).unwrap();
        }
        if from.join(&name).exists() {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

/// Yesterday's and today's copy of a database.
struct Copies {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Copies {
    fn new(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for day in ["yesterday", "today"] {
            fs::create_dir(folder.path().join(day)).unwrap();
        }
        Self { folder, name }
    }

    fn keep(&self, day: &str, from: &Path) {
        copy(self.name, from, &self.folder.path().join(day));
    }

    fn put_back(&self, day: &str, to: &Path) {
        copy(self.name, &self.folder.path().join(day), to);
    }
}

/// Whoever can write to the wallet's disk puts yesterday's ledger back, so that today's payments never were.
pub async fn wallet_put_back(street: &mut Street) -> String {
    let copies = Copies::new("wallet.db");
    street.stop().await;
    let state = street.home.paths.state_dir().to_owned();
    copies.keep("yesterday", &state);
    street.start().await;
    let (call, payment) = street.paid().await;
    street.present(&call, &payment).await;
    street.stop().await;
    copies.keep("today", &state);
    copies.put_back("yesterday", &state);
    street.start().await;
    let answer = refused(street.intent(ask("book_room")).await);
    street.stop().await;
    copies.put_back("today", &state);
    street.start().await;
    answer
}

/// The same with the gateway's book, so that a used payment is unused.
pub async fn gateway_put_back(street: &mut Street) -> String {
    let copies = Copies::new("gateway.db");
    street.stop().await;
    let state = street.merchant.state_dir();
    copies.keep("yesterday", &state);
    street.start().await;
    let (call, payment) = street.paid().await;
    assert_eq!(street.present(&call, &payment).await.status, 201);
    street.stop().await;
    copies.keep("today", &state);
    copies.put_back("yesterday", &state);
    street.start().await;
    // It never becomes ready to sign, so its refusal is the answer.
    let request = call.with("mandate-payment", payment.as_str());
    let answered = street.line.send(request.clone()).await.expect("an answer");
    street.stop().await;
    copies.put_back("today", &state);
    street.start().await;
    let again = street.send(request).await;
    assert_eq!(street.receipt(&again).claims().payment, Some(payment.hash()));
    met(&answered)
}

/// A crash between payment and receipt is no second purchase.
pub async fn restart_to_pay_twice(street: &mut Street) -> String {
    let cart = street.quote(&booking()).await;
    let first = street.pay(cart.as_str()).await.unwrap();
    street.stop().await;
    street.start().await;
    let second = street.pay(cart.as_str()).await.unwrap();
    assert_eq!(first.as_str(), second.as_str());
    assert_eq!(street.present(&booking(), &first).await.status, 201);
    let answered = street.present(&booking(), &second).await;
    format!("{} with the first receipt", met(&answered))
}
