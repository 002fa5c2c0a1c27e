//! Copies of state files on the machine that wrote them are read in the store's place, and only where they are whole.

use std::fs;

use object_store::memory::InMemory;

use super::*;

/// What subtask 0 of 2 gets back, and from where.
fn counted(store: &CheckpointStore, manifest: &Manifest) -> (BTreeMap<u64, u64>, Origin) {
    let mut origin = Origin::default();
    let mut restore = store.restore_counted(manifest, "mean", (0, 2), max(), &mut origin).unwrap();
    let mut table = table(0, 2);
    let claimed = restore.claim_keyed(&counts_meta()).unwrap().unwrap();
    claimed.read(|group, bytes| table.restore_group(group, bytes)).unwrap();
    (table.iter().map(|(key, value)| (*key, *value)).collect(), origin)
}

/// A store elsewhere, one on this disk, and the folder of their copies.
fn stores() -> (tempfile::TempDir, [CheckpointStore; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let copies = |name: &str| LocalCopies::in_folder(folder.path().join(name));
    let elsewhere = CheckpointStore::within(std::sync::Arc::new(InMemory::new()), "elsewhere");
    let here = CheckpointStore::open(folder.path().join("store")).unwrap();
    let stores = [elsewhere.with_copies(copies("0")), here.with_copies(copies("1"))];
    (folder, stores)
}

#[test]
fn a_whole_copy_is_read_in_the_stores_place() {
    let (folder, stores) = stores();
    for (number, store) in stores.iter().enumerate() {
        let manifest = write(store, CheckpointName::checkpoint(3), 2, 500);
        let (found, origin) = counted(store, &manifest);
        assert!(found.len() > 100 && origin.local > 1000, "{origin:?}");
        assert_eq!(origin.store, 0);
        // Another parallelism reads of each copy what it needs.
        assert_eq!(
            restored(store, &manifest, 1, 3).unwrap().len(),
            500 - restored(store, &manifest, 0, 3).unwrap().len()
                - restored(store, &manifest, 2, 3).unwrap().len()
        );
        fs::remove_dir_all(folder.path().join(number.to_string())).unwrap();
        let (from_store, origin) = counted(store, &manifest);
        assert_eq!((from_store, origin.local), (found, 0));
    }
}

#[test]
fn a_copy_of_a_local_folder_is_the_same_file_and_outlives_its_name_there() {
    let (folder, [_, store]) = stores();
    let manifest = write(&store, CheckpointName::checkpoint(3), 2, 500);
    let file = "checkpoint-000003/1-0.state";
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    assert_eq!(inode(&folder.path().join("store").join(file)), inode(&folder.path().join("1").join(file)));
    fs::remove_file(folder.path().join("store").join(file)).unwrap();
    let mut origin = Origin::default();
    store.restore_counted(&manifest, "mean", (0, 2), max(), &mut origin).unwrap();
    assert_eq!(origin.store, 0);
}

#[test]
fn a_copy_that_is_damaged_anywhere_is_passed_over() {
    let (folder, [store, _]) = stores();
    let manifest = write(&store, CheckpointName::checkpoint(3), 2, 50);
    let (whole, _) = counted(&store, &manifest);
    let copy = folder.path().join("0/checkpoint-000003/1-0.state");
    let bytes = fs::read(&copy).unwrap();
    // All but the mark at its begin, which holds no state.
    for at in (8..bytes.len()).step_by(37) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fs::write(&copy, damaged).unwrap();
        let (found, origin) = counted(&store, &manifest);
        assert_eq!(found, whole);
        assert!(origin.store > 0, "byte {at} was damaged, and not noticed");
    }
    fs::write(&copy, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(counted(&store, &manifest).0, whole);
    fs::write(&copy, "").unwrap();
    assert_eq!(counted(&store, &manifest).0, whole);
}

#[test]
fn copies_go_with_the_checkpoints_that_they_are_of() {
    let (folder, [store, _]) = stores();
    let copies = LocalCopies::in_folder(folder.path().join("0"));
    for id in 1..5 {
        write(&store, CheckpointName::checkpoint(id), 2, 5);
    }
    let there = || {
        let listed = fs::read_dir(folder.path().join("0")).unwrap();
        let mut names: Vec<String> =
            listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    copies.forget_before(CheckpointName::checkpoint(3));
    assert_eq!(there(), ["checkpoint-000003", "checkpoint-000004"]);
    copies.forget_all_but(Some(CheckpointName::checkpoint(3)));
    assert_eq!(there(), ["checkpoint-000003"]);
    copies.forget_all_but(None);
    assert!(there().is_empty());
}

#[test]
fn where_no_copy_can_be_kept_the_checkpoint_is_written_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("copies"), "a file in the way").unwrap();
    let copies = LocalCopies::in_folder(folder.path().join("copies"));
    let store = CheckpointStore::open(folder.path().join("store")).unwrap().with_copies(copies);
    let manifest = write(&store, CheckpointName::checkpoint(1), 2, 500);
    let (found, origin) = counted(&store, &manifest);
    assert!(found.len() > 100 && origin.local == 0 && origin.store > 0);
}
