//! Output folders: what is there after success, after failure, after attempts that were tried again.

use std::path::{Path, PathBuf};

use super::*;

/// All files below a folder, by their paths within it.
fn below(folder: &Path) -> Vec<String> {
    fn visit(folder: &Path, top: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, top, found);
            } else {
                found.push(path.strip_prefix(top).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    visit(folder, folder, &mut found);
    found.sort();
    found
}

fn places() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    (folder, out)
}

#[test]
fn a_saved_folder_has_a_part_for_each_partition_and_success() {
    let (_folder, out) = places();
    context().parallelize_in(0..3, 5).save_as_text_file(&out).unwrap();
    let parts = ["_SUCCESS", "part-00000", "part-00001", "part-00002", "part-00003", "part-00004"];
    assert_eq!(below(&out), parts);
    assert!(!out.join("_temporary").exists());
    let text: String = parts.iter().map(|name| std::fs::read_to_string(out.join(name)).unwrap()).collect();
    assert_eq!(text, "0\n1\n2\n");
}

#[test]
fn an_empty_rdd_is_saved_as_success_alone() {
    let (_folder, out) = places();
    context().empty::<u8>().save_as_text_file(&out).unwrap();
    assert_eq!(below(&out), ["_SUCCESS"]);
}

#[test]
fn a_folder_or_file_that_exists_is_refused_and_left_as_it_is() {
    let (_folder, out) = places();
    std::fs::write(&out, "mine").unwrap();
    let message = context().range(0, 3).save_as_text_file(&out).unwrap_err().to_string();
    assert!(message.contains("out already exists") && message.contains("name another"), "{message}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "mine");

    std::fs::remove_file(&out).unwrap();
    std::fs::create_dir(&out).unwrap();
    let context = context();
    let message = context.range(0, 3).save_as_text_file(&out).unwrap_err().to_string();
    assert!(message.contains("out already exists"), "{message}");
    assert!(out.exists() && below(&out).is_empty());
    assert_eq!(context.counters().result_tasks, 0, "nothing was computed for it");
}

#[test]
fn a_task_that_is_tried_again_writes_its_records_once() {
    let (_folder, out) = places();
    let context = context();
    let failures = AtomicU64::new(0);
    let rdd = context.parallelize_in(0..5000, 2).map(move |n| {
        assert!(n != 4999 || failures.fetch_add(1, Ordering::Relaxed) >= 2, "not yet");
        n
    });
    rdd.save_as_text_file(&out).unwrap();
    assert_eq!(context.counters().failed_attempts, 2);
    assert_eq!(below(&out), ["_SUCCESS", "part-00000", "part-00001"]);
    let lines = context.text_file(&out).unwrap().map(|line| line.parse::<i32>().unwrap()).collect().unwrap();
    assert_eq!(lines, (0..5000).collect::<Vec<_>>());
}

#[test]
fn while_tasks_run_nothing_looks_finished() {
    let (_folder, out) = places();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (into, look) = (Arc::clone(&seen), out.clone());
    let rdd = Context::builder().parallelism(1).build().unwrap().parallelize_in([1, 2], 2).map(move |n| {
        into.lock().unwrap().extend(below(&look));
        n
    });
    rdd.save_as_text_file(&out).unwrap();
    let seen = seen.lock().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|path| path.starts_with("_temporary/part-")), "{seen:?}");
}

#[test]
fn a_save_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let context = context();
    let rdd = context.parallelize_in(0..5000, 4).map(|n| {
        assert!(n != 4000, "no");
        n
    });
    for out in [folder.path().join("out"), folder.path().join("made/for/it")] {
        assert!(rdd.save_as_text_file(&out).unwrap_err().to_string().contains("panicked: no"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{}", out.display());
    }
    // What stood there before stays.
    std::fs::create_dir(folder.path().join("kept")).unwrap();
    assert!(rdd.save_as_text_file(folder.path().join("kept/out")).is_err());
    assert!(folder.path().join("kept").exists() && !folder.path().join("kept/out").exists());
    context.range(0, 3).save_as_text_file(folder.path().join("out")).unwrap();
}

#[test]
fn a_record_that_cannot_be_shown_is_named() {
    struct Bad;
    impl std::fmt::Display for Bad {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("not shown")
        }
    }
    impl Clone for Bad {
        fn clone(&self) -> Self {
            Self
        }
    }
    let (folder, out) = places();
    let message = context().parallelize_in([Bad], 1).save_as_text_file(&out).unwrap_err().to_string();
    assert!(
        message.contains("operator `save_as_text_file`") && message.contains("its record 1"),
        "{message}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_place_without_folders_holds_a_data_set_as_a_folder_does() {
    let at = "memory:rdd-save/out";
    context().parallelize_in(0..30, 3).save_as_text_file(at).unwrap();
    let place = millstream_storage::Storage::open(at).unwrap();
    let names: Vec<_> = place.list("").unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["_SUCCESS", "part-00000", "part-00001", "part-00002"]);
    let mut numbers: Vec<i32> =
        context().text_file(at).unwrap().map(|line| line.parse().unwrap()).collect().unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..30).collect::<Vec<i32>>());
    let message = context().range(0, 3).save_as_text_file(at).unwrap_err().to_string();
    assert!(message.contains("output folder memory:rdd-save/out already exists"), "{message}");
}

#[test]
fn what_fails_leaves_nothing_in_a_place_without_folders() {
    let at = "memory:rdd-save-failed/out";
    let broken = context().parallelize_in(0..30, 3).map(|n| if n == 25 { panic!("a test") } else { n });
    broken.save_as_text_file(at).unwrap_err();
    let place = millstream_storage::Storage::open(at).unwrap();
    assert_eq!([place.list("").unwrap(), place.unfinished("").unwrap()].concat(), []);
    context().parallelize_in(0..30, 3).save_as_text_file(at).unwrap();
}
