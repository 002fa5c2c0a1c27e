//! Checkpoints of format 1 stay readable: one lies in `tests/fixtures`, and is read here for ever.
//!
//! It was written by `write_the_fixture`; a later format gets a folder of its own, and this one stays.

use std::path::PathBuf;

use millstream_dataflow::state::encoding::TypeSignature;
use millstream_dataflow::state::keyed::{
    KeyedStore, ListStateDescriptor, MapStateDescriptor, TimeDomain, ValueStateDescriptor,
};
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Delay {
    sum: f64,
    count: u32,
    /// Not in the fixture.
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<f64>,
}

fn fixture() -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("tests/fixtures/format-1")
}

fn write_to(store: &CheckpointStore) {
    let checkpoint = CheckpointName::savepoint(17);
    let mut manifest = manifest(checkpoint, 1);
    let mut states = KeyedStore::new(max().all(), max(), KeyFunctions::new(hash));
    let delay = states.value(&ValueStateDescriptor::<Delay>::new("delay").version(2)).unwrap();
    let seen = states.list(&ListStateDescriptor::<String>::new("seen")).unwrap();
    let gates = states.map(&MapStateDescriptor::<String, u16>::new("gates")).unwrap();
    for key in 0..10u64 {
        states.set_key(hash(&key), &key).unwrap();
        delay.update(Delay { sum: key as f64 / 2.0, count: key as u32, worst: None });
        seen.add(format!("flight {key}"));
        gates.put("A".to_owned(), key as u16);
        states.register_timer(TimeDomain::EventTime, 1_000 * key as i64);
    }
    let snapshot = OperatorSnapshot {
        keyed: states.freeze(),
        operator: vec![OperatorPart::new("splits", 1, &[("flights.csv", 4096u64)]).unwrap()],
    };
    let committables = vec![Committable { uid: "files".to_owned(), subtask: 0, data: b"part-0".to_vec() }];
    let work = SubtaskWork { operators: vec![("mean".to_owned(), snapshot)], committables };
    manifest.add(store.write_subtask(checkpoint, "0-0", work).unwrap()).unwrap();
    store.write_manifest(&manifest).unwrap();
}

#[test]
#[ignore = "writes the fixture anew"]
fn write_the_fixture() {
    write_to(&CheckpointStore::open(fixture()).unwrap());
    std::fs::remove_file(fixture().join("lock")).unwrap();
}

#[test]
fn the_same_state_gives_the_same_files() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = folders.each_ref().map(|folder| {
        write_to(&CheckpointStore::open(folder.path()).unwrap());
        let read = |file: &str| std::fs::read(folder.path().join("savepoint-000017").join(file)).unwrap();
        (read("0-0.state"), read("manifest.json"))
    });
    assert_eq!(one, other);
}

#[test]
fn a_checkpoint_of_format_1_is_read_with_all_it_holds() {
    let store = CheckpointStore::open_to_read(fixture()).unwrap();
    let manifest = store.named("savepoint-17").unwrap();
    assert_eq!(manifest.committables[0].data, b"part-0");
    let delays = &manifest.operator("mean").unwrap().keyed[0].meta;
    let signature =
        TypeSignature { name: "u64 -> Delay".to_owned(), shapes: vec!["Delay {sum, count}".to_owned()] };
    assert_eq!((&delays.signature, delays.schema_version), (&signature, 2));

    let mut restore = store.restore(&manifest, "mean", 0, 1, max()).unwrap();
    let mut states = KeyedStore::new(max().all(), max(), KeyFunctions::new(hash));
    let delay = states.value(&ValueStateDescriptor::<Delay>::new("delay").version(2)).unwrap();
    let seen = states.list(&ListStateDescriptor::<String>::new("seen")).unwrap();
    let gates = states.map(&MapStateDescriptor::<String, u16>::new("gates")).unwrap();
    states.restore(&mut restore).unwrap();
    let how = millstream_dataflow::state::restore::Redistribution::Split;
    let splits = restore.claim_operator::<(String, u64)>("splits", 1, how).unwrap();
    assert_eq!(splits, [("flights.csv".to_owned(), 4096)]);
    assert!(restore.unclaimed().is_empty());
    for expected in 0..10u64 {
        let (key, time) = states.fire_next(TimeDomain::EventTime, i64::MAX).unwrap().unwrap();
        assert_eq!((key, time), (expected, 1_000 * expected as i64));
        assert_eq!(delay.get(), Some(Delay { sum: key as f64 / 2.0, count: key as u32, worst: None }));
        assert_eq!(seen.get(), [format!("flight {key}")]);
        assert_eq!(gates.get(&"A".to_owned()), Some(key as u16));
    }
}
