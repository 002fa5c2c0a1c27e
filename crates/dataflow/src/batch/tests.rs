use std::panic::{AssertUnwindSafe, catch_unwind};

use millstream_model::error::Unit;
use millstream_model::time::Timestamp;

use super::{Batch, Origin};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn lines(first: u64, count: usize) -> Option<Origin> {
    Some(Origin::new("lines.txt".into(), Unit::Line, first, count))
}

#[test]
fn times_stay_with_their_records_through_filter_and_map() {
    let mut batch = Batch::default();
    for n in 0..6 {
        batch.push_at(n, at(n * 10));
    }
    batch.retain(|n| n % 2 == 1);
    let mut named = batch.map(|n| n.to_string());
    let seen: Vec<_> = named.drain_timed().collect();
    assert_eq!(seen, [("1".into(), at(10)), ("3".into(), at(30)), ("5".into(), at(50))]);
}

#[test]
fn a_record_without_a_time_beside_one_with_a_time_is_at_the_beginning() {
    let mut batch = Batch::default();
    batch.push('a');
    batch.push_at('b', at(7));
    batch.push('c');
    assert_eq!(batch.times(), [Timestamp::MIN, at(7), Timestamp::MIN]);
}

#[test]
fn appending_a_batch_fills_the_times_that_either_side_lacks() {
    let mut plain = Batch::from(vec![1, 2]);
    let mut timed = Batch::default();
    timed.push_at(3, at(3));
    plain.append(&mut timed);
    assert_eq!(plain.times(), [Timestamp::MIN, Timestamp::MIN, at(3)]);
    assert_eq!(plain.records(), [1, 2, 3]);
    assert!(timed.is_empty() && !timed.is_timed());
}

#[test]
fn the_record_at_which_a_panic_struck_is_known() {
    let mut batch = Batch::from((0..10).collect::<Vec<i32>>());
    batch.set_origin(lines(101, 10));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        for n in batch.drain() {
            assert!(n < 6);
        }
    }));
    assert!(panicked.is_err());
    assert_eq!(batch.handed(), 7);
    assert_eq!(batch.position(6).map(|p| p.to_string()), Some("lines.txt, line 107".into()));
}

#[test]
fn a_panic_in_map_and_in_retain_leaves_the_same_trace() {
    let mut mapped = Batch::from(vec![1, 2, 0, 4]);
    assert!(catch_unwind(AssertUnwindSafe(|| mapped.map(|n| 12 / n))).is_err());
    assert_eq!(mapped.handed(), 3);
    let mut kept = Batch::from(vec![1, 0, 4]);
    assert!(catch_unwind(AssertUnwindSafe(|| kept.retain(|n| 12 / n > 3))).is_err());
    assert_eq!(kept.handed(), 2);
}

#[test]
fn a_filtered_batch_knows_the_range_of_its_origin_only() {
    let mut batch = Batch::from(vec![1, 2, 3, 4]);
    batch.set_origin(lines(5, 4));
    batch.retain(|n| *n != 2);
    assert_eq!(batch.position(1).map(|p| p.to_string()), Some("lines.txt, between line 5 and line 8".into()));
}

#[test]
fn a_front_that_is_taken_off_keeps_its_place_and_leaves_the_rest_its_own() {
    let mut batch = Batch::from(vec!['a', 'b', 'c']);
    batch.set_origin(lines(1, 3));
    let front = batch.take_front(2);
    assert_eq!(front.records(), ['a', 'b']);
    assert_eq!(front.position(1).map(|p| p.first), Some(2));
    assert_eq!(batch.position(0).map(|p| p.first), Some(3));
}

#[test]
fn hashes_that_came_with_the_records_are_used_and_not_made_again() {
    let mut batch = Batch::default();
    batch.push_keyed("x", None, 17);
    let seen: Vec<_> = batch.drain_hashed(|_| unreachable!("the hash is there")).collect();
    assert_eq!(seen, [("x", 17)]);
    let mut bare = Batch::from(vec!["x"]);
    assert_eq!(bare.drain_hashed(|_| 4).collect::<Vec<_>>(), [("x", 4)]);
}

#[test]
fn a_panic_in_either_of_two_passes_tells_its_record() {
    let handed = |records: Vec<i32>, run: fn(&mut Batch<i32>)| {
        let mut batch = Batch::from(records);
        assert!(catch_unwind(AssertUnwindSafe(|| run(&mut batch))).is_err());
        batch.handed()
    };
    assert_eq!(handed(vec![1, 2, 0, 4], |batch| drop(batch.prepare(|n| 12 / n, |_| 0))), 3);
    assert_eq!(handed(vec![1, 0, 4], |batch| drop(batch.prepare(|n| *n, |_| 0).map(|_, _, n| 12 / n))), 2);
    assert_eq!(handed(vec![1, 2, 0, 4], |batch| drop(batch.prepare_hashes(|n| 12 / *n as u64))), 3);
    assert_eq!(handed(vec![1, 0, 4], |batch| drop(batch.prepare_hashes(|_| 0).map(|_, n| 12 / n))), 2);
}

#[test]
fn two_passes_keep_times_and_know_the_hashes_that_came_along() {
    let keyed = || {
        let mut batch = Batch::default();
        batch.push_keyed("x", Some(at(3)), 17);
        batch
    };
    let mut batch = keyed();
    let mut done = batch.prepare(|record| record.len(), |_| 1).map(|hash, key, record| (record, key, hash));
    assert_eq!(done.drain_timed().collect::<Vec<_>>(), [(("x", 1, 17), at(3))]);
    assert!(batch.hashes().is_empty() && batch.is_empty());
    let mut batch = keyed();
    let mut done = batch.prepare_hashes(|_| 1).map(|hash, record| (record, hash));
    assert_eq!(done.drain_timed().collect::<Vec<_>>(), [(("x", 17), at(3))]);
    assert!(batch.hashes().is_empty() && batch.is_empty());
}

#[test]
fn two_passes_find_the_hashes_that_did_not_come_along() {
    let mut batch = Batch::from(vec!["xy"]);
    let done = batch.prepare(|record| record.len(), |key| *key as u64 * 10).map(|hash, key, _| (hash, key));
    assert_eq!(done.records(), [(20, 2)]);
}
