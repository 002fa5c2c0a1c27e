//! Servers that are killed and come back, that are overloaded, and that are slow.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use millstream_storage::{Renamed, Storage};
use millstream_storage_tests::fact;

use crate::own_hdfs::OwnHdfs;
use crate::own_s3::OwnS3;
use crate::places;

fn patient(location: &str) -> Storage {
    Storage::open_with(location, &places::settings().set("storage.patience", "120 s").unwrap()).unwrap()
}

#[test]
fn a_name_node_that_is_killed_and_comes_back_is_waited_for() {
    let mut hdfs = OwnHdfs::started();
    let place = patient(&format!("{}/out", hdfs.address()));
    place.put("before", b"kept").unwrap();
    let mut upload = place.begin_upload("part-0", ".part-0").unwrap();
    upload.write(&[7; 1000]).unwrap();
    hdfs.kill("nn");
    let waiting = place.clone();
    let writer = std::thread::spawn(move || {
        waiting.put("during", b"text").unwrap();
        let staged = upload.finish().unwrap();
        waiting.commit(&staged).unwrap()
    });
    hdfs.start("nn");
    assert_eq!(writer.join().unwrap(), Renamed::Now);
    assert_eq!(place.get("before").unwrap(), b"kept");
    assert_eq!(place.get("during").unwrap(), b"text");
    assert_eq!(place.get("part-0").unwrap(), [7; 1000]);
    // A data node less: what it had is read from the other one.
    hdfs.kill("dn0");
    assert_eq!(place.get("part-0").unwrap(), [7; 1000]);
    hdfs.start("dn0");
    hdfs.await_ready();
    place.put("after", b"text").unwrap();
}

#[test]
fn an_s3_server_that_is_killed_and_comes_back_is_waited_for() {
    let mut server = OwnS3::with_bucket("flights");
    let settings = places::settings().set("s3.endpoint", &server.address()).unwrap();
    let settings = settings.set("storage.patience", "120 s").unwrap();
    let place = Storage::open_with("s3://flights/out", &settings).unwrap();
    let mut upload = place.begin_upload("part-0", ".part-0").unwrap();
    upload.write(&vec![7; 9 << 20]).unwrap();
    server.kill();
    let waiting = place.clone();
    let writer = std::thread::spawn(move || {
        let staged = upload.finish().unwrap();
        waiting.commit(&staged).unwrap()
    });
    server.start();
    assert_eq!(writer.join().unwrap(), Renamed::Now);
    assert!(place.get("part-0").unwrap() == vec![7; 9 << 20]);
}

/// Stands before the S3 server: some requests it answers itself, with 503 or never; the others it hands on.
fn overloaded(answers: fn(u32) -> bool) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let behind = fact("MILLSTREAM_S3").trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            if answers(count.fetch_add(1, Ordering::Relaxed)) {
                let server = TcpStream::connect(&behind).unwrap();
                hand_on(client.try_clone().unwrap(), server.try_clone().unwrap());
                hand_on(server, client);
            } else {
                let _ = client.set_read_timeout(Some(Duration::from_millis(200)));
                let _ = client.read(&mut [0; 64 << 10]);
                let body = "<Error><Code>SlowDown</Code></Error>";
                let _ = write!(
                    client,
                    "HTTP/1.1 503 Slow Down\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        }
    });
    (address, asked)
}

fn hand_on(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

#[test]
fn an_s3_server_that_answers_503_is_asked_again() {
    let location = places::s3("overloaded");
    let (address, asked) = overloaded(|number| number >= 3);
    // The address is part of what is signed: the server must be asked under its own name.
    let settings = places::settings().set("s3.endpoint", &address).unwrap();
    let place = Storage::open_with(&location, &settings).unwrap();
    place.put("file", b"text").unwrap();
    assert_eq!(place.get("file").unwrap(), b"text");
    assert!(asked.load(Ordering::Relaxed) > 3);
    let (address, _) = overloaded(|_| false);
    let settings = settings.set("s3.endpoint", &address).unwrap().set("storage.patience", "1 s").unwrap();
    let told = Storage::open_with(&location, &settings).unwrap().get("file").unwrap_err().to_string();
    assert!(told.contains("tried again for 1 s") && told.contains("503"), "{told}");
}
