//! Text like a natural one: few words come often, most of them seldom, and the more seldom the longer they are.
//!
//! The words are made of syllables, 86,695 of them, drawn by Zipf's law; lines have one to twenty words. 500 MB hold
//! about 66 million words, of which about one in ten is longer than 12 bytes.

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;

use millstream::Result;

use crate::inputs::Inputs;

const WORDS: usize = 86_695;
const SYLLABLES: [&str; 40] = [
    "a", "be", "con", "der", "e", "fi", "ga", "ha", "in", "jo", "ka", "la", "men", "no", "or", "pre", "qua",
    "re", "si", "ter", "un", "ver", "wo", "ex", "ya", "zu", "tion", "er", "an", "th", "is", "ol", "st", "ly",
    "ment", "ous", "al", "i", "o", "u",
];

/// The file of about `bytes`.
pub(super) fn file(inputs: &Inputs, bytes: usize) -> Result<PathBuf> {
    inputs.file(&format!("words-{bytes}.txt"), |out| write(out, bytes))
}

fn write(out: &mut dyn Write, bytes: usize) -> std::io::Result<()> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let words = words(&mut random);
    let draw = Zipf::new(words.len());
    let (mut written, mut line) = (0, String::new());
    while written < bytes {
        line.clear();
        for _ in 0..=random.below(20) {
            line.push_str(&words[draw.next(&mut random)]);
            line.push(' ');
        }
        line.pop();
        line.push('\n');
        out.write_all(line.as_bytes())?;
        written += line.len();
    }
    Ok(())
}

/// All words, the most frequent first.
fn words(random: &mut Random) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut words = Vec::with_capacity(WORDS);
    while words.len() < WORDS {
        let usual = (0.62 + 0.85 * (words.len() as f64 + 1.0).ln()).max(1.0);
        let length = usual * (0.4 + 1.2 * random.fraction());
        let mut word = String::new();
        while (word.len() as f64) < length {
            word.push_str(SYLLABLES[random.below(SYLLABLES.len() as u64) as usize]);
        }
        if seen.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

/// Draws ranks, each as likely as one by its number, with two random numbers each (Walker's alias method).
struct Zipf {
    /// For each cell: how much of it is its own rank, and which rank the rest of it is.
    cells: Vec<(f64, usize)>,
}

impl Zipf {
    fn new(ranks: usize) -> Self {
        let harmonic: f64 = (1..=ranks).map(|rank| 1.0 / rank as f64).sum();
        let mut cells: Vec<(f64, usize)> =
            (0..ranks).map(|rank| (ranks as f64 / (harmonic * (rank + 1) as f64), rank)).collect();
        let (mut large, mut small): (Vec<usize>, Vec<usize>) =
            (0..ranks).partition(|&rank| cells[rank].0 >= 1.0);
        while let (Some(&giver), Some(taker)) = (large.last(), small.pop()) {
            cells[taker].1 = giver;
            cells[giver].0 -= 1.0 - cells[taker].0;
            if cells[giver].0 < 1.0 {
                large.pop();
                small.push(giver);
            }
        }
        Self { cells }
    }

    fn next(&self, random: &mut Random) -> usize {
        let cell = random.below(self.cells.len() as u64) as usize;
        let (own, other) = self.cells[cell];
        if random.fraction() < own { cell } else { other }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_written_each_time_and_is_as_long_as_asked() {
        let text = || {
            let mut out = Vec::new();
            write(&mut out, 100_000).unwrap();
            out
        };
        let first = text();
        assert!((100_000..100_500).contains(&first.len()), "{}", first.len());
        assert_eq!(first, text());
    }

    #[test]
    fn the_word_of_rank_two_comes_half_as_often_as_the_first() {
        let (draw, mut random) = (Zipf::new(1000), Random(7));
        let mut counts = vec![0u32; 1000];
        (0..200_000).for_each(|_| counts[draw.next(&mut random)] += 1);
        let ratio = f64::from(counts[1]) / f64::from(counts[0]);
        assert!((0.45..0.55).contains(&ratio), "{ratio}");
        assert!(counts.iter().filter(|count| **count > 0).count() > 990);
    }
}
