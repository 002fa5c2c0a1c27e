//! Writing, finding, cutting, keeping and collecting.

use millstream_dataflow::state::restore::Redistribution;

use super::*;
use crate::manifest::ManifestFault;

#[test]
fn a_checkpoint_reads_back_at_any_parallelism() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::open(folder.path()).unwrap();
    for before in 1..5u16 {
        let written = write(&store, CheckpointName::checkpoint(before.into()), before, 500);
        let manifest = store.latest().unwrap();
        assert_eq!(manifest, written);
        assert_eq!(manifest.operator("mean").unwrap().keyed[0].entries, 500);
        for after in 1..6u16 {
            let mut counts = BTreeMap::new();
            let mut splits = Vec::new();
            for subtask in 0..after {
                counts.extend(restored(&store, &manifest, subtask, after).unwrap());
                let mut restore = store.restore(&manifest, "mean", subtask, after, max()).unwrap();
                let mine =
                    restore.claim_operator::<(u32, String)>("splits", 1, Redistribution::Split).unwrap();
                splits.extend(mine.into_iter().map(|(split, _)| split));
            }
            let expected: BTreeMap<u64, u64> = (0..500).map(|key| (key, key + u64::from(before))).collect();
            assert_eq!(counts, expected);
            splits.sort_unstable();
            assert_eq!(splits, (0..u32::from(before)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn an_entry_of_no_bytes_is_an_entry() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::open(folder.path()).unwrap();
    let mut part = OperatorPart::new("enumerator", 1, &[1_u8]).unwrap();
    part.entries = vec![Vec::new()];
    let snapshot = OperatorSnapshot { keyed: Vec::new(), operator: vec![part] };
    let work = SubtaskWork { operators: vec![("mean".to_owned(), snapshot)], committables: Vec::new() };
    let checkpoint = CheckpointName::checkpoint(1);
    let mut manifest = manifest(checkpoint, 1);
    manifest.add(store.write_subtask(checkpoint, "coordinator", work).unwrap()).unwrap();
    store.write_manifest(&manifest).unwrap();
    let read = store.latest().unwrap();
    let mut restore = store.restore(&read, "mean", 0, 1, MaxParallelism::default()).unwrap();
    assert_eq!(restore.claim_entries("enumerator"), [Vec::<u8>::new()]);
}

#[test]
fn an_operator_the_checkpoint_does_not_know_starts_empty() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::open(folder.path()).unwrap();
    let manifest = write(&store, CheckpointName::checkpoint(1), 1, 5);
    assert!(store.restore(&manifest, "new", 0, 1, max()).unwrap().is_empty());
}

#[test]
fn checkpoints_are_found_by_number_and_name_once_they_are_finished() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::open(folder.path()).unwrap();
    write(&store, CheckpointName::checkpoint(9), 1, 5);
    write(&store, CheckpointName::savepoint(10), 1, 5);
    write(&store, CheckpointName::checkpoint(11), 1, 5);
    std::fs::remove_file(manifest_file(folder.path(), 11)).unwrap();
    assert_eq!(store.list().unwrap(), [CheckpointName::checkpoint(9), CheckpointName::savepoint(10)]);
    assert_eq!(store.latest().unwrap().checkpoint, CheckpointName::savepoint(10));
    assert_eq!(store.newest_readable().unwrap().unwrap().checkpoint, CheckpointName::checkpoint(9));
    assert_eq!(store.next_id().unwrap(), 12);
    assert_eq!(store.named("checkpoint-9").unwrap().checkpoint.id, 9);
    assert_eq!(store.named("10").unwrap().checkpoint, CheckpointName::savepoint(10));
    assert_eq!(
        store.named("checkpoint-000011").unwrap_err().to_string(),
        format!(
            "the checkpoint folder {} has no checkpoint-000011; it has checkpoint-000009, savepoint-000010",
            folder.path().display()
        )
    );
}

#[test]
fn the_last_checkpoints_and_all_savepoints_are_kept_and_the_rest_is_collected() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::open(folder.path()).unwrap();
    write(&store, CheckpointName::savepoint(1), 1, 5);
    for id in 2..6 {
        write(&store, CheckpointName::checkpoint(id), 1, 5);
    }
    // Left by a process that was killed: an unfinished checkpoint and a half-written file; and one that is running.
    write(&store, CheckpointName::checkpoint(6), 1, 5);
    std::fs::remove_file(manifest_file(folder.path(), 6)).unwrap();
    std::fs::write(folder.path().join("checkpoint-000006/1-1.state#1"), "half").unwrap();
    write(&store, CheckpointName::checkpoint(7), 1, 5);
    std::fs::remove_file(manifest_file(folder.path(), 7)).unwrap();
    std::fs::create_dir(folder.path().join("mine")).unwrap();

    let collected = store.collect_garbage(2, &[CheckpointName::checkpoint(7)]).unwrap();
    let dropped = [CheckpointName::checkpoint(3), CheckpointName::checkpoint(2)];
    assert_eq!(collected, Collected { checkpoints: dropped.to_vec(), files: 5 });
    let mut left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let expected =
        ["checkpoint-000004", "checkpoint-000005", "checkpoint-000007", "lock", "mine", "savepoint-000001"];
    assert_eq!(left, expected);
    for name in store.list().unwrap() {
        restored(&store, &store.named(&name.to_string()).unwrap(), 0, 1).unwrap();
    }
    assert!(state_file(folder.path(), 7).exists());
    assert_eq!(store.collect_garbage(2, &[CheckpointName::checkpoint(7)]).unwrap(), Collected::default());
}

#[test]
fn files_of_another_checkpoint_that_a_kept_manifest_reaches_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::open(folder.path()).unwrap();
    let mut manifest = write(&store, CheckpointName::checkpoint(1), 1, 50);
    manifest.checkpoint = CheckpointName::checkpoint(2);
    store.write_manifest(&manifest).unwrap();
    let collected = store.collect_garbage(1, &[]).unwrap();
    assert_eq!(collected, Collected { checkpoints: vec![CheckpointName::checkpoint(1)], files: 1 });
    assert_eq!(restored(&store, &store.latest().unwrap(), 0, 1).unwrap().len(), 50);
}

#[test]
fn what_a_damaged_manifest_may_reach_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::open(folder.path()).unwrap();
    for id in 1..4 {
        write(&store, CheckpointName::checkpoint(id), 1, 5);
    }
    std::fs::write(manifest_file(folder.path(), 3), "{").unwrap();
    store.collect_garbage(1, &[]).unwrap();
    assert!(state_file(folder.path(), 3).exists());
    assert!(state_file(folder.path(), 2).exists(), "the damaged one does not count as kept");
    assert!(!state_file(folder.path(), 1).exists());
}

#[test]
fn a_manifest_that_was_cut_or_changed_anywhere_is_refused() {
    let mut manifest = manifest(CheckpointName::savepoint(3), 2);
    manifest.committables = vec![Committable { uid: "mean".to_owned(), subtask: 1, data: vec![0, 255, 16] }];
    let text = manifest.to_text().unwrap();
    assert!(Manifest::from_text(text.as_bytes()).is_ok_and(|read| read == manifest));
    for cut in 0..text.len() {
        assert!(
            matches!(Manifest::from_text(&text.as_bytes()[..cut]), Err(ManifestFault::Damaged(_))),
            "{cut}"
        );
    }
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
        assert!(Manifest::from_text(&changed).is_err(), "{at}");
    }
}

#[test]
fn state_of_an_operator_that_the_manifest_does_not_list_is_refused_rather_than_lost() {
    let operators = vec![SubtaskOperator { uid: "new".to_owned(), keyed: Vec::new(), operator: Vec::new() }];
    let state = SubtaskState { operators, ..Default::default() };
    let error = manifest(CheckpointName::checkpoint(1), 1).add(state).unwrap_err();
    assert_eq!(
        error.to_string(),
        "operator `new` has state, and is not among the operators of the checkpoint's manifest"
    );
}

#[test]
fn many_threads_can_write_to_one_store() {
    fn shared<T: Send + Sync>(_: &T) {}
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::open(folder.path()).unwrap();
    shared(&store);
    let checkpoint = CheckpointName::checkpoint(1);
    let mut manifest = manifest(checkpoint, 4);
    let written: Vec<SubtaskState> = std::thread::scope(|scope| {
        let write = |subtask: u16| {
            let mut table = table(subtask, 4);
            for key in 0..100 {
                let _ = table.insert(hash(&key), key, key);
            }
            let part = table.freeze_part(counts_meta());
            let store = &store;
            scope.spawn(move || {
                let snapshot = OperatorSnapshot { keyed: vec![part], operator: Vec::new() };
                let work =
                    SubtaskWork { operators: vec![("mean".to_owned(), snapshot)], ..Default::default() };
                store.write_subtask(checkpoint, &format!("1-{subtask}"), work).unwrap()
            })
        };
        let writers: Vec<_> = (0..4).map(write).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    written.into_iter().for_each(|state| manifest.add(state).unwrap());
    store.write_manifest(&manifest).unwrap();
    assert_eq!(restored(&store, &store.latest().unwrap(), 0, 1).unwrap().len(), 100);
}
