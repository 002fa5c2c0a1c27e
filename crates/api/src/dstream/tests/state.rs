//! State that is carried from batch to batch.

use super::*;

fn sum(new: Vec<u64>, total: Option<u64>) -> Option<u64> {
    Some(total.unwrap_or(0) + new.iter().sum::<u64>())
}

const WORDS: &[&[(char, u64)]] = &[&[('a', 1), ('b', 1), ('a', 1)], &[], &[('a', 5), ('c', 1)]];

#[test]
fn state_is_carried_from_batch_to_batch() {
    let totals = outcome_of(WORDS, 4, |words| words.update_state_by_key(sum));
    let last = vec![('a', 7), ('b', 1), ('c', 1)];
    let first = vec![('a', 2), ('b', 1)];
    assert_eq!(totals, [(1, first.clone()), (2, first), (3, last.clone()), (4, last)]);
}

#[test]
fn a_key_whose_update_gives_nothing_is_dropped() {
    let live = outcome_of(WORDS, 4, |words| {
        words.update_state_by_key(|new: Vec<u64>, _: Option<usize>| (!new.is_empty()).then_some(new.len()))
    });
    assert_eq!(
        live,
        [(1, vec![('a', 2), ('b', 1)]), (2, vec![]), (3, vec![('a', 1), ('c', 1)]), (4, vec![])]
    );
}

#[test]
fn state_may_begin_with_an_rdd() {
    let (batches, clock) = program();
    let initial = batches.context().parallelize([('a', 100), ('z', 1)]);
    let totals = queued(&batches, WORDS).update_state_by_key_from(&initial, sum);
    let outcome = outcome(&batches, &clock, &totals, 2);
    let both = vec![('a', 102), ('b', 1), ('z', 1)];
    assert_eq!(outcome, [(1, both.clone()), (2, both)]);
}

#[test]
fn update_is_called_once_a_batch_for_each_key() {
    let (batches, clock) = program();
    let (calls, seen) = channel();
    let calls = std::sync::Mutex::new(calls);
    let counted = queued(&batches, WORDS).update_state_by_key(move |new: Vec<u64>, state: Option<u64>| {
        calls.lock().unwrap().send(()).unwrap();
        sum(new, state)
    });
    // Two output operations ask for the same state.
    counted.foreach_rdd(|rdd| rdd.count().map(drop));
    assert_eq!(outcome(&batches, &clock, &counted, 3).len(), 3);
    assert_eq!(seen.try_iter().count(), 2 + 2 + 3);
}

#[test]
fn state_under_a_window_is_carried_on_through_the_batches_between() {
    let outcome = outcome_of(WORDS, 4, |words| {
        words.update_state_by_key(sum).filter(|(word, _)| *word == 'a').window(seconds(2), seconds(2))
    });
    assert_eq!(outcome, [(2, vec![('a', 2), ('a', 2)]), (4, vec![('a', 7), ('a', 7)])]);
}

#[test]
fn state_over_a_window_is_carried_from_slide_to_slide() {
    let outcome = outcome_of(WORDS, 4, |words| words.window(seconds(2), seconds(2)).update_state_by_key(sum));
    let last = vec![('a', 7), ('b', 1), ('c', 1)];
    assert_eq!(outcome, [(2, vec![('a', 2), ('b', 1)]), (4, last)]);
}
