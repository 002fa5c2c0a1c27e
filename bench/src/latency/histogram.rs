//! Latencies, counted in buckets that are at most a sixty-fourth of their value wide.

/// How many bits of a value, behind its highest one, tell its bucket.
const BITS: u32 = 6;

/// How often which latency came, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram(Vec<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self(vec![0; (64 << BITS) as usize])
    }

    /// One whose buckets another process has counted.
    pub(crate) fn of(mut buckets: Vec<u64>) -> Self {
        buckets.resize((64 << BITS) as usize, 0);
        Self(buckets)
    }

    /// How often each bucket was met.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    pub(crate) fn add(&mut self, nanos: u64) {
        self.0[bucket(nanos)] += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own += other);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The latency that this share of all was at or below; the upper edge of its bucket.
    pub(crate) fn at(&self, share: f64) -> u64 {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen >= wanted.max(1)
        };
        self.0.iter().position(reaches).map_or(0, upper_edge)
    }
}

fn bucket(nanos: u64) -> usize {
    let magnitude = nanos.checked_ilog2().unwrap_or(0).saturating_sub(BITS);
    ((u64::from(magnitude) << BITS) + (nanos >> magnitude)) as usize
}

fn upper_edge(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let magnitude = (bucket >> BITS).saturating_sub(1);
    ((bucket - (magnitude << BITS) + 1) << magnitude) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_latency_lies_at_or_just_below_the_edge_of_its_bucket() {
        for nanos in (0..2_000).chain([65_535, 65_536, 1_000_000_007, 60_000_000_000]) {
            let edge = upper_edge(bucket(nanos));
            assert!(nanos <= edge && edge - nanos <= nanos / 64, "{nanos} {edge}");
        }
    }

    #[test]
    fn a_percentile_is_the_latency_that_so_many_did_not_exceed() {
        let (mut one, mut other) = (Histogram::new(), Histogram::new());
        (1..=50).for_each(|nanos| one.add(nanos));
        (51..=100).for_each(|nanos| other.add(nanos));
        one.merge(&other);
        assert_eq!((one.count(), one.at(0.5), one.at(0.99)), (100, 50, 99));
    }
}
