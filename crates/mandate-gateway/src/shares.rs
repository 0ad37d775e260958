//! How many of all connections one address may have.
//!
//! A fixed share would be too small for the one proxy that all clients come through, or too large for one client of
//! many. So what an address may have depends on what is left: three times as many connections as there are free places.
//! One that takes what it can get has three quarters of all, the next three quarters of the rest, and so on. So it takes
//! several addresses to fill all places, and those who fill them have only until they are cut off for saying nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections that an address may have for each place that is free.
const CONNECTIONS_PER_FREE_PLACE: usize = 3;
/// The part of an IPv6 address that one client has all of, in bits (RFC 6177).
const IPV6_PREFIX_BITS: u32 = 64;

/// Counts connections by address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shares {
    held: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// One connection of an address; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    shares: Shares,
    client: IpAddr,
}

impl Shares {
    /// Counts one more connection of an address; `None` when it has its share. `free` is how many places are left.
    pub(crate) fn take(&self, address: IpAddr, free: usize) -> Option<Held> {
        let client = client_of(address);
        let mut held = self.lock();
        let connections = held.get(&client).copied().unwrap_or_default();
        if connections >= free.saturating_mul(CONNECTIONS_PER_FREE_PLACE) {
            return None;
        }
        held.insert(client, connections.saturating_add(1));
        drop(held);
        Some(Held { shares: self.clone(), client })
    }

    // A panic elsewhere cannot leave a count half changed, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.shares.lock();
        let left = held.get(&self.client).map_or(0, |connections| connections.saturating_sub(1));
        // The map is never larger than the connections that are open.
        if left == 0 {
            held.remove(&self.client);
        } else {
            held.insert(self.client, left);
        }
    }
}

/// The addresses of one client, as one.
fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let host_bits = u128::BITS.saturating_sub(IPV6_PREFIX_BITS);
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
mod tests {
    use super::*;

    const PLACES: usize = 1_024;

    /// Everything that an address gets, with what the others hold already.
    fn greedy(shares: &Shares, address: &str, all: &mut Vec<Held>) -> usize {
        let before = all.len();
        while let Some(held) = shares.take(address.parse().unwrap(), PLACES - all.len()) {
            all.push(held);
        }
        all.len() - before
    }

    #[test]
    fn one_address_leaves_room_however_much_it_takes() {
        let (shares, mut all) = (Shares::default(), Vec::new());
        for (client, got) in [(1, 768), (2, 192), (3, 48), (4, 12), (5, 3)] {
            assert_eq!(greedy(&shares, &format!("192.0.2.{client}"), &mut all), got);
            assert_eq!(greedy(&shares, &format!("192.0.2.{client}"), &mut all), 0);
        }
        // With the first one gone, everybody has room again.
        all.drain(..768);
        assert!(greedy(&shares, "192.0.2.5", &mut all) > 500);
        all.clear();
        assert!(shares.lock().is_empty());
    }

    #[test]
    fn the_addresses_of_one_client_are_one() {
        let same = |one: &str, other: &str| {
            client_of(one.parse().unwrap()) == client_of(other.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
