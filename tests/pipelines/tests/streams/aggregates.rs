//! Rolling aggregates by key: what each record makes of its key's value, and what is left in batch mode.

use millstream::{DataStream, KeyedStream, Mode, StreamEnvironment};

use super::sorted;

/// A key, a value, and a note that tells equal values apart.
type Row = (char, i32, String);

fn row(key: char, value: i32, note: &str) -> Row {
    (key, value, note.to_owned())
}

fn rows() -> [Row; 6] {
    [
        row('a', 5, "first"),
        row('a', 3, "low"),
        row('b', 1, "b"),
        row('a', 3, "low again"),
        row('a', 9, "high"),
        row('a', 9, "high again"),
    ]
}

/// The updates of key `a`, value and note.
fn updates(aggregate: impl FnOnce(&KeyedStream<char, Row>) -> DataStream<Row>) -> Vec<(i32, String)> {
    let env = StreamEnvironment::new();
    let found = aggregate(&env.from_collection(rows()).key_by(|row| row.0).boxed());
    let found = found.execute_and_collect("rolling").unwrap();
    found.into_iter().filter(|row| row.0 == 'a').map(|row| (row.1, row.2)).collect()
}

fn told(values: [i32; 5], notes: [&str; 5]) -> Vec<(i32, String)> {
    values.into_iter().zip(notes.map(str::to_owned)).collect()
}

const FIRST: [&str; 5] = ["first"; 5];

#[test]
fn sum_adds_the_field_and_keeps_the_rest_of_the_first_record() {
    assert_eq!(updates(|rows| rows.sum(|row| &mut row.1)), told([5, 8, 11, 20, 29], FIRST));
}

#[test]
fn min_and_max_follow_the_field_and_keep_the_rest_of_the_first_record() {
    assert_eq!(updates(|rows| rows.min(|row| &mut row.1)), told([5, 3, 3, 3, 3], FIRST));
    assert_eq!(updates(|rows| rows.max(|row| &mut row.1)), told([5, 5, 5, 9, 9], FIRST));
}

#[test]
fn min_and_max_take_any_field_that_has_an_order() {
    let least = updates(|rows| rows.min(|row| &mut row.2));
    assert_eq!(least, told([5; 5], ["first", "first", "first", "first", "first"]));
    let greatest = updates(|rows| rows.max(|row| &mut row.2));
    assert_eq!(greatest, told([5; 5], ["first", "low", "low again", "low again", "low again"]));
}

#[test]
fn min_by_and_max_by_give_whole_records_and_of_equal_ones_the_first() {
    let least = ["first", "low", "low", "low", "low"];
    assert_eq!(updates(|rows| rows.min_by(|row| row.1)), told([5, 3, 3, 3, 3], least));
    let greatest = ["first", "first", "first", "high", "high"];
    assert_eq!(updates(|rows| rows.max_by(|row| row.1)), told([5, 5, 5, 9, 9], greatest));
}

#[test]
fn reduce_and_fold_give_every_update() {
    let joined = updates(|rows| rows.reduce(|held, row| (held.0, held.1 + row.1, row.2)));
    assert_eq!(joined, told([5, 8, 11, 20, 29], ["first", "low", "low again", "high", "high again"]));
    let counted =
        updates(|rows| rows.fold(|_| 1, |count, _| *count += 1, |key, count| row(*key, *count, "")));
    assert_eq!(counted, told([1, 2, 3, 4, 5], [""; 5]));
}

/// What is left of each key in batch mode, over two subtasks.
fn last(aggregate: impl FnOnce(&KeyedStream<char, Row>) -> DataStream<Row>) -> Vec<Row> {
    let env = StreamEnvironment::new();
    env.set_mode(Mode::Batch);
    // One reader, so that a key's records come in the order of the collection.
    let rows = env.from_collection(rows()).parallelism(1);
    env.set_parallelism(2);
    sorted(&aggregate(&rows.key_by(|row| row.0).boxed()))
}

#[test]
fn in_batch_mode_every_aggregate_gives_the_last_value_of_each_key_and_nothing_else() {
    let b = || row('b', 1, "b");
    assert_eq!(last(|rows| rows.sum(|row| &mut row.1)), [row('a', 29, "first"), b()]);
    assert_eq!(last(|rows| rows.min(|row| &mut row.1)), [row('a', 3, "first"), b()]);
    assert_eq!(last(|rows| rows.max(|row| &mut row.1)), [row('a', 9, "first"), b()]);
    assert_eq!(last(|rows| rows.min_by(|row| row.1)), [row('a', 3, "low"), b()]);
    assert_eq!(last(|rows| rows.max_by(|row| row.1)), [row('a', 9, "high"), b()]);
    let joined = last(|rows| rows.reduce(|held, row| (held.0, held.1 + row.1, row.2)));
    assert_eq!(joined, [row('a', 29, "high again"), b()]);
    let folded = last(|rows| rows.fold(|_| 1, |n, _| *n += 1, |key, n| row(*key, *n, "")));
    assert_eq!(folded, [row('a', 5, ""), row('b', 1, "")]);
    let counted = last(|rows| rows.count().map(|(key, n)| row(key, i32::try_from(n).unwrap_or(-1), "")));
    assert_eq!(counted, [row('a', 5, ""), row('b', 1, "")]);
}

#[test]
fn in_batch_mode_steps_without_keys_give_every_record_in_order() {
    let env = StreamEnvironment::new();
    env.set_mode(Mode::Batch);
    let steps = env.from_sequence(1, 3_000).map(|n| n * 2).filter(|n| n % 3 != 0).flat_map(|n| [n, n + 1]);
    let expected: Vec<u64> =
        (1..=3_000).map(|n| n * 2).filter(|n| n % 3 != 0).flat_map(|n| [n, n + 1]).collect();
    assert_eq!(steps.execute_and_collect("steps").unwrap(), expected);
}

#[test]
fn in_batch_mode_an_aggregate_of_an_aggregate_is_given_last_values_only() {
    let env = StreamEnvironment::new();
    env.set_mode(Mode::Batch).set_parallelism(2);
    let counts = env.from_sequence(1, 1_000).key_by(|n| n % 10).count();
    let of_counts = counts.key_by(|(_, count)| *count).count();
    assert_eq!(sorted(&of_counts), [(100, 10)]);
}
