//! The parts of the module that know nothing of Python: a test program has no interpreter, so they are taken in by
//! themselves. All that needs one is tested from Python (`tests/python`).

#[path = "../src/pipeline/jumps.rs"]
mod jumps;
#[path = "../src/pipeline/numbered.rs"]
mod numbered;

use std::collections::HashMap;

use jumps::{Jumps, Random};
use numbered::{Ints, Texts};

#[test]
fn keys_have_the_numbers_in_the_order_in_which_they_were_first_met() {
    let mut texts = Texts::default();
    let met =
        ["b", "", "a", "b", "a longer key than sixteen bytes", ""].map(|key| texts.number(key.as_bytes()));
    assert_eq!(met, [Ok(0), Ok(1), Ok(2), Ok(0), Ok(3), Ok(1)]);
    let keys: Vec<_> = (0..texts.len()).map(|number| texts.key(number)).collect();
    assert_eq!(keys, [&b"b"[..], b"", b"a", b"a longer key than sixteen bytes"]);

    let mut ints = Ints::default();
    assert_eq!([7, i64::MIN, 7, 0].map(|key| ints.number(key)), [Ok(0), Ok(1), Ok(0), Ok(2)]);
    assert_eq!((ints.len(), ints.key(0), ints.key(1), ints.key(2)), (3, 7, i64::MIN, 0));
}

#[test]
fn keys_that_are_one_behind_the_other_are_told_apart() {
    let mut texts = Texts::default();
    let met = ["ab", "c", "a", "bc", "abc", "b"].map(|key| texts.number(key.as_bytes()));
    assert_eq!(met, [Ok(0), Ok(1), Ok(2), Ok(3), Ok(4), Ok(5)]);
}

#[test]
fn a_table_that_grows_keeps_the_numbers_of_its_keys() {
    let (mut texts, mut ints, mut known) = (Texts::default(), Ints::default(), HashMap::new());
    let mut random = Random::new(1);
    for _ in 0..100_000 {
        let key = random.below(20_000);
        let next = known.len();
        let number = *known.entry(key).or_insert(next);
        assert_eq!(texts.number(key.to_string().as_bytes()), Ok(number));
        assert_eq!(ints.number(key as i64 - 10_000), Ok(number));
    }
    assert_eq!((texts.len(), ints.len()), (known.len(), known.len()));
    for (key, number) in known {
        assert_eq!((texts.key(number), ints.key(number)), (key.to_string().as_bytes(), key as i64 - 10_000));
    }
}

#[test]
fn a_number_that_no_key_has_is_an_empty_key() {
    assert_eq!((Texts::default().key(0), Ints::default().key(7)), (&b""[..], 0));
}

/// A sample of the numbers below `count`, as a pipeline draws it.
fn sample(size: usize, count: u64, seed: u64) -> Vec<u64> {
    let mut random = Random::new(seed);
    let mut taken: Vec<u64> = (0..count.min(size as u64)).collect();
    let mut jumps = Jumps::new(size, &mut random);
    let mut next = size as u64;
    loop {
        next = next.saturating_add(jumps.next(&mut random));
        if next >= count {
            return taken;
        }
        taken[random.below(size)] = next;
        next += 1;
    }
}

#[test]
fn each_record_has_the_same_chance_to_be_in_a_sample() {
    let mut tenths = [0; 10];
    for seed in 0..200 {
        for number in sample(50, 10_000, seed) {
            tenths[(number / 1_000) as usize] += 1;
        }
    }
    // 1,000 are expected in each; 130 are more than four standard deviations.
    assert!(tenths.iter().all(|count: &i32| (870..1_130).contains(count)), "{tenths:?}");
}

#[test]
fn a_sample_is_the_same_for_the_same_seed_and_has_no_record_twice() {
    let mut taken = sample(500, 100_000, 3);
    assert_eq!(taken, sample(500, 100_000, 3));
    assert_ne!(taken, sample(500, 100_000, 4));
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 500);
}
