//! Who sells: two merchants, each behind a gateway of its own, and the booking system that both of them use.

use std::net::SocketAddr;

use mandate::discovery::{self, Discovery};
use mandate::key::Jwk;
use mandate::{KeySet, MerchantId, MerchantRole, PublicKey};

use crate::api::Api;
use crate::call::{Call, Http, With};
use crate::error::{DemoError, same};
use crate::home::{Home, write};
use crate::process::Process;
use crate::shop::Shop;

/// Where a merchant sells, as anyone can see it.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Its id.
    pub(crate) id: MerchantId,
    /// Its gateway's address.
    pub(crate) address: SocketAddr,
    /// The key that it publishes.
    pub(crate) jwk: Jwk,
    /// The same key, to check what it signs.
    pub(crate) keys: KeySet<MerchantRole>,
}

/// Everything that is sold, and where.
#[derive(Debug)]
pub(crate) struct Sellers {
    /// The booking system.
    pub(crate) api: Api,
    /// Where the agent means to book.
    pub(crate) lux: Door,
    /// Another hotel.
    pub(crate) sea: Door,
}

/// The processes of the gateways.
#[derive(Debug)]
pub(crate) struct Gateways {
    /// That of the first.
    pub(crate) lux: Process,
    /// That of the other.
    pub(crate) sea: Process,
}

impl Sellers {
    /// Opens the booking system and starts both gateways in front of it.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when one does not get ready.
    pub(crate) async fn open(home: &Home) -> Result<(Self, Gateways), DemoError> {
        let api = Api::open().await?;
        let (lux, lux_process) = start(home, &home.lux, api.address).await?;
        let (sea, sea_process) = start(home, &home.sea, api.address).await?;
        Ok((Self { api, lux, sea }, Gateways { lux: lux_process, sea: sea_process }))
    }

    /// Both merchants.
    pub(crate) fn doors(&self) -> [&Door; 2] {
        [&self.lux, &self.sea]
    }
}

async fn start(home: &Home, shop: &Shop, api: SocketAddr) -> Result<(Door, Process), DemoError> {
    write(&shop.config(), &shop.toml(api, &home.principal()))?;
    let (process, address) = Process::gateway(shop).await?;
    // What it publishes is believed only because the key is compared with the real one.
    let stranger = KeySet::new([]);
    let jwk = Jwk::from(&shop.key.public);
    let mut door = Door { id: shop.id.clone(), address, jwk, keys: stranger };
    let reply = Http::new().call(&door, Call::get(discovery::PATH, With::Nothing)).await?;
    let Discovery { id, keys, .. } = serde_json::from_str(&reply.body)?;
    same(&door.id, &id)?;
    let published = match <[Jwk; 1]>::try_from(keys) {
        Ok([jwk]) => PublicKey::try_from(jwk)?,
        Err(keys) => return Err(DemoError::differs(&"1 key", &keys.len())),
    };
    same(&shop.key.public.x(), &published.x())?;
    door.keys = KeySet::new([published]);
    Ok((door, process))
}
