//! How long a suite goes on: seconds in a normal run, and the figures of `docs/reliability.md` where somebody asks.

/// Asks for the long form of every suite: `MANDATE_LONG=1`.
const LONG: &str = "MANDATE_LONG";
/// Asks for exactly so many rounds.
const ROUNDS: &str = "MANDATE_ROUNDS";

/// Rounds to run: `short`, or `long` under `MANDATE_LONG=1`, or as many as `MANDATE_ROUNDS` says.
///
/// # Panics
///
/// If `MANDATE_ROUNDS` is no number.
#[must_use]
pub fn rounds(short: u64, long: u64) -> u64 {
    match std::env::var(ROUNDS) {
        Ok(rounds) => rounds.parse().expect("a number of rounds"),
        Err(_unset) if std::env::var_os(LONG).is_some_and(|value| value == "1") => long,
        Err(_unset) => short,
    }
}
