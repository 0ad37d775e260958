//! Tokens that nobody signed, or somebody else, or as something else.

use data_encoding::BASE64URL_NOPAD;
use mandate::{MinorUnits, Payment, Status};
use mandate_host::clock::wall_clock;
use mandate_keys::{Seed, SigningKey};
use mandate_tests::gateway::{Ask, Payer, sign_with};
use mandate_tests::random::Random;
use sha2::{Digest as _, Sha512};

use crate::street::{Street, ask, booking, met, refused, segments, tampered};

/// Which bit of a signature is flipped.
const SEED: &str = "MANDATE_ATTACKS_SEED";

/// Bytes in a block of SHA-512.
const BLOCK_BYTES: usize = 128;

/// HMAC-SHA512 (RFC 2104) under a key of at most a block.
fn hmac_sha512(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| {
        let mut block = [byte; BLOCK_BYTES];
        block.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        block
    };
    let inner = Sha512::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha512::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

/// A real payment under another header, with what `sign` makes of header and claims for a signature.
async fn under_header(
    street: &mut Street,
    change: impl Fn(&str) -> String,
    sign: impl Fn(&Street, &[u8]) -> Vec<u8>,
) -> String {
    let (call, payment) = street.paid().await;
    let [header, payload, _] = segments(payment.as_str());
    let header = String::from_utf8(BASE64URL_NOPAD.decode(header.as_bytes()).unwrap()).unwrap();
    let changed = change(&header);
    assert_ne!(header, changed);
    let message = format!("{}.{payload}", BASE64URL_NOPAD.encode(changed.as_bytes()));
    let signature = BASE64URL_NOPAD.encode(&sign(street, message.as_bytes()));
    let answered =
        street.send(call.with("mandate-payment", &format!("{message}.{signature}"))).await;
    met(&answered)
}

pub async fn claims_changed(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let forged = tampered(payment.as_str(), r#""amount":900"#, r#""amount":1"#);
    met(&street.send(call.with("mandate-payment", &forged)).await)
}

pub async fn bit_flipped(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let [header, payload, signature] = segments(payment.as_str());
    let mut bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let seed = Random::seed(SEED);
    eprintln!("{SEED}={seed}");
    let bit = Random::new(seed).below(512);
    bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
    let forged = format!("{header}.{payload}.{}", BASE64URL_NOPAD.encode(&bytes));
    met(&street.send(call.with("mandate-payment", &forged)).await)
}

pub async fn alg_none(street: &mut Street) -> String {
    under_header(street, |header| header.replace("EdDSA", "none"), |_, _| Vec::new()).await
}

pub async fn alg_none_with_64_bytes(street: &mut Street) -> String {
    under_header(street, |header| header.replace("EdDSA", "none"), |_, _| vec![0; 64]).await
}

/// The public key is no secret, and a verifier that takes it for one is open to all.
pub async fn public_key_as_a_secret(street: &mut Street) -> String {
    under_header(
        street,
        |header| header.replace("EdDSA", "HS512"),
        |street, message| hmac_sha512(street.home.key.as_bytes(), message),
    )
    .await
}

fn own_key() -> SigningKey {
    SigningKey::from_seed(Seed::copy_from(&[0x66; 32]))
}

pub async fn key_in_the_header(street: &mut Street) -> String {
    use mandate::Signer as _;
    let x = own_key().public_key().x();
    let jwk = format!(r#"{{"jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}},"#);
    under_header(
        street,
        |header| header.replacen('{', &jwk, 1),
        |_, message| own_key().sign(message).unwrap().as_bytes().to_vec(),
    )
    .await
}

pub async fn extension_in_the_header(street: &mut Street) -> String {
    use mandate::Signer as _;
    under_header(
        street,
        |header| header.replacen('{', r#"{"b64":false,"crit":["b64"],"#, 1),
        |_, message| own_key().sign(message).unwrap().as_bytes().to_vec(),
    )
    .await
}

/// A wallet of the attacker's signs in the principal's name.
async fn in_the_principals_name(street: &mut Street, key: &SigningKey) -> String {
    let intent = street.intent(ask("book_room")).await.unwrap();
    let cart = street.quoted(&booking(), &intent).await;
    let mut claims = Payer::new([0x66; 32]).payment_claims(&cart, wall_clock());
    claims.iss = street.home.principal();
    let forged = sign_with::<Payment>(&claims, intent.head(), key);
    met(&street.present(&booking(), &forged).await)
}

pub async fn another_key(street: &mut Street) -> String {
    in_the_principals_name(street, &own_key()).await
}

/// The merchant pays itself.
pub async fn merchants_key(street: &mut Street) -> String {
    let key = street.merchant.signing_key();
    in_the_principals_name(street, &key).await
}

pub async fn intent_as_a_payment(street: &mut Street) -> String {
    let intent = street.intent(ask("book_room")).await.unwrap();
    met(&street.send(booking().with("mandate-payment", intent.as_str())).await)
}

pub async fn cart_as_a_payment(street: &mut Street) -> String {
    let cart = street.quote(&booking()).await;
    met(&street.send(booking().with("mandate-payment", cart.as_str())).await)
}

pub async fn payment_as_a_cart(street: &mut Street) -> String {
    let (_, payment) = street.paid().await;
    refused(street.pay(payment.as_str()).await)
}

pub async fn cart_of_nobody(street: &mut Street) -> String {
    let bob = Payer::new([0x42; 32]);
    let intent = bob.intent(&street.merchant.merchant(), &Ask::one("book_room"), wall_clock());
    let cart = street.quoted(&booking(), &intent).await;
    let mut claims = bob.payment_claims(&cart, wall_clock());
    claims.cart = mandate::CartHash::of(b"a cart that was never made");
    let payment = bob.sign::<Payment>(&claims);
    met(&street.present(&booking(), &payment).await)
}

pub async fn less_than_the_cart(street: &mut Street) -> String {
    let bob = Payer::new([0x42; 32]);
    let intent = bob.intent(&street.merchant.merchant(), &Ask::one("book_room"), wall_clock());
    let cart = street.quoted(&booking(), &intent).await;
    let mut claims = bob.payment_claims(&cart, wall_clock());
    claims.total.amount = MinorUnits::new(1).unwrap();
    let payment = bob.sign::<Payment>(&claims);
    met(&street.present(&booking(), &payment).await)
}

pub async fn void_by_another_merchant(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let hotel = street.merchant.merchant();
    let mut claims =
        street.home.rival.void(&payment, "full".parse().unwrap(), wall_clock()).unwrap();
    claims.iss = hotel;
    let forged = street.home.rival.sign_receipt(&claims).unwrap();
    let met = refused(street.hand_in(forged.as_str()).await);
    assert_eq!(street.present(&call, &payment).await.status, 201);
    met
}

pub async fn executed_turned_into_void(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let answered = street.present(&call, &payment).await;
    let receipt = street.receipt(&answered);
    let forged = tampered(receipt.as_str(), r#""amount":900"#, r#""amount":0"#);
    let forged = tampered(
        &forged,
        r#""status":"executed","order":"A-1""#,
        r#""status":"void","reason":"full""#,
    );
    refused(street.hand_in(&forged).await)
}

/// The merchant's own doing: it executes, says so, and takes it back.
pub async fn void_after_executed(street: &mut Street) -> String {
    let intent = street.flight().await;
    let cart = street.rivals(&intent, "9.00 EUR", |_| ());
    let payment = street.pay(cart.as_str()).await.unwrap();
    let rival = &street.home.rival;
    let now = wall_clock();
    let executed = rival.executed(&payment, "R-1".parse().unwrap(), now).unwrap();
    let executed = rival.sign_receipt(&executed).unwrap();
    let void = rival.void(&payment, "taken back".parse().unwrap(), now).unwrap();
    assert_eq!(void.status, Status::Void);
    let void = rival.sign_receipt(&void).unwrap();
    assert_eq!(street.hand_in(executed.as_str()).await.unwrap(), "executed");
    refused(street.hand_in(void.as_str()).await)
}
