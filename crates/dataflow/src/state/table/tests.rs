//! A table behaves as a map, whatever is frozen meanwhile, and its bytes read back at any parallelism.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use millstream_model::key::range_of;
use proptest::prelude::*;

use super::*;
use crate::state::encoding::Encoder;
use crate::state::snapshot::StateKind;

fn hash(key: &u64) -> u64 {
    (key ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn max() -> MaxParallelism {
    MaxParallelism::default()
}

fn table() -> KeyedTable<u64, u64> {
    KeyedTable::new(max().all(), max(), KeyFunctions::new(hash))
}

fn contents(frozen: &FrozenTable<u64, u64>) -> BTreeMap<u64, u64> {
    max()
        .all()
        .iter()
        .flat_map(|group| frozen.iter_group(group).map(|(k, v)| (*k, *v)).collect::<Vec<_>>())
        .collect()
}

#[derive(Debug, Clone)]
enum Step {
    Add(u64, u64),
    Change(u64, u64),
    Insert(u64, u64),
    Remove(u64),
    KeepEven,
    Freeze,
    LetGo,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0u64..40;
    let step = prop_oneof![
        8 => (key.clone(), 0u64..9).prop_map(|(key, value)| Step::Add(key, value)),
        8 => (key.clone(), 0u64..9).prop_map(|(key, value)| Step::Change(key, value)),
        3 => (key.clone(), 0u64..9).prop_map(|(key, value)| Step::Insert(key, value)),
        3 => key.prop_map(Step::Remove),
        1 => Just(Step::KeepEven),
        1 => Just(Step::Freeze),
        1 => Just(Step::LetGo),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn a_table_behaves_as_a_map_and_frozen_ones_never_change(
        steps in steps(), groups in prop::sample::select(vec![1u32, 128]), filled in prop::sample::select(vec![0u64, 2_000]),
    ) {
        // One large group stays lent for some thirty changes, many small ones are copied at the first.
        let max = MaxParallelism::new(groups).unwrap();
        let mut table = KeyedTable::new(max.all(), max, KeyFunctions::new(hash));
        let mut model: BTreeMap<u64, u64> = (20..20 + filled).map(|key| (key, key)).collect();
        for (key, value) in &model {
            table.insert(hash(key), *key, *value).unwrap();
        }
        let mut frozen = Vec::new();
        for step in steps {
            match step {
                Step::Add(key, value) => {
                    *table.get_or_insert_ref(hash(&key), &key, || 0).unwrap() += value;
                    *model.entry(key).or_insert(0) += value;
                }
                Step::Change(key, value) => {
                    let add = |_, held: &mut u64, value: u64| *held += value;
                    table.writer().change_or_insert(hash(&key), key, value, &add, &|_, value| (value, ()));
                    *model.entry(key).or_insert(0) += value;
                }
                Step::Insert(key, value) => {
                    prop_assert_eq!(table.insert(hash(&key), key, value).unwrap(), model.insert(key, value));
                }
                Step::Remove(key) => prop_assert_eq!(table.remove(hash(&key), &key), model.remove(&key)),
                Step::KeepEven => {
                    table.retain(|_, value| *value % 2 == 0);
                    model.retain(|_, value| *value % 2 == 0);
                }
                Step::Freeze => frozen.push((table.freeze(), model.clone())),
                Step::LetGo => frozen.truncate(1),
            }
            prop_assert_eq!(table.len(), model.len());
            prop_assert_eq!(table.iter().count(), model.len());
        }
        for (frozen, model) in &frozen {
            prop_assert_eq!(&contents(frozen), model);
        }
        prop_assert_eq!(&table.iter().map(|(k, v)| (*k, *v)).collect::<BTreeMap<_, _>>(), &model);
        let mut drained = BTreeMap::new();
        table.drain(|key, value| drained.extend([(key, value)]));
        prop_assert!(table.is_empty());
        prop_assert_eq!(drained, model);
    }

    #[test]
    fn groups_read_back_at_any_parallelism(
        model in prop::collection::btree_map(any::<u64>(), any::<u64>(), 0..200), parallelism in 1u16..7,
    ) {
        let mut table = table();
        for (key, value) in &model {
            table.insert(hash(key), *key, *value).unwrap();
        }
        let frozen = table.freeze();
        let mut read = BTreeMap::new();
        for subtask in 0..parallelism {
            let range = range_of(subtask, parallelism, max());
            let mut restored = KeyedTable::new(range, max(), KeyFunctions::new(hash));
            for group in range.iter() {
                let mut bytes = Vec::new();
                let entries = frozen.encode_group(group, &mut bytes).unwrap();
                restored.restore_group(group, &bytes).unwrap();
                prop_assert_eq!(restored.iter_group(group).count(), entries as usize);
            }
            read.extend(restored.iter().map(|(key, value)| (*key, *value)));
        }
        prop_assert_eq!(read, model);
    }

    #[test]
    fn groups_of_broken_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut table = table();
        let _ = table.restore_group(KeyGroup(0), &bytes);
    }
}

#[test]
fn a_key_of_another_subtask_is_refused() {
    let mut table = KeyedTable::new(range_of(0, 2, max()), max(), KeyFunctions::new(hash));
    let foreign = (0..).find(|key| key_group_of(hash(key), max()).0 == 100).unwrap();
    let error = table.get_or_insert_ref(hash(&foreign), &foreign, || 0u64).unwrap_err();
    assert_eq!(error.to_string(), "a key of group 100 reached the subtask that owns the groups 0..64");
    assert_eq!(table.get(hash(&foreign), &foreign), None);
    assert_eq!(table.remove(hash(&foreign), &foreign), None);
}

#[test]
fn a_loops_key_of_another_subtask_is_told_once_and_not_kept() {
    let mut table = KeyedTable::new(range_of(1, 2, max()), max(), KeyFunctions::new(hash));
    let foreign = (0..).find(|key| key_group_of(hash(key), max()).0 == 10).unwrap();
    let seen =
        table.writer().change_or_insert(hash(&foreign), foreign, 7, &|_, _: &mut u64, n| n, &|_, n| (n, n));
    assert_eq!((seen, table.len()), (7, 0));
    let error = table.check().unwrap_err();
    assert_eq!(error.to_string(), "a key of group 10 reached the subtask that owns the groups 64..128");
    assert_eq!(table.check(), Ok(()));
}

/// A number that counts how often numbers were copied.
#[derive(Debug)]
struct Copied(u64, Arc<AtomicU64>);

impl Clone for Copied {
    fn clone(&self) -> Self {
        self.1.fetch_add(1, Ordering::Relaxed);
        Self(self.0, Arc::clone(&self.1))
    }
}

fn of_copied(keys: u64) -> (KeyedTable<u64, Copied>, Arc<AtomicU64>) {
    let copies = Arc::new(AtomicU64::new(0));
    let mut table = KeyedTable::new(max().all(), max(), KeyFunctions::new(hash));
    for key in 0..keys {
        table.insert(hash(&key), key, Copied(0, Arc::clone(&copies))).unwrap();
    }
    (table, copies)
}

#[test]
fn no_run_of_records_behind_a_freeze_copies_much_and_in_the_end_all_is_copied_once() {
    const KEYS: u64 = 128_000;
    const GROUP: u64 = 2_000;
    let (mut table, copies) = of_copied(KEYS);
    let frozen = table.freeze();
    let (mut before, mut most) = (0, 0);
    for batch in 0..KEYS / 1_000 {
        for key in batch * 1_000..(batch + 1) * 1_000 {
            table.get_mut(hash(&key), &key).unwrap().0 += 1;
        }
        let now = copies.load(Ordering::Relaxed);
        most = most.max(now - before);
        before = now;
    }
    // Its share and its own entry for each record, and up to one group on top of that.
    let share = super::group::COPIED_PER_RECORD as u64;
    assert!(most <= 1_000 * (share + 1) + GROUP, "a batch of 1000 records copied {most} entries");
    assert!((KEYS..KEYS + KEYS / share).contains(&before), "{before} entries were copied of {KEYS}");
    assert!(frozen.groups.iter().flatten().flat_map(|group| group.iter()).all(|(_, value)| value.0 == 0));
    assert!(table.iter().all(|(_, value)| value.0 == 1));
}

#[test]
fn a_group_that_is_given_back_is_not_copied() {
    let (mut table, copies) = of_copied(10_000);
    drop(table.freeze());
    for key in 0..10_000 {
        table.get_mut(hash(&key), &key).unwrap().0 += 1;
    }
    assert_eq!(copies.load(Ordering::Relaxed), 0);
}

#[test]
fn keys_that_are_hashed_differently_than_they_were_are_refused() {
    let mut table = table();
    table.insert(hash(&1), 1, 1).unwrap();
    let group = key_group_of(hash(&1), max());
    let mut bytes = Vec::new();
    table.freeze().encode_group(group, &mut bytes).unwrap();
    let mut other = KeyedTable::<u64, u64>::new(max().all(), max(), KeyFunctions::new(|key| !hash(key)));
    assert!(matches!(other.restore_group(group, &bytes), Err(GroupError::Misplaced { .. })));
}

#[test]
fn a_new_key_is_compacted_once_and_a_known_one_is_left_alone() {
    let keys =
        KeyFunctions { hash: |key: &String| hash(&(key.len() as u64)), compact: String::shrink_to_fit };
    let mut table = KeyedTable::new(max().all(), max(), keys);
    let mut long = String::with_capacity(1_000);
    long.push('a');
    table.insert(hash(&1), long, 1u8).unwrap();
    let (key, _) = table.iter().next().unwrap();
    assert_eq!(key.capacity(), 1);
}

#[test]
fn a_part_encodes_only_groups_with_entries_and_can_break_off() {
    let mut table = table();
    for key in 0..1_000 {
        table.insert(hash(&key), key, key).unwrap();
    }
    let meta = KeyedMeta::new::<u64, u64>("counts", StateKind::Table);
    let mut seen = 0;
    let mut sink = |encoded: crate::state::snapshot::EncodedGroup<'_>| {
        seen += encoded.entries;
        if seen > 500 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    };
    let meta = table.freeze_part(meta).encode(&mut sink).unwrap();
    assert!((501..1_000).contains(&seen));
    assert_eq!(meta.signature.to_string(), "u64 -> u64");
}

/// Run with `cargo test --release -p millstream-dataflow measure -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn measure_freezing_and_counting() {
    let mut table = table();
    let keys: Vec<u64> = (0..1_000_000u64).map(|n| n.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8).collect();
    let run = |table: &mut KeyedTable<u64, u64>, keys: &[u64], what: &str| {
        let (start, mut worst, mut last) = (Instant::now(), 0, Instant::now());
        for batch in keys.chunks(1_000) {
            for key in batch {
                *table.get_or_insert_ref(hash(key), key, || 0).unwrap() += 1;
            }
            worst = worst.max(last.elapsed().as_micros());
            last = Instant::now();
        }
        let nanos = start.elapsed().as_nanos() as f64 / keys.len() as f64;
        println!("{what}: {nanos:.1} ns a record, slowest batch of 1000 {worst} us");
    };
    run(&mut table, &keys, "insert 1M");
    run(&mut table, &keys, "count 1M");
    let few: Vec<u64> = (0..10_000_000).map(|n| keys[(n * 7) % 100_000]).collect();
    run(&mut table, &few, "count 100k of 1M");
    let start = Instant::now();
    let frozen = table.freeze();
    println!("freeze 1M: {} us", start.elapsed().as_micros());
    run(&mut table, &keys, "count 1M, every group copied");
    let (start, mut bytes) = (Instant::now(), Vec::new());
    for group in max().all().iter() {
        frozen.encode_group(group, &mut bytes).unwrap();
    }
    println!("encode 1M: {} ms, {} bytes", start.elapsed().as_millis(), bytes.len());
    let start = Instant::now();
    let mut restored = self::table();
    for group in max().all().iter() {
        bytes.clear();
        frozen.encode_group(group, &mut bytes).unwrap();
        restored.restore_group(group, &bytes).unwrap();
    }
    println!("encode and restore 1M: {} ms", start.elapsed().as_millis());
    drop(frozen);
    for _ in 0..4 {
        let mut frozen = table.freeze();
        let encoding = std::thread::spawn(move || {
            let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
            for group in max().all().iter() {
                bytes.clear();
                frozen.take_group(group, &mut encoder, &mut bytes).unwrap();
            }
        });
        run(&mut table, &keys, "count 1M while another thread encodes");
        encoding.join().unwrap();
    }
}
