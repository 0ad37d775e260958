//! The merchant's gateway in this process: what it promises, under any sequence of calls.

mod agreement;
mod breaks;
mod caps;
mod claims;
mod equivocation;
mod hang_up;
mod late;
mod lock;
mod model;
mod once;
mod over_tcp;
mod places;
mod settings;
mod steps;
mod trust;
mod void;
mod wares;

use mandate_tests::gateway::{Answered, Ask, Call, GatewayHome, Payer, Shop};

/// A shop with one customer.
struct Street {
    home: GatewayHome,
    shop: Shop,
    ada: Payer,
}

async fn street() -> Street {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let shop = home.open(home.settings([&ada])).await;
    Street { home, shop, ada }
}

fn booking() -> Call {
    Call::json("POST", "/bookings", r#"{"nights":2}"#)
}

fn room() -> Ask {
    Ask::one("book_room")
}

/// Status and reason.
fn told(answered: &Answered) -> (u16, Option<String>) {
    (answered.status, answered.reason())
}

fn refused(status: u16, reason: &str) -> (u16, Option<String>) {
    (status, Some(reason.to_owned()))
}
