//! A cart is paid only if it is the answer to its intent, under a key that is listed when it is paid.

use std::sync::Arc;

use mandate::token::{CapClaim, VerifyError};
use mandate::{
    Cart, CartClaims, Head, Intent, Mandate, Quantity, RequestDigest, Root, UnixSeconds,
};
use mandate_ledger::{IntentAsk, Outcome, Redeemed, Refusal};
use mandate_policy::Rules;
use mandate_tests::parties::{Parties, WARES, caller, money};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, NoUsers, Wallet, fresh_jti, one_of, reading, rules};
use mandate_tests::{LUX, RIVAL};
use tempfile::TempDir;

const PRICE: u64 = 1_000;
/// Open payments that an agent may have.
const UNSETTLED: u64 = 16;

struct Shop {
    wallet: Wallet,
    _folder: TempDir,
}

fn shop(caps: Vec<Cap>) -> Shop {
    let (folder, wallet) = Wallet::fresh([4; 32], UNSETTLED, caps);
    Shop { wallet, _folder: folder }
}

fn caps() -> Vec<Cap> {
    vec![Cap::spend("day", ("EUR", 100_000))]
}

impl Shop {
    /// An intent for one HTTP request.
    async fn intent(&self) -> Mandate<Intent> {
        let ask =
            IntentAsk { request: Some(RequestDigest::of(b"POST /rooms")), ..one_of(WARES[0]) };
        let (now, by) = (reading(MORNING), caller("travel"));
        let minted = self.wallet.ledger.mint_intent(now, &by, ask, fresh_jti()).await.unwrap();
        let Outcome::Granted(permit) = minted else { panic!("{minted:?}") };
        let Redeemed::Signed(intent) = self.wallet.sign(permit) else { panic!("not signed") };
        intent
    }

    fn claims(&self, intent: &Mandate<Intent>) -> CartClaims {
        let (title, total) = ("a room".parse().unwrap(), money(("EUR", PRICE)));
        self.wallet.parties.lux.cart(intent, title, total, reading(MORNING).wall).unwrap()
    }

    async fn refused(&self, cart: &Mandate<Cart>) -> Option<Refusal> {
        let (now, by) = (reading(MORNING), caller("travel"));
        match self.wallet.ledger.reserve(now, &by, cart.clone(), fresh_jti()).await.unwrap() {
            Outcome::Granted(_) => None,
            Outcome::Denied(refusal) => Some(refusal),
        }
    }
}

#[tokio::test]
async fn a_cart_that_is_not_the_answer_to_its_intent_is_not_paid() {
    type Change = fn(&mut CartClaims);
    let changes: [(&str, Change); 6] = [
        ("aud", |claims| claims.aud = "ada".parse().unwrap()),
        ("act", |claims| claims.act = "errands".parse().unwrap()),
        ("action.sku", |claims| claims.action.sku = "cancel_room".parse().unwrap()),
        ("action.quantity", |claims| {
            claims.action.quantity = Quantity::new(2).unwrap();
            claims.line_items[0].quantity = Quantity::new(2).unwrap();
        }),
        ("action.request", |claims| claims.action.request = RequestDigest::of(b"DELETE /rooms")),
        ("peer_log", |claims| {
            claims.peer_log = Head { root: Root::from_bytes([1; 32]), ..claims.peer_log };
        }),
    ];
    let shop = shop(caps());
    let intent = shop.intent().await;
    for (field, change) in changes {
        let mut claims = shop.claims(&intent);
        change(&mut claims);
        let cart = shop.wallet.parties.lux.sign_cart(&claims).unwrap();
        assert_eq!(shop.refused(&cart).await, Some(Refusal::CartMismatch { field }));
    }
    // Nor does another listed merchant sell what this one was asked for.
    let claims = CartClaims { iss: RIVAL.parse().unwrap(), ..shop.claims(&intent) };
    let cart = shop.wallet.parties.rival.sign_cart(&claims).unwrap();
    assert_eq!(shop.refused(&cart).await, Some(Refusal::CartMismatch { field: "iss" }));
    assert_eq!(shop.wallet.spent(reading(MORNING)).await, [(0, 0)]);
    let cart = shop.wallet.parties.lux.sign_cart(&shop.claims(&intent)).unwrap();
    let payment = shop.wallet.pay(reading(MORNING), "travel", &cart).await.unwrap();
    shop.wallet.check(reading(MORNING), &[payment]).await;
}

/// A reload may come between the check of a cart's signature and its payment.
#[tokio::test]
async fn a_cart_of_whom_the_rules_no_longer_list_is_not_paid() {
    let mut shop = shop(caps());
    let intent = shop.intent().await;
    let cart = shop.wallet.parties.lux.sign_cart(&shop.claims(&intent)).unwrap();
    let other = Parties::new([4; 32]);
    let obey = async |shop: &mut Shop, rules: Rules| {
        shop.wallet.know(rules.digest(), caps());
        shop.wallet.ledger.reload(reading(MORNING), Arc::new(rules)).await.unwrap();
    };
    obey(&mut shop, rules(&other, &PARIS, UNSETTLED, &caps())).await;
    let unknown = VerifyError::KeyUnknown { kid: *cart.kid() };
    assert_eq!(shop.refused(&cart).await, Some(Refusal::CartSignatureInvalid(unknown)));
    let text = shop.wallet.parties.toml(&PARIS, UNSETTLED, &caps());
    let renamed = text.replace(LUX, "lux-motels");
    obey(&mut shop, Rules::parse(&renamed, &NoUsers).unwrap()).await;
    let merchant = LUX.parse().unwrap();
    assert_eq!(shop.refused(&cart).await, Some(Refusal::MerchantNotAllowed { merchant }));
    obey(&mut shop, Rules::parse(&text, &NoUsers).unwrap()).await;
    let payment = shop.wallet.pay(reading(MORNING), "travel", &cart).await.unwrap();
    shop.wallet.check(reading(MORNING), &[payment]).await;
}

#[tokio::test]
async fn a_merchant_is_told_the_caps_about_it_and_when_they_count() {
    let shop = shop(vec![
        Cap::spend("day", ("EUR", 9_000)),
        Cap { about: [None, Some(LUX), None], ..Cap::spend("payment", ("EUR", 8_000)) },
        Cap { about: [None, Some(LUX), None], ..Cap::spend("day", ("EUR", 7_000)) },
        Cap { about: [Some("travel"), Some(LUX), Some("book_room")], ..Cap::count("90m", 6) },
        Cap { about: [None, Some(RIVAL), None], ..Cap::spend("day", ("EUR", 5_000)) },
        Cap { about: [None, Some(LUX), None], ..Cap::spend("day", ("JPY", 4_000)) },
    ]);
    // A trailing window is told from its exact second on.
    let at = MORNING + 17;
    let payment = shop.wallet.buy(reading(at), "travel", WARES[0], ("EUR", PRICE)).await.unwrap();
    let moment = |seconds| UnixSeconds::new(seconds).unwrap();
    let day = money(("EUR", 7_000));
    assert_eq!(
        payment.claims().caps,
        [
            CapClaim {
                currency: Some(day.currency),
                max: Some(day.amount),
                count: None,
                from: moment(MORNING - 11 * 3_600),
                until: Some(moment(MORNING + 13 * 3_600)),
                action: None,
                agent: None,
            },
            CapClaim {
                currency: None,
                max: None,
                count: Some(6),
                from: moment(at - 90 * 60),
                until: None,
                action: Some("book_room".parse().unwrap()),
                agent: Some("travel".parse().unwrap()),
            },
        ]
    );
}
