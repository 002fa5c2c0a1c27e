//! Checkpoints are written, read at any parallelism, kept and collected; what is damaged or in the way is named.

mod copies;
mod damage;
mod durability;
mod fixture;
mod folder;
mod fuzz;
mod layout;

use std::collections::BTreeMap;
use std::path::Path;

use millstream_dataflow::state::snapshot::{KeyedMeta, OperatorPart};
use millstream_dataflow::state::table::KeyedTable;
use millstream_dataflow::state::{KeyFunctions, OperatorSnapshot, StateKind};
use millstream_model::key::{MaxParallelism, range_of};

use crate::*;

fn hash(key: &u64) -> u64 {
    (key ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn max() -> MaxParallelism {
    MaxParallelism::default()
}

fn table(subtask: u16, parallelism: u16) -> KeyedTable<u64, u64> {
    KeyedTable::new(range_of(subtask, parallelism, max()), max(), KeyFunctions::new(hash))
}

fn counts_meta() -> KeyedMeta {
    KeyedMeta::new::<u64, u64>("counts", StateKind::Table)
}

fn manifest(checkpoint: CheckpointName, parallelism: u16) -> Manifest {
    Manifest {
        checkpoint,
        job: JobEntry { name: "delays".to_owned(), fingerprint: "5eed".to_owned(), run: None },
        time: 1_700_000_000_000,
        operators: vec![
            OperatorEntry::new("lines", "TcpLines", 1, max()),
            OperatorEntry::new("mean", "mean-delay", parallelism, max()),
        ],
        committables: Vec::new(),
    }
}

/// Writes a checkpoint of the operator `mean`: `keys` counted once each, and a split per subtask.
fn write(store: &CheckpointStore, checkpoint: CheckpointName, parallelism: u16, keys: u64) -> Manifest {
    let mut manifest = manifest(checkpoint, parallelism);
    for subtask in 0..parallelism {
        let mut table = table(subtask, parallelism);
        for key in 0..keys {
            // Keys of other subtasks are refused, as they should be.
            let _ = table.insert(hash(&key), key, key + checkpoint.id);
        }
        let split = OperatorPart::new("splits", 1, &[(u32::from(subtask), "part")]).unwrap();
        let snapshot =
            OperatorSnapshot { keyed: vec![table.freeze_part(counts_meta())], operator: vec![split] };
        let committables =
            vec![Committable { uid: "mean".to_owned(), subtask, data: vec![0, 0xab, subtask as u8] }];
        let work = SubtaskWork { operators: vec![("mean".to_owned(), snapshot)], committables };
        manifest.add(store.write_subtask(checkpoint, &format!("1-{subtask}"), work).unwrap()).unwrap();
    }
    store.write_manifest(&manifest).unwrap();
    manifest
}

/// What subtask `subtask` gets back.
fn restored(
    store: &CheckpointStore,
    manifest: &Manifest,
    subtask: u16,
    parallelism: u16,
) -> Result<BTreeMap<u64, u64>, StoreError> {
    let mut restore = store.restore(manifest, "mean", subtask, parallelism, max())?;
    let mut table = table(subtask, parallelism);
    let claimed = restore.claim_keyed(&counts_meta()).unwrap().unwrap();
    claimed.read(|group, bytes| table.restore_group(group, bytes)).unwrap();
    Ok(table.iter().map(|(key, value)| (*key, *value)).collect())
}

fn state_file(folder: &Path, id: u64) -> std::path::PathBuf {
    folder.join(CheckpointName::checkpoint(id).to_string()).join("1-0.state")
}

fn manifest_file(folder: &Path, id: u64) -> std::path::PathBuf {
    folder.join(CheckpointName::checkpoint(id).to_string()).join("manifest.json")
}
