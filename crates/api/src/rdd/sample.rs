//! Random samples.
//!
//! Holds: the same records for the same seed, however often and in whatever order partitions are computed.

use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::Rdd;

/// A generator of random numbers (SplitMix64) of one partition.
struct Random(u64);

impl Random {
    fn new(seed: u64, partition: usize) -> Self {
        // The first number drawn from seed and partition begins the sequence: those of neighbours do not overlap.
        let mut begin = Self(seed.wrapping_add((partition as u64).wrapping_mul(0xd134_2543_de82_ef95)));
        Self(begin.bits())
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 to below 1.
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of the Poisson distribution with this mean, by Knuth's method: multiplies numbers until they fall below
    /// `e^-mean`. A large mean is made of several small ones, since that would be 0 for it.
    fn poisson(&mut self, mean: f64) -> usize {
        const STEP: f64 = 32.0;
        let (mut rest, mut count) = (mean, 0);
        while rest > 0.0 {
            let limit = (-rest.min(STEP)).exp();
            let mut product = self.unit();
            while product > limit {
                product *= self.unit();
                count += 1;
            }
            rest -= STEP;
        }
        count
    }
}

fn check(with_replacement: bool, fraction: f64) -> Result<()> {
    let wrong =
        if with_replacement { !(0.0..).contains(&fraction) } else { !(0.0..=1.0).contains(&fraction) };
    if !wrong && fraction.is_finite() {
        return Ok(());
    }
    let right = if with_replacement { "0 or more" } else { "from 0 to 1 (above 1 only with replacement)" };
    Err(Failure::user(format!("sample: the fraction is {fraction}"))
        .advice(format!("give one that is {right}")))
}

impl<T: Record> Rdd<T> {
    /// About `fraction` of the records; the same ones for the same `seed`.
    ///
    /// Without replacement, each record is taken with the probability `fraction`. With replacement, each is taken as often
    /// as a number of the Poisson distribution with the mean `fraction` says: never, once or several times in a row.
    ///
    /// An action on it fails if the fraction is below 0 or, without replacement, above 1.
    #[track_caller]
    pub fn sample(&self, with_replacement: bool, fraction: f64, seed: u64) -> Rdd<T> {
        let prepare = Box::new(move || check(with_replacement, fraction));
        self.partitions_mapped("SampledRdd", "sample", Some(prepare), move |partition, records| {
            let mut random = Random::new(seed, partition);
            records.flat_map(move |record| {
                let times = if with_replacement {
                    random.poisson(fraction)
                } else {
                    usize::from(random.unit() < fraction)
                };
                std::iter::repeat_n(record, times)
            })
        })
    }
}
