//! What a failure in user code says: the operation, the partition, the record.

use super::*;

/// The message of an action that failed in the second of two partitions, at its third record (of 5 to 9: the 7).
fn assert_placed<T: std::fmt::Debug>(result: millstream_model::error::Result<T>, operator: &str) {
    let message = result.unwrap_err().to_string();
    let place = format!("operator `{operator}` (uid rdd-");
    assert!(message.contains(&place), "{operator}: {message}");
    assert!(message.contains("subtask 2 of 2) failed at its record 3"), "{operator}: {message}");
    assert!(message.contains("caused by: panicked: seven"), "{operator}: {message}");
    assert!(message.contains("partition 1 of rdd"), "{operator}: {message}");
}

fn seven(n: i64) -> i64 {
    assert!(n != 7, "seven");
    n
}

#[test]
fn a_panic_names_the_operation_the_partition_and_the_record() {
    let context = context();
    let rdd = context.range(0, 10);
    assert_placed(rdd.map(seven).collect(), "map");
    assert_placed(rdd.filter(|n| seven(*n) > 0).count(), "filter");
    assert_placed(rdd.flat_map(|n| [seven(n)]).count(), "flat_map");
    assert_placed(rdd.flat_map(|n| (0..2).map(move |_| seven(n))).count(), "flat_map");
    assert_placed(rdd.map_partitions(|records| records.map(seven)).count(), "map_partitions");
    let eager = rdd.map_partitions(|records| records.map(seven).collect::<Vec<_>>());
    assert_placed(eager.count(), "map_partitions");
    let numbered = rdd.map_partitions_with_index(|_, records| records.map(seven));
    assert_placed(numbered.count(), "map_partitions_with_index");
    assert_placed(rdd.key_by(|n| seven(*n)).count(), "key_by");
    assert_placed(rdd.sort_by(|n| seven(*n), true).count(), "sort_by");
    assert_placed(rdd.map(|n| ((), n)).map_values(seven).count(), "map_values");
    assert_placed(rdd.for_each(|n| assert!(seven(n) >= 0)), "for_each");
    assert_placed(rdd.fold(0, |_, n| seven(n)), "fold");
    assert_placed(rdd.aggregate(0, |_, n| seven(n), |a, _| a), "aggregate");
    assert_placed(rdd.reduce(|_, n| seven(n)), "reduce");
}

#[test]
fn a_panic_while_values_are_combined_in_a_map_task_names_the_record() {
    let context = context();
    let pairs = context.range(0, 10).map(|n| (0, n));
    assert_placed(pairs.reduce_by_key(|_, n| seven(n)).count(), "reduce_by_key");
    assert_placed(pairs.aggregate_by_key(0, |_, n| seven(n), |a, _| a).count(), "aggregate_by_key");
    assert_placed(pairs.combine_by_key(seven, |_, n| seven(n), |a, _| a).count(), "combine_by_key");
}

#[test]
fn a_panic_while_values_are_combined_in_a_reduce_task_names_the_row() {
    let pairs = context().range(0, 10).map(|n| (0, n));
    let combined = pairs.combine_by_key(|n| n, |a, _| a, |_, _| panic!("no sum"));
    let message = combined.count().unwrap_err().to_string();
    assert!(message.contains("operator `combine_by_key`") && message.contains("its record 2"), "{message}");
}

#[test]
fn a_panic_at_record_1_000_000_of_a_partition_says_so() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let rdd = context.range(1, 2_000_000).map(|n| {
        assert!(n != 1_000_000, "too much");
        n
    });
    let message = rdd.count().unwrap_err().to_string();
    assert!(message.contains("subtask 1 of 1) failed at its record 1000000"), "{message}");
}

#[test]
fn a_panic_on_a_line_of_a_file_names_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers.txt");
    let lines: Vec<String> = (1..=3000).map(|n| n.to_string()).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let context = Context::builder().parallelism(1).build().unwrap();
    let text = context.text_file(&file).unwrap();
    for rdd in [
        text.map(|line| usize::from(&*line != "2345" || panic!("no such number"))),
        text.flat_map(|line| [usize::from(&*line != "2345" || panic!("no such number"))]),
    ] {
        let message = rdd.count().unwrap_err().to_string();
        assert!(message.contains("numbers.txt, line 2345"), "{message}");
    }
}

#[test]
fn an_error_of_a_function_names_the_record_and_is_not_tried_again() {
    let context = context();
    let rdd = context.parallelize_in(["1", "2", "x", "4"], 2).try_map(|text| Ok(text.parse::<i32>()?));
    let message = rdd.collect().unwrap_err().to_string();
    assert!(message.contains("operator `try_map`") && message.contains("its record 1"), "{message}");
    assert!(message.contains("invalid digit") && message.contains("would fail in the same way"), "{message}");
    assert_eq!(context.counters().failed_attempts, 1);
}

#[test]
fn an_error_that_may_pass_is_tried_again() {
    let context = context();
    let tries = AtomicU64::new(0);
    let rdd = context.parallelize_in([1], 1).try_map(move |n| {
        if tries.fetch_add(1, Ordering::Relaxed) < 2 {
            return Err(millstream_model::error::Failure::external("the server is busy").into());
        }
        Ok(n)
    });
    assert_eq!(rdd.collect().unwrap(), [1]);
    assert_eq!(context.counters().failed_attempts, 2);
}

#[test]
fn input_that_is_wrong_is_not_read_four_times() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.txt");
    std::fs::write(&file, b"good\nb\xffd\n").unwrap();
    let context = Context::builder().parallelism(1).build().unwrap();
    let message = context.text_file(&file).unwrap().count().unwrap_err().to_string();
    assert!(message.contains("would fail in the same way"), "{message}");
    assert_eq!(context.counters().failed_attempts, 1);
}
