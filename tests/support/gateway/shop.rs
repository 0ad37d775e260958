//! A gateway in this process, open for business.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mandate::discovery::RECEIPTS_PATH;
use mandate::{
    Cart, Intent, KeySet, Mandate, MerchantId, MerchantRole, Payment, PolicyDigest, Receipt, Status,
};
use mandate_gateway::book::Book;
use mandate_gateway::{Gated, Gateway, GatewayLayer, Settings};
use mandate_journal::{Options, StoreError, WriteError};
use tempfile::TempDir;
use tower::{Layer as _, ServiceExt as _};

use super::answered::Answered;
use super::api::Api;
use super::call::Call;
use super::home::GatewayHome;
use super::invariants::{Sale, SaleState, check_entries, check_heard};
use super::payer::{Ask, Payer};
use crate::{TestClock, alone};

/// A gateway over the book of a home, and the API of that home behind it.
#[derive(Debug)]
pub struct Shop {
    /// The gateway.
    pub gateway: Gateway,
    /// What stands behind it.
    pub api: Api,
    /// Its time.
    pub clock: TestClock,
    /// What carts and receipts are verified under.
    pub keys: KeySet<MerchantRole>,
    merchant: MerchantId,
    service: Gated<Api>,
    receipts: Arc<Mutex<BTreeMap<String, String>>>,
    _folder: Arc<TempDir>,
}

impl Shop {
    pub(super) async fn open(home: &GatewayHome, settings: Settings, options: Options) -> Self {
        let locking = alone();
        let (book, _died) = Book::open(home.folder(), options).expect("a book");
        drop(locking);
        let gateway = Gateway::new(book, settings.clone(), Arc::new(home.clock.clone()));
        gateway.supply(home.key().clone()).expect("the key of the book");
        let owner = gateway.in_force().standing().owner;
        gateway.reload(settings, owner).await.expect("an answer");
        let service = GatewayLayer::new(gateway.clone()).layer(home.api.clone());
        let shop = Self {
            gateway,
            api: home.api.clone(),
            clock: home.clock.clone(),
            keys: home.keys(),
            merchant: home.merchant(),
            service,
            receipts: Arc::clone(&home.receipts),
            _folder: Arc::clone(&home.folder),
        };
        shop.verify();
        shop
    }

    /// Puts settings in force, whoever owns the file of the last ones.
    ///
    /// # Errors
    ///
    /// As [`Gateway::reload`].
    pub async fn reload(&self, settings: Settings) -> Result<PolicyDigest, WriteError> {
        let owner = self.gateway.in_force().standing().owner;
        self.gateway.reload(settings, owner).await
    }

    /// The gateway with the API behind it, to put behind a server.
    #[must_use]
    pub fn service(&self) -> Gated<Api> {
        self.service.clone()
    }

    /// Sends one request and reads its answer to the end. The future lives on its own.
    ///
    /// # Panics
    ///
    /// If a receipt in the answer does not verify, or differs from one that was handed out before for the same use.
    pub fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Answered> + Send + use<> {
        let (service, keys) = (self.service.clone(), self.keys.clone());
        let receipts = Arc::clone(&self.receipts);
        async move {
            let Ok(answer) = service.oneshot(request).await;
            let answered = Answered::read(answer).await;
            if let Some(receipt) = answered.receipt(&keys) {
                remember(&receipts, &receipt);
            }
            answered
        }
    }

    /// Sends a call with an intent.
    pub fn send_intent(
        &self,
        call: &Call,
        intent: &Mandate<Intent>,
    ) -> impl Future<Output = Answered> + Send + use<> {
        self.send(call.with("mandate-intent", intent.as_str()))
    }

    /// Sends a call with a payment.
    pub fn send_payment(
        &self,
        call: &Call,
        payment: &Mandate<Payment>,
    ) -> impl Future<Output = Answered> + Send + use<> {
        self.send(call.with("mandate-payment", payment.as_str()))
    }

    /// Asks for the receipt of a payment or free intent.
    pub fn ask_receipt(&self, key: &str) -> impl Future<Output = Answered> + Send + use<> {
        self.send(Call::bare("GET", &format!("{RECEIPTS_PATH}/{key}")).request())
    }

    /// Asks for the void of a payment.
    pub fn ask_void(
        &self,
        payment: &Mandate<Payment>,
    ) -> impl Future<Output = Answered> + Send + use<> {
        let target = format!("{RECEIPTS_PATH}/{}", payment.hash());
        self.send(Call::bare("POST", &target).with("mandate-payment", payment.as_str()))
    }

    /// Mints an intent for a paid call and has it quoted.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub async fn quote(&self, payer: &Payer, ask: &Ask, call: &Call) -> Mandate<Cart> {
        let intent = payer.intent(&self.merchant, ask, self.clock.now());
        let answered = self.send_intent(call, &intent).await;
        assert_eq!(answered.status, 402, "{answered:?}");
        answered.cart(&self.keys).expect("a cart")
    }

    /// Mints an intent, has it quoted and pays the cart; the payment is not presented.
    ///
    /// # Panics
    ///
    /// If there is no quote.
    pub async fn pay(&self, payer: &Payer, ask: &Ask, call: &Call) -> Mandate<Payment> {
        let cart = self.quote(payer, ask, call).await;
        payer.pay(&cart, self.clock.now())
    }

    /// The merchant.
    #[must_use]
    pub fn merchant(&self) -> &MerchantId {
        &self.merchant
    }

    /// The whole journal, as stored.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    #[must_use]
    pub fn entries(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let from = u64::try_from(all.len()).expect("a count");
            let page = self.gateway.book().entries(from, 256).expect("entries");
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// What the uses that wait are known by.
    ///
    /// # Panics
    ///
    /// If the book cannot be read.
    #[must_use]
    pub fn reserved(&self) -> BTreeSet<String> {
        let (mut all, mut after) = (BTreeSet::new(), 0);
        loop {
            let page = self.gateway.book().reserved(after).expect("uses");
            let Some(last) = page.last() else { return all };
            after = last.seq;
            all.extend(page.iter().map(|unsettled| unsettled.key.to_string()));
        }
    }

    /// Recomputes the book from its entries.
    ///
    /// # Panics
    ///
    /// If it does not verify.
    pub fn verify(&self) {
        let book = self.gateway.book();
        let verified = book.verify(|| false).expect("a good journal");
        assert_eq!(verified.head, book.head());
    }

    /// Everything that has to be true of a gateway while no call is under way; gives the sales by their keys.
    ///
    /// The book verifies; its entries say that each intent, cart and payment was used once and no cap was passed; the
    /// API heard of no use that is not on disk, executed none that is void, and none twice; every receipt verifies, says
    /// what the book says, and is the same one, byte by byte, that was handed out before.
    ///
    /// # Panics
    ///
    /// If anything of this is not so.
    pub async fn check(&self) -> BTreeMap<String, Sale> {
        self.verify();
        let sales = check_entries(&self.entries(), &self.merchant);
        check_heard(&sales, &self.api);
        let waiting = sales.iter().filter(|(_, sale)| sale.state == SaleState::Reserved);
        let waiting: BTreeSet<String> = waiting.map(|(key, _)| key.clone()).collect();
        assert_eq!(self.reserved(), waiting);
        for (key, sale) in &sales {
            let answered = self.ask_receipt(key).await;
            check_receipt(key, sale, &answered, answered.receipt(&self.keys).as_ref());
        }
        let handed_out = self.receipts.lock().expect("no panic while held").clone();
        for key in handed_out.keys() {
            assert!(sales.contains_key(key), "a receipt is out that is not in the book");
        }
        sales
    }

    /// Ends in order: waits for the calls under way, and closes the book.
    ///
    /// # Errors
    ///
    /// The error that ended the book's writer, if one did.
    pub async fn close(self) -> Result<(), StoreError> {
        self.gateway.drain().await;
        self.gateway.book().clone().close()
    }
}

/// What a receipt is known by: the payment's hash, or the free intent's.
fn key_of(receipt: &Mandate<Receipt>) -> String {
    let claims = receipt.claims();
    claims.payment.map_or_else(|| claims.intent.to_string(), |payment| payment.to_string())
}

fn remember(receipts: &Mutex<BTreeMap<String, String>>, receipt: &Mandate<Receipt>) {
    let mut receipts = receipts.lock().expect("no panic while held");
    let before = receipts.entry(key_of(receipt)).or_insert_with(|| receipt.as_str().to_owned());
    assert_eq!(before, receipt.as_str(), "one use has two receipts");
}

fn check_receipt(key: &str, sale: &Sale, answered: &Answered, receipt: Option<&Mandate<Receipt>>) {
    let status = match sale.state {
        SaleState::Reserved => {
            let reason = answered.reason();
            assert_eq!(
                (answered.status, reason.as_deref()),
                (404, Some("receipt_unknown")),
                "{sale:?}"
            );
            return;
        }
        SaleState::Executed => Status::Executed,
        SaleState::Void => Status::Void,
    };
    assert_eq!(answered.status, 200, "{sale:?}");
    let receipt = receipt.expect("a receipt");
    assert_eq!(key_of(receipt), key);
    let claims = receipt.claims();
    assert_eq!(claims.status, status, "{sale:?}");
    assert_eq!(claims.aud.as_str(), sale.principal);
    assert_eq!(claims.act.as_str(), sale.agent);
    assert_eq!(claims.action.sku.as_str(), sale.action);
    assert_eq!(claims.intent.to_string(), sale.intent);
    assert_eq!(claims.cart.map(|cart| cart.to_string()), sale.cart);
    assert_eq!(claims.order.as_ref().map(ToString::to_string), sale.order);
    let paid = claims.total.map(|total| (total.currency.code().to_owned(), total.amount.units()));
    let owed = sale.price.clone().map(|(currency, amount)| match status {
        Status::Executed => (currency, amount),
        Status::Void => (currency, 0),
    });
    assert_eq!(paid, owed, "{sale:?}");
}
