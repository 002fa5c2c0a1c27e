//! Actions and sources, with partitions that are empty and more partitions than records.

use std::sync::Mutex;

use super::*;

#[test]
fn fold_starts_from_zero_in_each_partition_and_once_more() {
    let context = context();
    let rdd = context.parallelize_in([1, 2, 3], 5);
    assert_eq!(rdd.fold(0, |a, b| a + b).unwrap(), 6);
    assert_eq!(rdd.fold(10, |a, b| a + b).unwrap(), 6 + 10 * 6);
    assert_eq!(context.empty::<i32>().fold(7, |a, b| a + b).unwrap(), 7);
}

#[test]
fn aggregate_may_give_another_type() {
    let words = context().parallelize_in(["a", "bcd", "ef"], 4);
    let (length, count) = words
        .aggregate((0, 0), |(l, n), word| (l + word.len(), n + 1), |a, b| (a.0 + b.0, a.1 + b.1))
        .unwrap();
    assert_eq!((length, count), (6, 3));
}

#[test]
fn for_each_sees_each_record_once() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    context().parallelize_in(0..5000, 3).for_each(move |n| into.lock().unwrap().push(n)).unwrap();
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.sort_unstable();
    assert_eq!(seen, (0..5000).collect::<Vec<_>>());
}

#[test]
fn an_empty_rdd_has_no_partition_and_no_first_record() {
    let empty = context().empty::<u64>();
    assert_eq!((empty.partitions(), empty.count().unwrap(), empty.collect().unwrap().len()), (0, 0, 0));
    assert!(empty.take(3).unwrap().is_empty());
    assert!(empty.first().unwrap_err().to_string().contains("no first record"));
    assert!(empty.reduce(|a, _| a).unwrap_err().to_string().contains("nothing to reduce"));
    let with = empty.union(&context().empty()).map(|n| n + 1).coalesce(4);
    assert_eq!((with.partitions(), with.count().unwrap()), (0, 0));
    assert!(empty.zip_with_index().collect().unwrap().is_empty());
    assert!(empty.repartition(3).collect().unwrap().is_empty());
}

#[test]
fn records_are_found_behind_empty_partitions() {
    let rdd = context().parallelize_in(0..100, 10).filter(|n| *n >= 95);
    assert_eq!(rdd.first().unwrap(), 95);
    assert_eq!(rdd.take(3).unwrap(), [95, 96, 97]);
    assert!(rdd.take(0).unwrap().is_empty());
    assert_eq!(rdd.take(50).unwrap().len(), 5);
    assert_eq!(rdd.reduce(i32::max).unwrap(), 99);
    assert_eq!(rdd.zip_with_index().collect().unwrap()[4], (99, 4));
}

#[test]
fn more_partitions_than_records_leave_some_empty() {
    let rdd = context().parallelize_in(0..3, 8);
    assert_eq!(rdd.partitions(), 8);
    assert_eq!(rdd.collect().unwrap(), [0, 1, 2]);
    let sizes = rdd.glom().map(|part| part.len()).collect().unwrap();
    assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (8, 3));
    assert_eq!(rdd.sort_by(|n| -n, true).collect().unwrap(), [2, 1, 0]);
    assert_eq!(rdd.coalesce(100).partitions(), 8);
}

#[test]
fn map_partitions_with_index_is_given_every_partition_even_an_empty_one() {
    let rdd = context().parallelize_in([10, 20, 30], 5);
    let seen = rdd.map_partitions_with_index(|at, records| [(at, records.sum::<i32>())]).collect().unwrap();
    assert_eq!(seen.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(seen.iter().map(|(_, sum)| sum).sum::<i32>(), 60);
}

#[test]
fn a_range_may_be_empty_or_as_large_as_there_are_numbers() {
    let context = context();
    assert_eq!(context.range(5, 5).count().unwrap(), 0);
    assert_eq!(context.range(5, 2).count().unwrap(), 0);
    assert_eq!(context.range(i64::MIN, i64::MAX).take(2).unwrap(), [i64::MIN, i64::MIN + 1]);
}

#[test]
fn whole_text_files_gives_each_file_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("a.txt"), "one\ntwo").unwrap();
    std::fs::write(path("b.txt"), "").unwrap();
    std::fs::write(path("_hidden"), "no").unwrap();
    let context = context();
    let texts = context.whole_text_files(folder.path()).unwrap().collect().unwrap();
    let texts: Vec<(String, String)> =
        texts.into_iter().map(|(path, text)| (path, text.to_string())).collect();
    let shown = |name: &str| path(name).display().to_string();
    assert_eq!(texts, [(shown("a.txt"), "one\ntwo".to_string()), (shown("b.txt"), String::new())]);

    let message = context.whole_text_files(path("none")).unwrap_err().to_string();
    assert!(message.contains("none") && message.contains("does not exist"), "{message}");
    std::fs::write(path("bad.txt"), b"ok\xff").unwrap();
    let message = context.whole_text_files(path("bad.txt")).unwrap().count().unwrap_err().to_string();
    assert!(message.contains("bad.txt, byte 2"), "{message}");
}

#[test]
fn an_action_inside_a_task_is_refused_instead_of_waiting_for_itself() {
    let context = context();
    let inner = context.range(0, 10);
    let outer = context.range(0, 2).try_map(move |n| Ok(inner.count()? + n as u64));
    let message = outer.collect().unwrap_err().to_string();
    assert!(message.contains("`range` (rdd 0) was called inside a task"), "{message}");
    assert!(message.contains("collected result"), "{message}");
}

#[test]
fn cancelling_all_jobs_ends_an_action_with_an_error_and_leaves_the_engine_usable() {
    let context = context();
    let (began, begun) = std::sync::mpsc::channel();
    let endless = context.range(0, i64::MAX).map(move |n| {
        if n == 0 {
            began.send(()).unwrap();
        }
        n
    });
    let action = std::thread::spawn(move || endless.count());
    begun.recv().unwrap();
    assert_eq!(context.cancel_all_jobs(), 1);
    assert!(action.join().unwrap().unwrap_err().is_cancelled());
    assert_eq!(context.cancel_all_jobs(), 0);
    assert_eq!(context.range(0, 10).count().unwrap(), 10);
}
