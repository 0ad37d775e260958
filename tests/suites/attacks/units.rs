//! Currencies and their minor units: none is taken for another.

use crate::street::{Street, refused};

async fn charged(street: &mut Street, total: &str) -> String {
    let intent = street.flight().await;
    let cart = street.rivals(&intent, total, |_| ());
    refused(street.pay(cart.as_str()).await)
}

/// 500 JPY are allowed. Where a yen had cents, 50,000 of the smallest unit would be 500.
pub async fn yen_as_if_it_had_cents(street: &mut Street) -> String {
    charged(street, "50000 JPY").await
}

/// 500.000 BHD are allowed. Where a dinar had cents, the fils above them would round away.
pub async fn dinar_above_its_cap_by_a_fils(street: &mut Street) -> String {
    charged(street, "500.001 BHD").await
}

/// As many minor units as the cap in euro has, in a currency worth more.
pub async fn euro_cap_spent_in_dinar(street: &mut Street) -> String {
    charged(street, "100.000 KWD").await
}

pub async fn currency_without_a_cap(street: &mut Street) -> String {
    charged(street, "0.01 USD").await
}

/// One cent above what is left, in two payments.
pub async fn cap_passed_by_a_cent(street: &mut Street) -> String {
    let intent = street.flight().await;
    let most = street.rivals(&intent, "999.99 EUR", |_| ());
    street.pay(most.as_str()).await.unwrap();
    charged(street, "0.02 EUR").await
}

pub async fn largest_amount(street: &mut Street) -> String {
    charged(street, "90071992547409.91 EUR").await
}
