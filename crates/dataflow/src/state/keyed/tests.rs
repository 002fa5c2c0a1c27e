//! Keyed states behave as their names say, slots come and go with what they hold, and snapshots show one moment.

use std::collections::BTreeSet;

use millstream_model::key::range_of;
use proptest::prelude::*;

use super::super::snapshot::OperatorSnapshot;
use super::*;

fn hash(key: &u64) -> u64 {
    (key ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn max() -> MaxParallelism {
    MaxParallelism::default()
}

fn store_of(range: KeyGroupRange) -> KeyedStore<u64> {
    KeyedStore::new(range, max(), KeyFunctions::new(hash))
}

fn store() -> KeyedStore<u64> {
    store_of(max().all())
}

fn at<K: KeyData>(store: &mut KeyedStore<K>, key: K) -> &mut KeyedStore<K> {
    let hash = (store.keys.key_functions().hash)(&key);
    store.set_key(hash, &key).unwrap();
    store
}

fn snapshot(store: &mut KeyedStore<u64>) -> OperatorSnapshot {
    OperatorSnapshot { keyed: store.freeze(), operator: Vec::new() }
}

fn all(snapshots: Vec<OperatorSnapshot>) -> OperatorRestore {
    OperatorRestore::of(snapshots, 0, 1, max().all()).unwrap()
}

fn last_values() -> ValueStateDescriptor<u32> {
    ValueStateDescriptor::new("last")
}

#[test]
fn each_kind_of_state_keeps_what_its_key_was_given() {
    let mut store = store();
    let value = store.value(&ValueStateDescriptor::<String>::new("value")).unwrap();
    let list = store.list(&ListStateDescriptor::<u8>::new("list")).unwrap();
    let map = store.map(&MapStateDescriptor::<String, u8>::new("map")).unwrap();
    let total = store.reducing(&ReducingStateDescriptor::new("total", |a: u64, b| a + b)).unwrap();
    let mean = AggregatingStateDescriptor::new(
        "mean",
        || (0.0, 0u32),
        |(sum, count): &mut (f64, u32), delay: f64| (*sum, *count) = (*sum + delay, *count + 1),
        |(sum, count)| sum / f64::from(*count),
    );
    let mean = store.aggregating(&mean).unwrap();
    for key in [1u64, 2] {
        at(&mut store, key);
        value.update(format!("v{key}"));
        list.add_all([1, 2]);
        map.put_all([("b".to_owned(), 2), ("a".to_owned(), 1)]);
        total.add(key);
        total.add(10);
        mean.add(1.0);
        mean.add(key as f64);
    }
    at(&mut store, 1);
    list.add(3);
    assert_eq!(map.remove(&"b".to_owned()), Some(2));
    assert_eq!((value.get(), list.get(), total.get()), (Some("v1".to_owned()), vec![1, 2, 3], Some(11)));
    assert_eq!(
        (map.keys(), map.values(), map.contains(&"b".to_owned())),
        (vec!["a".to_owned()], vec![1], false)
    );
    at(&mut store, 2);
    assert_eq!((value.get(), list.get(), total.get()), (Some("v2".to_owned()), vec![1, 2], Some(12)));
    assert_eq!((map.entries().len(), mean.get()), (2, Some(1.5)));
    at(&mut store, 3);
    assert_eq!(
        (value.get(), list.is_empty(), map.is_empty(), total.get(), mean.get()),
        (None, true, true, None, None)
    );
    store.check().unwrap();
}

#[test]
fn a_key_without_state_and_timers_keeps_no_slot() {
    let mut store = store();
    let value = store.value(&last_values()).unwrap();
    let list = store.list(&ListStateDescriptor::<u8>::new("list")).unwrap();
    at(&mut store, 1);
    value.update(1);
    list.add(1);
    at(&mut store, 2);
    assert_eq!(value.get(), None);
    at(&mut store, 1);
    assert_eq!(store.len(), 1);
    value.clear();
    list.update(Vec::new());
    assert!(store.register_timer(TimeDomain::EventTime, 5));
    at(&mut store, 3);
    assert_eq!(store.len(), 2);
    at(&mut store, 1).delete_timer(TimeDomain::EventTime, 5);
    store.unset_key();
    assert!(store.is_empty());
    at(&mut store, 4);
    value.update(4);
    assert_eq!(store.next_slot, 2, "slots are used again");
}

#[test]
fn a_fired_timer_sets_its_key_and_lets_go_of_the_slot() {
    let mut store = store();
    let value = store.value(&last_values()).unwrap();
    for key in 0..10u64 {
        at(&mut store, key);
        value.update(key as u32);
        store.register_timer(TimeDomain::EventTime, (key % 3) as i64);
        assert!(!store.register_timer(TimeDomain::EventTime, (key % 3) as i64));
    }
    let mut fired = Vec::new();
    while let Some((key, time)) = store.fire_next(TimeDomain::EventTime, 1).unwrap() {
        let again = (time, key) == (1, 0);
        assert_eq!(value.get(), (!again).then_some(key as u32));
        value.clear();
        if (time, key) == (0, 0) {
            store.register_timer(TimeDomain::EventTime, 1);
        }
        fired.push((time, key));
    }
    let times: Vec<i64> = fired.iter().map(|(time, _)| *time).collect();
    assert!(times.is_sorted());
    assert_eq!(
        fired.iter().filter(|fired| **fired == (1, 0)).count(),
        1,
        "a timer registered meanwhile fires too"
    );
    assert_eq!(fired.iter().collect::<BTreeSet<_>>().len(), 4 + 3 + 1);
    store.unset_key();
    assert_eq!((store.len(), store.next_timer(TimeDomain::EventTime)), (3, Some(2)));
}

#[test]
fn a_snapshot_shows_its_moment_whatever_is_written_afterwards() {
    let mut store = store();
    let value = store.value(&last_values()).unwrap();
    for key in 0..2_000u64 {
        at(&mut store, key);
        value.update(1);
        store.register_timer(TimeDomain::ProcessingTime, (key % 7) as i64);
    }
    let frozen = snapshot(&mut store);
    for key in 0..4_000u64 {
        at(&mut store, key);
        if key % 2 == 0 { value.clear() } else { value.update(2) }
    }
    while store.fire_next(TimeDomain::ProcessingTime, 3).unwrap().is_some() {}

    let mut restored = self::store();
    let value = restored.value(&last_values()).unwrap();
    restored.restore(&mut all(vec![frozen])).unwrap();
    assert_eq!(restored.len(), 2_000);
    for key in 0..2_000u64 {
        at(&mut restored, key);
        assert_eq!(value.get(), Some(1));
        assert!(restored.delete_timer(TimeDomain::ProcessingTime, (key % 7) as i64));
        value.clear();
    }
    restored.unset_key();
    assert!(restored.is_empty());
}

proptest! {
    #[test]
    fn state_moves_with_its_keys_to_any_parallelism(
        keys in prop::collection::btree_set(any::<u64>(), 0..200), before in 1u16..6, after in 1u16..6,
    ) {
        let snapshots = (0..before).map(|subtask| {
            let mut store = store_of(range_of(subtask, before, max()));
            let value = store.value(&last_values()).unwrap();
            for key in &keys {
                if store.set_key(hash(key), key).is_ok() {
                    value.update(*key as u32);
                    store.register_timer(TimeDomain::EventTime, *key as i64);
                }
            }
            store
        });
        let mut stores: Vec<_> = snapshots.collect();
        let mut seen = BTreeSet::new();
        for subtask in 0..after {
            let range = range_of(subtask, after, max());
            let snapshots = stores.iter_mut().map(snapshot).collect();
            let mut restore = OperatorRestore::of(snapshots, subtask, after, range).unwrap();
            let mut store = store_of(range);
            let value = store.value(&last_values()).unwrap();
            store.restore(&mut restore).unwrap();
            prop_assert!(restore.unclaimed().is_empty());
            while let Some((key, time)) = store.fire_next(TimeDomain::EventTime, i64::MAX).unwrap() {
                prop_assert_eq!((time, value.get()), (key as i64, Some(key as u32)));
                prop_assert!(seen.insert(key));
            }
        }
        prop_assert_eq!(seen, keys);
    }
}

#[test]
fn timers_that_were_just_firing_are_in_the_snapshot() {
    let mut store = store();
    for key in 0..5u64 {
        at(&mut store, key).register_timer(TimeDomain::EventTime, 1);
    }
    store.fire_next(TimeDomain::EventTime, 1).unwrap();
    let frozen = snapshot(&mut store);
    let mut restored = self::store();
    restored.restore(&mut all(vec![frozen])).unwrap();
    assert_eq!(restored.len(), 4);
}

#[test]
fn misuse_is_reported_once_with_the_name_of_the_state() {
    let mut store = store();
    let value = store.value(&last_values()).unwrap();
    value.update(1);
    assert_eq!(
        store.check().unwrap_err().to_string(),
        "the state `last` was written to without a current key, outside of the handling of a record or timer"
    );
    store.check().unwrap();
    at(&mut store, 1);
    value.with_mut(|_| value.update(2));
    assert_eq!(store.check().unwrap_err(), StateError::Nested { name: "last".to_owned() });
}

#[test]
fn declarations_of_one_name_or_after_opening_are_refused() {
    let mut store = store();
    store.value(&last_values()).unwrap();
    let twice = store.list(&ListStateDescriptor::<u8>::new("last")).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "the state `last` is declared twice; each state of an operator needs a name of its own"
    );
    store.restore(&mut OperatorRestore::empty()).unwrap();
    let late = store.value(&ValueStateDescriptor::<u8>::new("late")).unwrap_err();
    assert_eq!(late, StateError::DeclaredLate { name: "late".to_owned() });
}

/// A checkpoint with one value state `last` of `u32`, for the key 1.
fn one_value() -> OperatorSnapshot {
    let mut store = store();
    let value = store.value(&last_values()).unwrap();
    at(&mut store, 1);
    value.update(7);
    snapshot(&mut store)
}

fn message(declare: impl FnOnce(&mut KeyedStore<u64>)) -> String {
    let mut store = store();
    declare(&mut store);
    store.restore(&mut all(vec![one_value()])).unwrap_err().to_string()
}

#[test]
fn a_state_of_another_kind_type_or_newer_version_is_refused_by_name() {
    let list = message(|store| drop(store.list(&ListStateDescriptor::<u32>::new("last"))));
    assert_eq!(
        list,
        "the state `last` is a value state in the checkpoint and a list state in the program; give the new state \
         another name, or restore the old kind"
    );
    let wider = message(|store| drop(store.value(&ValueStateDescriptor::<u64>::new("last"))));
    assert!(
        wider.starts_with(
            "the state `last` of type u64 -> u32 in the checkpoint cannot be read as u64 -> u64 of the program: key \
             group "
        ),
        "{wider}"
    );
    assert!(wider.contains("entry 0: at `1`: u32 in the checkpoint, u64 in the program; "), "{wider}");
    let older = message(|store| drop(store.value(&last_values().version(0))));
    assert!(older.contains("schema version 1 in the checkpoint, newer than the program's 0"), "{older}");
}

#[test]
fn states_without_a_counterpart_are_listed_on_both_sides() {
    let mut store = store();
    store.list(&ListStateDescriptor::<String>::new("new")).unwrap();
    let mut restore = all(vec![one_value()]);
    store.restore(&mut restore).unwrap();
    let unclaimed: Vec<String> = restore.unclaimed().iter().map(ToString::to_string).collect();
    assert_eq!(unclaimed, ["`last` (a value state of type u64 -> u32)"]);
    let absent: Vec<String> = restore.absent().iter().map(ToString::to_string).collect();
    assert_eq!(absent, ["`new` (a list state of type u64 -> Vec<String>)"]);
}

/// Run with `cargo test --release -p millstream-dataflow measure -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn measure_counting_in_a_value_state() {
    let mut store = store();
    let count = store.value(&ValueStateDescriptor::<u64>::new("count")).unwrap();
    for round in ["insert 100k", "count 100k", "count 100k", "while frozen", "while frozen"] {
        let frozen = (round == "while frozen").then(|| store.freeze());
        let (start, mut worst, mut last) = (std::time::Instant::now(), 0, std::time::Instant::now());
        for key in 0..100_000u64 {
            let key = key.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8;
            store.set_key(hash(&key), &key).unwrap();
            count.with_mut(|count| *count += 1);
            if key.is_multiple_of(1_000) {
                worst = worst.max(last.elapsed().as_micros());
                last = std::time::Instant::now();
            }
        }
        let nanos = start.elapsed().as_nanos() as f64 / 1e5;
        println!("{round}: {nanos:.1} ns a record, longest run of about 1000 records {worst} us");
        drop(frozen);
    }
}

#[test]
fn what_is_put_into_a_state_keeps_no_read_buffer_alive() {
    use millstream_model::text::Text;

    let buffer = Text::from("0123456789 ".repeat(10_000));
    let view = |at: usize| buffer.slice(at..at + 20);
    let is_small = |text: &Text| text.pinned_bytes() < 100;
    let mut store = store();
    let value = store.value(&ValueStateDescriptor::<Option<Text>>::new("value")).unwrap();
    let list = store.list(&ListStateDescriptor::<(u8, Text)>::new("list")).unwrap();
    let map = store.map(&MapStateDescriptor::<Text, Text>::new("map")).unwrap();
    let last = store.reducing(&ReducingStateDescriptor::new("last", |_: Text, b| b)).unwrap();
    at(&mut store, 1);
    value.update(Some(view(0)));
    list.update(vec![(0, view(1))]);
    list.add((1, view(2)));
    list.add_all([(2, view(3))]);
    map.put(view(4), view(5));
    map.put_all([(view(6), view(7))]);
    last.add(view(8));
    last.add(view(9));
    assert!(!is_small(&view(0)));
    assert!(value.get().flatten().as_ref().is_some_and(is_small));
    assert!(list.get().iter().all(|(_, text)| is_small(text)));
    assert!(map.entries().iter().all(|(key, value)| is_small(key) && is_small(value)));
    assert!(last.get().as_ref().is_some_and(is_small));
    assert_eq!((list.get().len(), map.entries().len()), (3, 2));
}
