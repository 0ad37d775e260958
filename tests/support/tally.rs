//! Caps, calendar and sums the slow way, to hold the wallet's own against.
//!
//! Nothing here is shared with the wallet: charges are one flat list, every sum is made anew, and the calendar is a
//! table of shifts that is walked day by day. It is right from 2026 to 2031 and only for zones of whole hours.

use std::fmt::Write as _;

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 86_400;

/// The first day of 2025, in days since the epoch.
const FIRST_DAY_OF_2025: u64 = 20_089;

/// The first second that the tables do not know.
pub const TABLES_END: u64 = 1_956_441_600;

/// A time zone: from which second on how many hours it is ahead of UTC.
#[derive(Debug, Clone, Copy)]
pub struct Zone {
    /// The IANA name.
    pub name: &'static str,
    /// Each shift and the hours after it, in order.
    pub shifts: &'static [(u64, i64)],
}

/// Shifts in the small hours of the last Sunday of March and of October.
pub const PARIS: Zone = Zone {
    name: "Europe/Paris",
    shifts: &[
        (0, 1),
        (1_774_746_000, 2),
        (1_792_890_000, 1),
        (1_806_195_600, 2),
        (1_824_944_400, 1),
        (1_837_645_200, 2),
        (1_856_394_000, 1),
        (1_869_094_800, 2),
        (1_887_843_600, 1),
        (1_901_149_200, 2),
        (1_919_293_200, 1),
        (1_932_598_800, 2),
        (1_950_742_800, 1),
    ],
};

/// Shifts at midnight: in September one day begins at one o'clock, in April one has 25 hours.
pub const SANTIAGO: Zone = Zone {
    name: "America/Santiago",
    shifts: &[
        (0, -3),
        (1_775_358_000, -4),
        (1_788_667_200, -3),
        (1_806_807_600, -4),
        (1_820_116_800, -3),
        (1_838_257_200, -4),
        (1_851_566_400, -3),
        (1_870_311_600, -4),
        (1_883_016_000, -3),
        (1_901_761_200, -4),
        (1_915_070_400, -3),
        (1_933_210_800, -4),
        (1_946_520_000, -3),
    ],
};

/// Shifts at two in the morning of a Sunday in March and in November, west of UTC.
pub const NEW_YORK: Zone = Zone {
    name: "America/New_York",
    shifts: &[
        (0, -5),
        (1_772_953_200, -4),
        (1_793_512_800, -5),
        (1_805_007_600, -4),
        (1_825_567_200, -5),
        (1_836_457_200, -4),
        (1_857_016_800, -5),
        (1_867_906_800, -4),
        (1_888_466_400, -5),
        (1_899_356_400, -4),
        (1_919_916_000, -5),
        (1_930_806_000, -4),
        (1_951_365_600, -5),
    ],
};

/// Summer at the turn of the year, and a day that begins up to 13 hours before that of UTC.
pub const AUCKLAND: Zone = Zone {
    name: "Pacific/Auckland",
    shifts: &[
        (0, 13),
        (1_775_311_200, 12),
        (1_790_431_200, 13),
        (1_806_760_800, 12),
        (1_821_880_800, 13),
        (1_838_210_400, 12),
        (1_853_330_400, 13),
        (1_869_660_000, 12),
        (1_885_384_800, 13),
        (1_901_714_400, 12),
        (1_916_834_400, 13),
        (1_933_164_000, 12),
        (1_948_284_000, 13),
    ],
};

impl Zone {
    /// The local day, in days since the epoch.
    fn day(&self, at: u64) -> u64 {
        let (_, hours) = self.shifts.iter().rev().find(|(from, _)| *from <= at).expect("a shift");
        at.saturating_add_signed(hours * 3_600) / DAY_S
    }

    /// The first second of a local day.
    fn begins(&self, day: u64) -> u64 {
        let mut at = day * DAY_S - 14 * HOUR_S;
        while self.day(at) != day {
            at += HOUR_S;
        }
        at
    }
}

/// A number that all days of one month share.
fn month(day: u64) -> u64 {
    let (mut first, mut month) = (FIRST_DAY_OF_2025, 0);
    loop {
        let leap = (2025 + month / 12) % 4 == 0;
        let days = match month % 12 {
            1 if leap => 29,
            1 => 28,
            3 | 5 | 8 | 10 => 30,
            _ => 31,
        };
        if day < first + days {
            return month;
        }
        (first, month) = (first + days, month + 1);
    }
}

/// A number that all days of one calendar window share.
fn period(per: &str, day: u64) -> u64 {
    match per {
        "day" => day,
        // The epoch began on a Thursday; weeks begin on Mondays.
        "week" => (day + 3) / 7,
        "month" => month(day),
        _ => 0,
    }
}

/// An amount: its currency and its minor units.
pub type Price = (&'static str, u64);

/// One `[[cap]]` as a test writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    /// `payment`, `day`, `week`, `month`, `lifetime`, or a length.
    pub per: &'static str,
    /// The most that may be spent.
    pub spend: Option<Price>,
    /// The most payments.
    pub count: Option<u64>,
    /// Agent, merchant and action that it is about.
    pub about: [Option<&'static str>; 3],
}

/// A payment that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Its agent, merchant and action.
    pub about: [String; 3],
    /// Its currency.
    pub currency: String,
    /// Its amount, in minor units.
    pub amount: u64,
    /// The second it was minted in.
    pub at: u64,
}

/// An amount as `wallet.toml` writes it.
#[must_use]
pub fn written((currency, amount): Price) -> String {
    match currency {
        "JPY" => format!("{amount} {currency}"),
        "BHD" => format!("{}.{:03} {currency}", amount / 1_000, amount % 1_000),
        _ => format!("{}.{:02} {currency}", amount / 100, amount % 100),
    }
}

impl Cap {
    /// A cap of an amount, about everything.
    #[must_use]
    pub fn spend(per: &'static str, most: Price) -> Self {
        Self { per, spend: Some(most), count: None, about: [None; 3] }
    }

    /// A cap of a number of payments, about everything.
    #[must_use]
    pub fn count(per: &'static str, most: u64) -> Self {
        Self { per, spend: None, count: Some(most), about: [None; 3] }
    }

    /// Its lines in `wallet.toml`.
    #[must_use]
    pub fn toml(&self) -> String {
        let mut text = format!("[[cap]]\nper = \"{}\"\n", self.per);
        let mut line = |key: &str, value: String| writeln!(text, "{key} = {value}").expect("text");
        if let Some(most) = self.spend {
            line("spend", format!("\"{}\"", written(most)));
        }
        if let Some(most) = self.count {
            line("count", most.to_string());
        }
        for (key, name) in ["agent", "merchant", "action"].into_iter().zip(self.about) {
            if let Some(name) = name {
                line(key, format!("\"{name}\""));
            }
        }
        text
    }

    /// Whether it is about this agent, merchant and action.
    pub fn is_about(&self, asked: [&str; 3]) -> bool {
        self.about.iter().zip(asked).all(|(named, asked)| named.is_none_or(|named| named == asked))
    }

    /// Whether it counts a charge, whenever that was.
    #[must_use]
    pub fn counts(&self, charge: &Charge) -> bool {
        self.is_about(charge.about.each_ref().map(String::as_str))
            && self.spend.is_none_or(|(currency, _)| currency == charge.currency)
    }

    /// The length of a trailing window, in seconds.
    #[must_use]
    pub fn length_s(&self) -> Option<u64> {
        let unit_s = match self.per.chars().last()? {
            'm' => MINUTE_S,
            'h' if self.per != "month" => HOUR_S,
            'd' => DAY_S,
            _ => return None,
        };
        self.per[..self.per.len() - 1].parse().ok().map(|units: u64| units * unit_s)
    }

    /// The first second that counts at `now`.
    #[must_use]
    pub fn from(&self, zone: &Zone, now: u64) -> u64 {
        if let Some(length_s) = self.length_s() {
            let from = now - length_s;
            return from - from % MINUTE_S;
        }
        if matches!(self.per, "lifetime" | "payment") {
            return 0;
        }
        let mut day = zone.day(now);
        while period(self.per, day - 1) == period(self.per, zone.day(now)) {
            day -= 1;
        }
        zone.begins(day)
    }

    /// The first second of the next calendar window.
    #[must_use]
    pub fn until(&self, zone: &Zone, now: u64) -> Option<u64> {
        if !matches!(self.per, "day" | "week" | "month") {
            return None;
        }
        let mut day = zone.day(now);
        while period(self.per, day) == period(self.per, zone.day(now)) {
            day += 1;
        }
        Some(zone.begins(day))
    }

    /// The amount and the number of all charges in the window that `now` is in, and of those after `now`.
    #[must_use]
    pub fn spent<'c>(
        &self,
        zone: &Zone,
        charges: impl IntoIterator<Item = &'c Charge>,
        now: u64,
    ) -> (u64, u64) {
        if self.per == "payment" {
            return (0, 0);
        }
        let from = self.from(zone, now);
        let counted = charges.into_iter().filter(|charge| charge.at >= from && self.counts(charge));
        counted.fold((0, 0), |(amount, count), charge| {
            // A cap that limits no amount adds none up that it could show.
            (amount + self.spend.map_or(0, |_| charge.amount), count + 1)
        })
    }
}
