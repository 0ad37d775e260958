//! A served shop with one customer, in front of an API that keeps every byte.

use std::collections::BTreeMap;
use std::time::Duration;

use mandate_gateway::{Limits, Settings};
use mandate_tests::gateway::{Answered, Ask, Call, GatewayHome, Payer, check_entries};

use crate::bound::{Bound, Came};
use crate::fill::payer;
use crate::front::Front;
use crate::raw_api::RawApi;
use crate::wire;

/// How long a client may leave the gateway waiting.
pub const CLIENT_TIMEOUT: Duration = Duration::from_millis(300);

/// The street.
pub struct Street {
    pub api: RawApi,
    pub front: Front,
    pub ada: Payer,
    /// Keeps the book's folder.
    _home: GatewayHome,
}

impl Street {
    pub async fn open() -> Self {
        Self::open_with(|limits| limits).await
    }

    pub async fn open_with(change: impl FnOnce(Limits) -> Limits) -> Self {
        let (home, ada, api) = (GatewayHome::new(), payer("ada"), RawApi::listen().await);
        let settings = home.settings([&ada]);
        let limits = Limits { client_timeout: CLIENT_TIMEOUT, ..settings.limits.clone() };
        let settings = Settings { limits: change(limits), ..settings };
        let front = Front::open(&home, settings, api.address).await;
        Self { api, front, ada, _home: home }
    }

    /// A payment of a booking, and its token.
    pub async fn paid(&self, call: Call) -> (Bound, String) {
        let shop = &self.front.shop;
        let payment = shop.pay(&self.ada, &Ask::one("book_room"), &call).await;
        let mut told = self.told("book_room", payment.hash().to_string());
        told.insert("mandate-total", "180.00 EUR".to_owned());
        (self.bound(call, told), payment.as_str().to_owned())
    }

    /// An intent for a free action, bound to the call, and its token.
    pub fn free(&self, action: &'static str, call: Call) -> (Bound, String) {
        let shop = &self.front.shop;
        let ask = Ask { request: Some(call.digest()), ..Ask::one(action) };
        let intent = self.ada.intent(shop.merchant(), &ask, shop.clock.now());
        let told = self.told(action, intent.hash().to_string());
        (self.bound(call, told), intent.as_str().to_owned())
    }

    fn bound(&self, call: Call, told: BTreeMap<&'static str, String>) -> Bound {
        Bound { call, host: self.api.address.to_string(), told }
    }

    fn told(&self, action: &str, key: String) -> BTreeMap<&'static str, String> {
        let told = [
            ("idempotency-key", key),
            ("mandate-action", action.to_owned()),
            ("mandate-agent", "travel".to_owned()),
            ("mandate-principal", self.ada.id().to_string()),
            ("mandate-quantity", "1".to_owned()),
        ];
        told.into()
    }

    /// Sends bytes and says what came of them.
    pub async fn send(&self, bound: &Bound, sent: &[u8]) -> (Result<Came, String>, Vec<Answered>) {
        let answers = wire::exchange(self.front.address, sent).await;
        // A call goes on when its client is gone.
        self.front.shop.gateway.drain().await;
        (bound.check(&self.api.take().await, &answers), answers)
    }

    /// Ends, and holds the book against its rules.
    pub async fn close(self) {
        let shop = self.front.close().await;
        shop.verify();
        let _sales = check_entries(&shop.entries(), shop.merchant());
    }
}
