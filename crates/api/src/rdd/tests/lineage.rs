//! The lineage as it is shown.

use super::*;

/// The lines without the places in this file.
fn shown<T: millstream_model::record::Record>(rdd: &Rdd<T>) -> String {
    let text = rdd.to_debug_string();
    assert!(text.lines().any(|line| line.contains(&format!(" at {}:", file!()))), "{text}");
    let place = format!(" at {}:", file!());
    let lines = text.lines().map(|line| match line.split_once(&place) {
        Some((before, after)) => {
            format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => line.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_lineage_names_operations_as_the_program_does_and_breaks_at_shuffles() {
    let context = context();
    let words = context.parallelize(["to be", "or not"]).flat_map(|line| line.split(' '));
    let counts =
        words.map(|word| (word.to_string(), 1)).reduce_by_key(|a, b| a + b).sort_by(|pair| pair.1, false);
    assert_eq!(
        shown(&counts),
        "(2) MapPartitionsRdd[6] at sort_by []
 |  ShuffledRdd[5] at sort_by []
 +-(2) MapPartitionsRdd[4] at sort_by []
    |  ShuffledRdd[3] at reduce_by_key []
    +-(2) MapPartitionsRdd[2] at map []
       |  MapPartitionsRdd[1] at flat_map []
       |  ParallelCollectionRdd[0] at parallelize []"
    );
}

#[test]
fn both_sides_of_a_join_are_shown() {
    let context = context();
    let left = context.parallelize([(1, 2)]).map_values(|n| n + 1);
    let right = context.parallelize_in([(1, 'a')], 1);
    assert_eq!(
        shown(&left.join(&right)),
        "(2) JoinedRdd[3] at join []
 +-(2) MapPartitionsRdd[1] at map_values []
 |  |  ParallelCollectionRdd[0] at parallelize []
 +-(1) ParallelCollectionRdd[2] at parallelize []"
    );
}

#[test]
fn what_is_kept_is_shown_with_its_size() {
    let context = context();
    let numbers = context.range(0, 1000).map(|n| n).persist(StorageLevel::MemoryAndDisk);
    let last = numbers.key_by(|n| n % 3).group_by_key();
    assert!(!shown(&last).contains("CachedPartitions"), "nothing was computed yet");
    assert_eq!(last.count().unwrap(), 3);
    assert_eq!(
        shown(&last),
        "(2) ShuffledRdd[3] at group_by_key []
 +-(2) MapPartitionsRdd[2] at key_by []
    |  MapPartitionsRdd[1] at map [Disk Memory]
    |      CachedPartitions: 2; MemorySize: 7.8 KiB; DiskSize: 0 B
    |  ParallelCollectionRdd[0] at range []"
    );
    let _let_go = numbers.unpersist();
    assert!(shown(&last).contains("at map []") && !shown(&last).contains("CachedPartitions"));
}
