//! A merchant for a few seconds: a key in the system's keyring, a book, a gateway.toml.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mandate::{MerchantId, PrincipalId, UnixSeconds};
use mandate_gateway::book::{Book, Genesis};
use mandate_keys::{Account, Service};

use crate::error::DemoError;
use crate::key::Key;

/// What a merchant's gateway needs on disk.
#[derive(Debug)]
pub(crate) struct Shop {
    /// Its id.
    pub(crate) id: MerchantId,
    /// Its name, for people.
    name: &'static str,
    /// Its key.
    pub(crate) key: Key,
    folder: PathBuf,
}

impl Shop {
    /// Makes what `mandate-gateway init` makes: a key, and a book. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError::Key`] if no keyring takes the key; [`DemoError`] otherwise.
    pub(crate) fn new(
        id: &str,
        name: &'static str,
        account: Account,
        parent: &Path,
        now: UnixSeconds,
    ) -> Result<Self, DemoError> {
        let id: MerchantId = id.parse()?;
        let folder = parent.join(id.as_str());
        fs::create_dir(&folder).map_err(DemoError::io("make the folder", &folder))?;
        let key = Key::create(Service::Gateway, account)?;
        let genesis = Genesis { merchant: id.clone(), key: key.public, time: now };
        let shop = Self { id, name, key, folder };
        Book::create(&shop.state_dir(), &genesis)?;
        Ok(shop)
    }

    /// The folder of its book.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Its gateway.toml.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("gateway.toml")
    }

    /// Its gateway's log file.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("gateway.log")
    }

    /// Its gateway.toml: what is on offer, the API behind it, and one customer.
    pub(crate) fn toml(&self, api: SocketAddr, customer: &PrincipalId) -> String {
        format!(
            r#"listen = "127.0.0.1:0"  # any free port
upstream = "http://{api}"

[merchant]
id = "{id}"
name = "{name}"

[key]
store = "auto"
account = "{account}"

[[action]]
sku = "search_rooms"
route = "GET /rooms"
price = "free"

[[action]]
sku = "book_room"
route = "POST /bookings"
price = {{ quote = "POST /quotes" }}

[[action]]
sku = "cancel_room"
route = "POST /cancellations"
price = "5.00 EUR"

[[action]]
sku = "order_coffee"
route = "POST /coffees"
price = "0.50 EUR"

[[principal]]
id = "{customer}"
account = "customer 4711"

[limits]                # this demonstration is in a hurry; the defaults are 50 and 100
requests_per_s = 1000
burst = 1000
"#,
            id = self.id,
            name = self.name,
            account = self.key.account(),
        )
    }
}
