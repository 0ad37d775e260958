//! Choices that a seed reproduces.

/// A small generator (`SplitMix64`): good enough to choose by, and the same on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed from this variable of the environment, or a fresh one.
    ///
    /// # Panics
    ///
    /// If the variable is no number, or the system gives no random bytes.
    #[must_use]
    pub fn seed(variable: &str) -> u64 {
        std::env::var(variable).map_or_else(
            |_unset| {
                let mut bits = [0; 8];
                getrandom::fill(&mut bits).expect("random bytes");
                u64::from_le_bytes(bits)
            },
            |seed| seed.parse().expect("a seed"),
        )
    }

    /// A generator whose choices have nothing to do with this one's.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `end`.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of these.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn one_of<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        let at = self.below(choices.len().try_into().expect("a count"));
        &choices[usize::try_from(at).expect("an index")]
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
