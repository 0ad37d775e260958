//! Ada's wallet.toml.

use mandate::{Money, UnixSeconds};
use mandate_host::clock::wall_clock;
use rustix::process::geteuid;

use crate::home::Home;
use crate::sellers::Door;

/// How long a payment lives, in seconds: one that nobody presents can be voided that much later.
pub(crate) const PAYMENT_LIFE_S: u64 = 5;
/// How many rooms may be booked in a day at the second merchant.
pub(crate) const BOOKINGS_MAX: usize = 3;

/// Seconds of a day.
const DAY_S: u64 = 86_400;
/// A day that ends within this time would end in the middle of the demonstration, and its caps start anew.
const NEAR_MIDNIGHT_S: u64 = 600;

/// Her wallet.toml: two merchants, so much a day, and at one of them so many bookings.
pub(crate) fn toml(home: &Home, sellers: [&Door; 2], per_day: Money) -> String {
    let [lux, sea] = sellers;
    format!(
        r#"[principal]
name = "Ada"
timezone = "{timezone}"

[key]
store = "auto"
account = "{account}"

[mandates]
payment_ttl = "{PAYMENT_LIFE_S}s"

[limits]                # this demonstration is in a hurry; the defaults are 50 and 100
requests_per_s = 1000
burst = 1000

[[agent]]
name = "travel"
uid = {uid}

{lux}paid = ["book_room", "order_coffee"]

{sea}paid = ["book_room"]

[[cap]]                 # all merchants together
per = "day"
spend = "{per_day}"

[[cap]]
per = "day"
spend = "200.00 EUR"
count = {BOOKINGS_MAX}
merchant = "{sea_id}"
"#,
        timezone = timezone(wall_clock()),
        account = home.key.account(),
        uid = geteuid().as_raw(),
        lux = merchant(lux),
        sea = merchant(sea),
        sea_id = sea.id,
    )
}

/// A merchant as Ada lists it: where it is, and the key that it publishes.
fn merchant(door: &Door) -> String {
    let Door { id, address, jwk, .. } = door;
    format!(
        r#"[[merchant]]
id = "{id}"
url = "http://{address}"
keys = [{{ kty = "{kty}", crv = "{crv}", x = "{x}" }}]
free = ["search_rooms"]
"#,
        kty = jwk.kty,
        crv = jwk.crv,
        x = jwk.x,
    )
}

fn timezone(now: UnixSeconds) -> &'static str {
    if now.seconds() % DAY_S > DAY_S - NEAR_MIDNIGHT_S { "Asia/Tokyo" } else { "UTC" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_day_of_hers_ends_in_the_middle_of_the_story() {
        let zone = |second: u64| timezone(UnixSeconds::new(second).unwrap());
        assert_eq!((zone(0), zone(DAY_S - 1), zone(DAY_S / 2)), ("UTC", "Asia/Tokyo", "UTC"));
    }
}
