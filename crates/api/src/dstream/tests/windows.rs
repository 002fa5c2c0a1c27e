//! Several batches together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;

const FIVE: &[&[i64]] = &[&[1], &[2, 20], &[], &[4], &[5]];

#[test]
fn a_window_holds_the_batches_of_its_length_at_each_slide() {
    let every = outcome_of(FIVE, 5, |numbers| numbers.window(seconds(2), seconds(1)));
    let expected = [(1, vec![1]), (2, vec![1, 2, 20]), (3, vec![2, 20]), (4, vec![4]), (5, vec![4, 5])];
    assert_eq!(every, expected);
    let second = outcome_of(FIVE, 5, |numbers| numbers.window(seconds(3), seconds(2)));
    assert_eq!(second, [(2, vec![1, 2, 20]), (4, vec![2, 4, 20])]);
    let gaps = outcome_of(FIVE, 5, |numbers| numbers.window(seconds(1), seconds(2)));
    assert_eq!(gaps, [(2, vec![2, 20]), (4, vec![4])], "a slide longer than the window leaves batches out");
}

#[test]
fn windows_may_follow_upon_windows() {
    let outcome = outcome_of(FIVE, 6, |numbers| {
        numbers
            .map(|n| n + 100)
            .window(seconds(2), seconds(2))
            .map(|n| n - 100)
            .window(seconds(4), seconds(2))
    });
    assert_eq!(outcome, [(2, vec![1, 2, 20]), (4, vec![1, 2, 4, 20]), (6, vec![4, 5])]);
}

#[test]
fn reduce_by_window_is_the_same_with_and_without_inverse() {
    for (window, slide) in [(2, 1), (3, 2), (5, 1), (1, 2), (2, 3)] {
        let (window, slide) = (seconds(window), seconds(slide));
        let plain = outcome_of(FIVE, 8, |n| n.reduce_by_window(|a, b| a + b, window, slide));
        let carried = outcome_of(FIVE, 8, |n| {
            n.reduce_by_window_with_inverse(|a, b| a + b, |a, b| a - b, window, slide)
        });
        assert_eq!(plain, carried, "window {window:?}, slide {slide:?}");
        let expected: i64 = FIVE.iter().flat_map(|batch| batch.iter()).sum();
        if window == seconds(5) {
            assert_eq!(plain[4], (5, vec![expected]));
            assert_eq!(plain[7], (8, vec![9]));
        }
    }
}

#[test]
fn reduce_by_key_and_window_is_the_same_with_and_without_inverse() {
    let words: Vec<Vec<(u32, i64)>> = (0..12u32)
        .map(|batch| (0..batch * 7 % 11).map(|n| (n * batch % 5, i64::from(n + batch))).collect())
        .collect();
    let words: Vec<&[(u32, i64)]> = words.iter().map(Vec::as_slice).collect();
    for (window, slide) in [(3, 1), (4, 2), (1, 1), (2, 3)] {
        let (window, slide) = (seconds(window), seconds(slide));
        let plain = outcome_of(&words, 16, |w| w.reduce_by_key_and_window(|a, b| a + b, window, slide));
        let carried = outcome_of(&words, 16, |w| {
            w.reduce_by_key_and_window_with_inverse(|a, b| a + b, |a, b| a - b, window, slide)
        });
        assert_eq!(plain, carried, "window {window:?}, slide {slide:?}");
        assert!(plain.iter().any(|(_, sums)| sums.len() == 5), "{plain:?}");
        assert_eq!(plain.last().unwrap().1, [], "keys that have left the window are gone");
    }
}

#[test]
fn counts_by_window_are_there_for_empty_windows_too() {
    let counts = outcome_of(FIVE, 7, |numbers| numbers.count_by_window(seconds(2), seconds(1)));
    let counts: Vec<u64> = counts.into_iter().flat_map(|(_, counts)| counts).collect();
    assert_eq!(counts, [1, 3, 2, 1, 2, 1, 0]);
}

#[test]
fn values_are_counted_and_grouped_over_a_window() {
    let letters: &[&[char]] = &[&['a', 'b'], &['a'], &[]];
    let counts = outcome_of(letters, 3, |l| l.count_by_value_and_window(seconds(2), seconds(1)));
    assert_eq!(counts, [(1, vec![('a', 1), ('b', 1)]), (2, vec![('a', 2), ('b', 1)]), (3, vec![('a', 1)])]);
    let pairs: &[&[(char, u32)]] = &[&[('a', 1)], &[('a', 2)]];
    let groups = outcome_of(pairs, 2, |pairs| {
        pairs.group_by_key_and_window(seconds(2), seconds(2)).map_values(|mut all| {
            all.sort();
            all
        })
    });
    assert_eq!(groups, [(2, vec![('a', vec![1, 2])])]);
}

/// How often `reduce` and `inverse` were called over 60 seconds of ten records of one key each.
fn calls(window: Duration) -> u64 {
    let calls = Arc::new(AtomicU64::new(0));
    let (reduced, inverted) = (Arc::clone(&calls), Arc::clone(&calls));
    let batches: Vec<&[i64]> = (0..60).map(|_| [1; 10].as_slice()).collect();
    let sums = outcome_of(&batches, 60, |numbers| {
        let reduce = move |a, b| {
            reduced.fetch_add(1, Ordering::Relaxed);
            a + b
        };
        let inverse = move |a, b| {
            inverted.fetch_add(1, Ordering::Relaxed);
            a - b
        };
        numbers.reduce_by_window_with_inverse(reduce, inverse, window, seconds(1))
    });
    assert_eq!(sums[59], (60, vec![10 * i64::try_from(window.as_secs()).unwrap()]));
    calls.load(Ordering::Relaxed)
}

#[test]
fn with_an_inverse_a_slide_costs_the_same_whatever_the_window() {
    // Each batch: 9 calls for its own records, one to add it, one to take another away.
    assert_eq!(calls(seconds(5)), 60 * 9 + 59 + 55);
    assert_eq!(calls(seconds(50)), 60 * 9 + 59 + 10);
}

#[test]
fn a_batch_is_computed_once_for_all_windows_that_hold_it() {
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    let windows = outcome_of(FIVE, 5, |numbers| {
        let counted = numbers.map(move |n| {
            count.fetch_add(1, Ordering::Relaxed);
            n
        });
        counted.window(seconds(4), seconds(1))
    });
    assert_eq!(windows[4], (5, vec![2, 4, 5, 20]));
    assert_eq!(seen.load(Ordering::Relaxed), 5);
}

#[test]
fn windows_that_do_not_fit_are_refused_at_the_start() {
    let refused = |make: fn(&DStream<i64>) -> DStream<i64>| {
        let (batches, _) = program();
        make(&queued(&batches, FIVE)).print(1);
        batches.start().unwrap_err().to_string()
    };
    let error = refused(|n| n.window(Duration::from_millis(2500), seconds(1)));
    assert!(error.starts_with("the window of 2.5s is no multiple of 1000 ms"), "{error}");
    assert!(error.contains("2000 ms or 3000 ms would be right"), "{error}");
    let error = refused(|n| n.reduce_by_window(|a, b| a + b, seconds(2), Duration::from_millis(1500)));
    assert!(error.starts_with("the slide of 1.5s is no multiple of 1000 ms"), "{error}");
    let error = refused(|n| n.window(seconds(4), seconds(2)).window(seconds(3), seconds(2)));
    assert!(error.starts_with("the window of 3s is no multiple of 2000 ms"), "{error}");
}
