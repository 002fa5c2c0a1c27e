//! Which records of many are in a sample of a known size, without looking at each.
//!
//! Holds: each record has the same chance; for the same seed the same ones are taken.

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Above 0 and below 1.
    fn fraction(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((self.fraction() * end as f64) as usize).min(end - 1)
    }
}

/// How many records lie between two that are taken once the sample is full: Li's algorithm L.
pub(crate) struct Jumps {
    size: f64,
    weight: f64,
}

impl Jumps {
    /// For a sample of so many.
    pub(crate) fn new(size: usize, random: &mut Random) -> Self {
        let size = size as f64;
        Self { size, weight: (random.fraction().ln() / size).exp() }
    }

    /// How many to pass over now; the record behind them takes the place of any in the sample.
    pub(crate) fn next(&mut self, random: &mut Random) -> u64 {
        let jump = (random.fraction().ln() / (1.0 - self.weight).ln()).floor();
        self.weight *= (random.fraction().ln() / self.size).exp();
        // What is too large for a number is as far as the largest.
        jump as u64
    }
}
