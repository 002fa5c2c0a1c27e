//! The hash of a key: one number that decides its key group and its place in a state table.
//!
//! Answers for a hash that is fast and that never changes: checkpoints hold state by key group, so another version,
//! process or platform must find each key in the same group.
//! Not for resisting an adversary who chooses keys so that they collide: the function is public and has no seed.
//! Holds: [`hash_of`] of equal keys is equal, for ever; every bit of the result depends on every bit of the key.
//!
//! Text, integers, bytes, and tuples, structs and enums of these are safe as keys. The standard library feeds slices of
//! integers (`[u32]`, `Vec<u32>`) as raw memory, which differs on big-endian machines.

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// The stable hash of a key.
///
/// ```
/// use millstream_model::key::hash::hash_of;
///
/// assert_eq!(hash_of(&42u64), 0x26b3_d1e0_da7c_7534); // today, tomorrow, on every machine
/// ```
#[inline]
pub fn hash_of<K: Hash + ?Sized>(key: &K) -> u64 {
    let mut hasher = KeyHasher::default();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Builds [`KeyHasher`]s, for a map that is hashed as keys are.
pub type KeyHashBuilder = BuildHasherDefault<KeyHasher>;

// Odd numbers with about as many ones as zeros and no pattern (digits of the golden ratio, pi and e). Never change them.
const START: u64 = 0x9E37_79B9_7F4A_7C15;
const LOW: u64 = 0x2436_A885_A308_D313;
const HIGH: u64 = 0xB7E1_5162_8AED_2A6B;
const END: u64 = 0xD6E8_FEB8_6659_FD93;

/// The [`Hasher`] behind [`hash_of`].
///
/// Each step folds a 128-bit product of two words: the upper half, which depends on all lower bits, onto the lower.
#[derive(Clone, Debug)]
pub struct KeyHasher {
    state: u64,
}

impl Default for KeyHasher {
    #[inline]
    fn default() -> Self {
        KeyHasher { state: START }
    }
}

/// The 128-bit product of two words with its halves laid over each other.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

impl KeyHasher {
    /// Takes in one word.
    #[inline]
    fn word(&mut self, word: u64) {
        self.state = fold(self.state ^ word, HIGH);
    }

    /// Takes in two words at the price of one.
    #[inline]
    fn pair(&mut self, low: u64, high: u64) {
        self.state = fold(low ^ self.state, high ^ LOW);
    }
}

impl Hasher for KeyHasher {
    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state ^ END, HIGH)
    }

    /// Takes in bytes sixteen at a time, the last ones by loads that overlap, the length with them.
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let len = bytes.len();
        self.state = self.state.wrapping_add(len as u64);
        if let (Some(first), Some(last)) = (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
            self.chunk(first);
            let mut rest = &bytes[16..];
            while let Some((chunk, after)) = rest.split_first_chunk::<16>() {
                self.chunk(chunk);
                rest = after;
            }
            if !rest.is_empty() {
                self.chunk(last);
            }
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            self.pair(u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            self.word(u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32);
        } else if let (Some(first), Some(last)) = (bytes.first(), bytes.last()) {
            self.word(u64::from(*first) | u64::from(bytes[len / 2]) << 8 | u64::from(*last) << 16);
        } else {
            self.word(0);
        }
    }

    // The integers: never through memory, whose order of bytes differs between platforms.

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.word(u64::from(number));
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.word(u64::from(number));
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.word(u64::from(number));
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.word(number);
    }

    #[inline]
    fn write_u128(&mut self, number: u128) {
        self.pair(number as u64, (number >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    #[inline]
    fn write_i8(&mut self, number: i8) {
        self.word(number as u64);
    }

    #[inline]
    fn write_i16(&mut self, number: i16) {
        self.word(number as u64);
    }

    #[inline]
    fn write_i32(&mut self, number: i32) {
        self.word(number as u64);
    }

    #[inline]
    fn write_i64(&mut self, number: i64) {
        self.word(number as u64);
    }

    #[inline]
    fn write_i128(&mut self, number: i128) {
        self.pair(number as u64, (number >> 64) as u64);
    }

    #[inline]
    fn write_isize(&mut self, number: isize) {
        self.word(number as u64);
    }
}

impl KeyHasher {
    #[inline]
    fn chunk(&mut self, bytes: &[u8; 16]) {
        self.write_u128(u128::from_le_bytes(*bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::text::Text;

    /// Numbers without a visible pattern (SplitMix64).
    fn scattered(count: u64) -> impl Iterator<Item = u64> {
        (1..=count).map(|n| {
            let mut z = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        })
    }

    /// The largest distance from 0.5 of the chance that flipping one bit of a key flips one bit of its hash.
    fn bias<const BITS: usize>(samples: &[u128], hash: impl Fn(u128) -> u64) -> f64 {
        let mut worst = 0.0f64;
        for input in 0..BITS {
            let mut flips = [0u32; 64];
            for &sample in samples {
                let changed = hash(sample) ^ hash(sample ^ 1 << input);
                for (bit, flips) in flips.iter_mut().enumerate() {
                    *flips += (changed >> bit & 1) as u32;
                }
            }
            for flips in flips {
                worst = worst.max((f64::from(flips) / samples.len() as f64 - 0.5).abs());
            }
        }
        worst
    }

    #[test]
    fn every_bit_of_a_number_decides_every_bit_of_the_hash() {
        let scattered: Vec<u128> = scattered(4_000).map(u128::from).collect();
        assert!(bias::<64>(&scattered, |key| hash_of(&(key as u64))) < 0.05);
        let sequential: Vec<u128> = (0..4_000).collect();
        assert!(bias::<64>(&sequential, |key| hash_of(&(key as u64))) < 0.05);
        assert!(bias::<32>(&sequential, |key| hash_of(&(key as u32))) < 0.05);
    }

    #[test]
    fn every_bit_of_two_words_decides_every_bit_of_the_hash() {
        let pairs: Vec<u128> = scattered(4_000)
            .zip(scattered(8_000).skip(4_000))
            .map(|(a, b)| u128::from(a) << 64 | u128::from(b))
            .collect();
        assert!(bias::<128>(&pairs, |key| hash_of(&key)) < 0.05);
        let sequential: Vec<u128> = (0..4_000).collect();
        assert!(bias::<128>(&sequential, |key| hash_of(&key)) < 0.05);
        assert!(bias::<128>(&pairs, |key| hash_of(&((key >> 64) as u64, key as u64))) < 0.05);
    }

    #[test]
    fn every_bit_of_bytes_decides_every_bit_of_the_hash() {
        for len in [3, 4, 7, 8, 11, 15, 16] {
            let samples: Vec<u128> = scattered(4_000).map(u128::from).collect();
            let hash = |bits: u128| {
                let mut hasher = KeyHasher::default();
                hasher.write(&(bits.to_le_bytes())[..len]);
                hasher.finish()
            };
            let worst = if len < 8 { bias::<24>(&samples, hash) } else { bias::<64>(&samples, hash) };
            assert!(worst < 0.05, "{len} bytes: {worst}");
        }
    }

    /// Chi-square over `bins` as a multiple of its expectation; about 1 for an even spread.
    fn unevenness(keys: &[u64], bins: u64, bin_of: impl Fn(u64) -> u64) -> f64 {
        let mut counts = vec![0u64; bins as usize];
        for &key in keys {
            counts[bin_of(hash_of(&key)) as usize] += 1;
        }
        let expected = keys.len() as f64 / bins as f64;
        counts.iter().map(|&n| (n as f64 - expected).powi(2) / expected).sum::<f64>() / bins as f64
    }

    #[test]
    fn patterned_keys_spread_evenly_over_high_middle_and_low_bits() {
        for step in [1u64, 2, 8, 128, 1 << 12, 1 << 20, 1 << 32, 1 << 40, 1_000_003, 0x0101_0101] {
            let keys: Vec<u64> = (0..40_000u64).map(|n| n.wrapping_mul(step)).collect();
            for (bits, shift) in [("low", 0), ("middle", 20), ("upper middle", 40), ("high", 57)] {
                let uneven = unevenness(&keys, 128, |hash| hash >> shift & 127);
                assert!(uneven < 1.6, "{bits} bits, keys {step} apart: {uneven}");
            }
        }
    }

    #[test]
    fn a_million_like_keys_have_a_million_hashes() {
        let numbers: HashSet<u64> = (0..1_000_000u64).map(|n| hash_of(&n)).collect();
        assert_eq!(numbers.len(), 1_000_000);
        let short: HashSet<u64> = (0..300_000u64).map(|n| hash_of(&Text::from(format!("key-{n}")))).collect();
        assert_eq!(short.len(), 300_000);
        let long: HashSet<u64> = (0..300_000u64)
            .map(|n| hash_of(&Text::from(format!("https://example.org/users/{n}/profile"))))
            .collect();
        assert_eq!(long.len(), 300_000);
    }

    #[test]
    fn lengths_and_borders_are_part_of_the_hash() {
        let zeros: HashSet<u64> = (0..64).map(|len| hash_of(&Text::from("\0".repeat(len)))).collect();
        assert_eq!(zeros.len(), 64);
        let (long, longer) = ("a".repeat(20), "a".repeat(21));
        let cut = |a: &str, b: &str| hash_of(&(Text::from(a), Text::from(b)));
        assert_ne!(cut(&long, &longer), cut(&longer, &long));
        assert_ne!(hash_of(&("ab", "c")), hash_of(&("a", "bc")));
    }

    #[test]
    fn the_hash_of_a_key_is_the_one_in_old_checkpoints() {
        // These values are a promise: state in checkpoints is found by them. A change here loses users' state.
        let hashes = [
            hash_of(&0u64),
            hash_of(&1u64),
            hash_of(&u64::MAX),
            hash_of(&42u32),
            hash_of(&-1i32),
            hash_of(&7usize),
            hash_of(&-7isize),
            hash_of(&(1u64, 2u64)),
            hash_of(&u128::MAX),
            hash_of(&true),
            hash_of(&'x'),
            hash_of(&Some(5u8)),
            hash_of(&None::<u8>),
            hash_of(&Text::EMPTY),
            hash_of(&Text::from("a")),
            hash_of(&Text::from("twelve bytes")),
            hash_of(&Text::from("thirteen byte")),
            hash_of(&Text::from("the quick brown fox jumps over the lazy dog")),
            hash_of("plain str"),
            hash_of(&String::from("plain str")),
            hash_of(&[1u8, 2, 3][..]),
            hash_of(&(Text::from("ORD"), 17u16)),
        ];
        let old: [u64; 22] = [
            0x51c7_03dc_884b_3bf4,
            0x6c71_0d96_8953_3bfa,
            0xa401_793c_7de7_72b7,
            0x26b3_d1e0_da7c_7534,
            0xa401_793c_7de7_72b7,
            0x2f6a_3737_039b_d743,
            0xccf1_66df_3565_d40b,
            0xeab8_7771_e051_bef6,
            0x689d_dcb2_c394_42a6,
            0x6c71_0d96_8953_3bfa,
            0xfd80_85a5_cdc8_d9d1,
            0x63ef_c64d_33d2_718b,
            0x51c7_03dc_884b_3bf4,
            0x7c59_0c52_c16e_57c5,
            0x3142_e97b_5374_37c2,
            0x46b6_218d_1807_7118,
            0x29b5_7bc7_01b4_2b89,
            0x5aee_e321_2d91_8452,
            0x1e22_1041_cf72_fb6a,
            0x1e22_1041_cf72_fb6a,
            0xc392_eefb_78e9_5648,
            0x7ea5_4810_507d_0b26,
        ];
        for (at, (hash, old)) in hashes.iter().zip(old).enumerate() {
            assert_eq!(*hash, old, "value {at} of {hashes:#018x?}");
        }
    }
}
