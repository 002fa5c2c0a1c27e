//! Two name nodes behind one name: reading, writing and checkpoints go on after the active one is killed and the other one is
//! made active.

use std::process::Command;
use std::time::Duration;

use millstream_storage::{Renamed, Storage, StorageSettings};
use millstream_testkit::kills::Victim;

use crate::independent::{hadoop, lines_hdfs};
use crate::kills::{LINES, check, put_local};
use crate::own_service::OwnService;

fn patient() -> StorageSettings {
    StorageSettings::new().set("storage.patience", "120 s").unwrap()
}

#[test]
fn the_other_name_node_is_asked_when_the_active_one_was_killed() {
    let mut service = OwnService::started();
    let settings = patient().set("hdfs.name-services", &service.name_services()).unwrap();
    let place = Storage::open_with("hdfs://flights/out", &settings).unwrap();
    place.put("before", b"kept").unwrap();
    let mut upload = place.begin_upload("part-0", ".part-0").unwrap();
    upload.write(&[7; 1000]).unwrap();
    service.kill("nn1");
    let waiting = place.clone();
    let writer = std::thread::spawn(move || {
        // Nobody is active yet.
        waiting.put("during", b"text").unwrap();
        let staged = upload.finish().unwrap();
        waiting.commit(&staged).unwrap()
    });
    service.activate("nn2");
    assert_eq!(writer.join().unwrap(), Renamed::Now);
    assert_eq!(place.get("before").unwrap(), b"kept");
    assert_eq!(place.get("part-0").unwrap(), [7; 1000]);
    // And back, for a client that knows both from Hadoop's own files.
    let folder = service.conf("nn1");
    let settings = patient().set("hdfs.conf-dir", folder.to_str().unwrap()).unwrap();
    let place = Storage::open_with("hdfs://flights/out", &settings).unwrap();
    assert_eq!(place.get("during").unwrap(), b"text");
    service.start("nn1");
    service.kill("nn2");
    service.activate("nn1");
    place.put("after", b"again").unwrap();
    assert_eq!(
        hadoop(&folder, &["-cat", "hdfs://flights/out/before", "hdfs://flights/out/after"]),
        "keptagain"
    );
}

#[test]
fn a_job_goes_on_from_hdfs_to_hdfs_with_its_checkpoints_there() {
    let mut service = OwnService::started();
    let (conf, local) = (service.conf("nn1"), tempfile::tempdir().unwrap());
    let put = |files: std::ops::Range<u64>| {
        for file in files {
            put_local(local.path(), file);
            let from = local.path().join(format!("{file:04}.txt"));
            hadoop(&conf, &["-put", from.to_str().unwrap(), "hdfs://flights/in/"]);
        }
    };
    hadoop(&conf, &["-mkdir", "-p", "hdfs://flights/in"]);
    put(0..2);
    let places = ["in", "out", "checkpoints"].map(|name| format!("hdfs://flights/{name}"));
    let mut copier = Command::new(env!("CARGO_BIN_EXE_copier"));
    copier.args(&places).arg("2").env("MILLSTREAM_HDFS_NAME_SERVICES", service.name_services());
    let job = Victim::start(copier.env("MILLSTREAM_STORAGE_PATIENCE", "120 s"));
    let [_, output, checkpoints] = &places;
    check(2, || lines_hdfs(&conf, output));
    let newest = || {
        let names = hadoop(&conf, &["-ls", "-R", checkpoints]);
        let numbers = names.lines().filter_map(|name| {
            name.split_once("/checkpoint-")?.1.split_once("/manifest.json")?.0.parse::<u64>().ok()
        });
        numbers.max().unwrap_or(0)
    };
    let before = newest();
    service.kill("nn1");
    service.activate("nn2");
    put(2..4);
    check(4, || lines_hdfs(&conf, output));
    let begun = std::time::Instant::now();
    while newest() <= before {
        assert!(begun.elapsed() < Duration::from_secs(120), "no checkpoint behind {before}");
    }
    assert_eq!(lines_hdfs(&conf, output).len() as u64, 4 * LINES);
    // The process that began has done it all.
    job.kill();
}
