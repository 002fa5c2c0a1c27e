//! What it costs that a checkpoint is on the disk.

use std::sync::Arc;
use std::time::Instant;

use millstream_dataflow::state::OperatorSnapshot;
use millstream_dataflow::state::snapshot::OperatorPart;
use object_store::local::LocalFileSystem;

use super::*;

/// Run with `cargo test -p millstream-state -- --ignored --nocapture cost`; the folders are made in `TMPDIR`.
#[test]
#[ignore = "a measurement"]
fn the_cost_of_a_checkpoint_on_the_disk() {
    for kib in [1, 256, 4096] {
        let folder = tempfile::tempdir().unwrap();
        let (durable, cached) = (folder.path().join("durable"), folder.path().join("cached"));
        std::fs::create_dir_all(&cached).unwrap();
        let stores = [
            (
                "left to the cache",
                CheckpointStore::within(
                    Arc::new(LocalFileSystem::new_with_prefix(&cached).unwrap()),
                    "cached",
                ),
            ),
            ("on the disk", CheckpointStore::open(&durable).unwrap()),
        ];
        for (name, store) in stores {
            let mut times: Vec<_> =
                (1..=25).map(|id| write_four(&store, CheckpointName::checkpoint(id), kib)).collect();
            times.sort_unstable();
            println!("4 files of {kib} KiB, {name}: median {:?}, worst of 25 {:?}", times[12], times[24]);
        }
    }
}

fn write_four(store: &CheckpointStore, checkpoint: CheckpointName, kib: usize) -> std::time::Duration {
    let parts: Vec<_> =
        (0..4).map(|_| OperatorPart::new("bytes", 1, &[vec![7_u8; kib << 10]]).unwrap()).collect();
    let begun = Instant::now();
    for (subtask, part) in parts.into_iter().enumerate() {
        let snapshot = OperatorSnapshot { keyed: Vec::new(), operator: vec![part] };
        let work = SubtaskWork { operators: vec![("mean".to_owned(), snapshot)], committables: Vec::new() };
        store.write_subtask(checkpoint, &format!("0-{subtask}"), work).unwrap();
    }
    store.write_manifest(&manifest(checkpoint, 2)).unwrap();
    begun.elapsed()
}
