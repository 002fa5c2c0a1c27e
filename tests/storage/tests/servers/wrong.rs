//! Wrong hosts, ports, credentials, folders and rights: each is told with what to do.

use std::io::Read;
use std::net::TcpListener;
use std::time::Instant;

use millstream_storage::{Storage, StorageSettings};
use millstream_storage_tests::fact;

use crate::places;

fn hurried() -> StorageSettings {
    places::settings().set("storage.patience", "300 ms").unwrap().set("storage.timeout", "2 s").unwrap()
}

fn message(location: &str, settings: &StorageSettings) -> String {
    let place = Storage::open_with(location, settings).unwrap();
    place.put("file", b"text").unwrap_err().to_string()
}

#[test]
fn nobody_at_the_address() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let s3 = hurried().set("s3.endpoint", &format!("http://127.0.0.1:{port}")).unwrap();
    let told = message("s3://flights/out", &s3);
    assert!(told.starts_with("writing s3://flights/out/file failed") && told.contains("127.0.0.1"), "{told}");
    let told = message(&format!("hdfs://127.0.0.1:{port}/out"), &hurried());
    assert!(told.contains(&format!("writing hdfs://127.0.0.1:{port}/out/file failed")), "{told}");
    assert!(told.contains("Connection refused"), "{told}");
    let told = message("hdfs://no-such-host.invalid:8020/out", &hurried());
    assert!(told.contains("writing hdfs://no-such-host.invalid:8020/out/file failed"), "{told}");
}

#[test]
fn another_protocol_at_the_address() {
    let hdfs = fact("MILLSTREAM_HDFS").replace("hdfs://", "http://");
    let told = message("s3://flights/out", &hurried().set("s3.endpoint", &hdfs).unwrap());
    assert!(told.starts_with("writing s3://flights/out/file failed"), "{told}");
    let s3 = fact("MILLSTREAM_S3").replace("http://", "hdfs://");
    let told = message(&format!("{s3}/out"), &hurried());
    assert!(told.starts_with(&format!("writing {s3}/out/file failed")), "{told}");
}

#[test]
fn one_who_listens_and_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let begun = Instant::now();
    let told = message(&format!("hdfs://{address}/out"), &hurried());
    assert!(told.contains("no answer within 2 s"), "{told}");
    let s3 = hurried().set("s3.endpoint", &format!("http://{address}")).unwrap();
    let told = message("s3://flights/out", &s3);
    assert!(told.contains("no answer within 2 s"), "{told}");
    assert!(begun.elapsed().as_secs() < 60);
}

#[test]
fn wrong_credentials_and_no_such_bucket() {
    let wrong = hurried().set("s3.secret-key", "not-the-secret").unwrap();
    let location = places::s3("wrong");
    let told = message(&location, &wrong);
    assert!(told.starts_with(&format!("writing {location}/file is not allowed: ")), "{told}");
    assert!(told.contains("check the credentials") && !told.contains("not-the-secret"), "{told}");
    let told = message("s3://no-such-bucket-here/out", &hurried());
    assert!(told.contains("no-such-bucket-here") && told.contains("does not exist"), "{told}");
}

#[test]
fn no_right_to_a_folder_of_hdfs() {
    let own = Storage::open_with(&places::hdfs("rights"), &hurried()).unwrap();
    own.put("file", b"text").unwrap();
    // The tests' user is the one who began the name node, and may do everything: another one asks.
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["wrong::as_another_user", "--exact", "--ignored", "--nocapture"])
        .env("HADOOP_USER_NAME", "stranger")
        .env("RIGHTS_AT", own.name())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(told.contains("is not allowed: ") && told.contains("AccessControlException"), "{told}");
    assert!(!told.contains("\tat org.apache"), "{told}");
}

#[test]
#[ignore = "begun by `no_right_to_a_folder_of_hdfs` as another user"]
fn as_another_user() {
    println!("{}", message(&std::env::var("RIGHTS_AT").unwrap(), &hurried()));
}

#[test]
fn a_file_that_is_not_there() {
    for place in places::both("missing") {
        assert_eq!(
            place.get("none").unwrap_err().to_string(),
            format!("{}/none does not exist", place.name())
        );
        assert_eq!(place.list("none").unwrap(), []);
        place.delete("none").unwrap();
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_told_with_what_to_do() {
    for place in places::both("replaced") {
        let text = |line: &str, count: usize| format!("{line}\n").repeat(count).into_bytes();
        place.put("file", &text("first", 3 << 20)).unwrap();
        let mut reader = place.reader("file", 0, None).unwrap();
        reader.read_exact(&mut [0; 1000]).unwrap();
        place.put("file", &text("other", 3 << 20)).unwrap();
        let told = reader.read_to_end(&mut Vec::new()).unwrap_err().to_string();
        let name = place.full_name("file");
        assert!(told.contains(&format!("{name} has changed while it was read")), "{told}");
        assert!(told.contains("must stay as they are"), "{told}");
    }
}
