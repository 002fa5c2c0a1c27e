//! The folder of a job in S3 and HDFS: one job at a time.

use millstream::{CheckpointSettings, StreamEnvironment};

use crate::places;

/// A job of one record, with the settings of the environment.
fn run(checkpoints: &str) -> Result<(), String> {
    let env = StreamEnvironment::new();
    env.enable_checkpoints(CheckpointSettings::in_folder(checkpoints));
    env.from_collection(vec![1]).map(|n| n + 1).print();
    env.execute("one record").map(drop).map_err(|failure| failure.to_string())
}

#[test]
fn a_folder_in_hdfs_belongs_to_one_job() {
    let location = places::hdfs("one-job");
    let place = millstream_storage::Storage::open(&location).unwrap();
    let lease = millstream_storage::Lease::take(&place, "lease", std::time::Duration::from_secs(15)).unwrap();
    let told = run(&location).unwrap_err();
    let expected = format!("the checkpoint folder {location} is in use by process {}", std::process::id());
    assert!(told.contains(&expected), "{told}");
    drop(lease);
    run(&location).unwrap();
    assert!(place.list("").unwrap().iter().any(|entry| entry.name.ends_with("/manifest.json")));
}

#[test]
fn a_location_that_nobody_answers_for_ends_the_job_with_its_name() {
    let told = run("hdfs://127.0.0.1:1/checkpoints").unwrap_err();
    assert!(told.contains("hdfs://127.0.0.1:1/checkpoints") && told.contains("Connection refused"), "{told}");
}
