//! Moments that a calendar makes special, in every zone.

use mandate_tests::random::Random;
use mandate_tests::tally::{AUCKLAND, Cap, NEW_YORK, PARIS, SANTIAGO, TABLES_END, Zone};

pub const ZONES: [Zone; 4] = [PARIS, SANTIAGO, NEW_YORK, AUCKLAND];

const DAY_S: u64 = 86_400;
const HALF_DAY_S: u64 = DAY_S / 2;
/// 2028-02-28T00:00:00Z, the day before a leap day.
const BEFORE_LEAP_DAY: u64 = 1_835_308_800;
/// The tables begin in 2026; the longest window of a test looks back less than this.
const MARGIN_S: u64 = 90 * DAY_S;
const TABLES_BEGIN: u64 = 1_767_225_600;

/// Whether the naive calendar is right there, and for every window around it.
pub fn is_known(wall_s: u64) -> bool {
    (TABLES_BEGIN + MARGIN_S..TABLES_END - MARGIN_S).contains(&wall_s)
}

/// A second from 2027 to 2029.
pub fn any(random: &mut Random) -> u64 {
    TABLES_BEGIN + 365 * DAY_S + random.below(3 * 365 * DAY_S)
}

/// From a second up to a year, each order of magnitude as often as the others.
pub fn length_s(random: &mut Random) -> u64 {
    let order = 1_u64 << random.below(25);
    (order + random.below(order)).min(365 * DAY_S)
}

/// Next to a change of the clocks, a leap day, a 31st, or the end of a day, a week or a month.
pub fn boundary(random: &mut Random, zone: &Zone, now: u64) -> u64 {
    let end =
        |per: &'static str, at: u64| Cap::count(per, 1).until(zone, at).expect("a calendar window");
    let moment = match random.below(8) {
        0 => random.one_of(&zone.shifts[1..]).0,
        1 => zone.shifts.iter().map(|shift| shift.0).find(|at| *at > now).unwrap_or(now),
        2 => end("day", BEFORE_LEAP_DAY + random.below(4) * HALF_DAY_S),
        // Where the month has 31 days, its last one begins here or an hour beside.
        3 => end("day", end("month", now) - DAY_S - HALF_DAY_S),
        4 => end("month", now),
        5 => end("week", now),
        6 => end("day", now),
        _ => end("month", any(random)),
    };
    let beside_s = *random.one_of(&[0, 1, 2, 5, 6, 7, 60, 61, 3_600, 3_601]);
    if random.below(2) == 0 { moment - beside_s } else { moment + beside_s }
}
