//! Samples with and without replacement.

use super::*;

fn sizes(with_replacement: bool, fraction: f64, seed: u64) -> Vec<i64> {
    context().range(0, 20_000).sample(with_replacement, fraction, seed).collect().unwrap()
}

#[test]
fn without_replacement_each_record_is_there_at_most_once_and_about_as_many_as_asked_for() {
    let sampled = sizes(false, 0.3, 1);
    assert!((5700..6300).contains(&sampled.len()), "{}", sampled.len());
    assert!(sampled.is_sorted_by(|a, b| a < b), "none twice");
    assert_eq!(sizes(false, 0.0, 1).len(), 0);
    assert_eq!(sizes(false, 1.0, 1).len(), 20_000);
}

#[test]
fn with_replacement_records_repeat_as_the_poisson_distribution_has_it() {
    for fraction in [0.5, 2.0, 70.0] {
        let context = context();
        let sampled = context.range(0, 20_000).sample(true, fraction, 7);
        let counts = sampled.map(|n| (n, 1u64)).reduce_by_key(|a, b| a + b).map(|(_, times)| times);
        let counts = counts.collect().unwrap();
        let mean = counts.iter().sum::<u64>() as f64 / 20_000.0;
        let squares = counts.iter().map(|times| (times * times) as f64).sum::<f64>() / 20_000.0;
        let variance = squares - mean * mean;
        assert!((mean / fraction - 1.0).abs() < 0.05, "mean {mean} for {fraction}");
        assert!((variance / fraction - 1.0).abs() < 0.1, "variance {variance} for {fraction}");
    }
    assert_eq!(sizes(true, 0.0, 7).len(), 0);
}

#[test]
fn a_seed_gives_the_same_sample_each_time_and_another_seed_another_one() {
    for with_replacement in [false, true] {
        assert_eq!(sizes(with_replacement, 0.2, 5), sizes(with_replacement, 0.2, 5));
        assert_ne!(sizes(with_replacement, 0.2, 5), sizes(with_replacement, 0.2, 6));
    }
}

#[test]
fn partitions_are_sampled_each_in_its_own_way_and_alike_when_computed_again() {
    let context = Context::builder().parallelism(2).build().unwrap();
    let rdd = context.parallelize_in((0..2000).map(|n| n % 1000), 2).sample(false, 0.5, 9).cache();
    let parts = rdd.glom().collect().unwrap();
    assert_ne!(parts[0], parts[1], "the same records in both partitions, sampled differently");
    context.engine.lose_cached(rdd.id(), 1);
    assert_eq!(rdd.glom().collect().unwrap(), parts);
}

#[test]
fn a_fraction_that_makes_no_sense_is_refused() {
    for (with_replacement, fraction) in [(false, -0.1), (false, 1.5), (true, -1.0), (true, f64::NAN)] {
        let sampled = context().range(0, 10).sample(with_replacement, fraction, 0);
        let message = sampled.count().unwrap_err().to_string();
        assert!(message.contains(&format!("the fraction is {fraction}")), "{message}");
        assert!(message.contains("give one that is") && message.contains('0'), "{message}");
    }
}
