//! A job that posts to a webhook, whose process is killed again and again, loses nothing; one in a pipe ends with its input.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const RECORDS: u64 = 20_000;
const RATE: u64 = 10_000;
const KILLS: u32 = 20;

/// How often each number was taken.
type Taken = Arc<Mutex<BTreeMap<u64, u32>>>;

/// A server that takes arrays of numbers. Of every ten requests it refuses one, and takes one without an answer.
fn serve() -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let (taken, count) = (Taken::default(), Arc::new(Mutex::new(0)));
    let own = taken.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, taken, count) = (stream.unwrap(), own.clone(), count.clone());
            std::thread::spawn(move || while answer(&stream, &taken, &count).is_some() {});
        }
    });
    (address, taken)
}

fn answer(stream: &TcpStream, taken: &Taken, count: &Mutex<u64>) -> Option<()> {
    let mut input = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok().filter(|&count| count > 0)?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    // A request that was cut by the kill is not taken.
    input.read_exact(&mut body).ok()?;
    let turn = {
        let mut count = count.lock().unwrap();
        *count += 1;
        *count % 10
    };
    let mut stream = stream;
    if turn == 3 {
        return stream.write_all(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").ok();
    }
    for number in String::from_utf8(body).unwrap().trim_matches(['[', ']']).split(',') {
        *taken.lock().unwrap().entry(number.parse().unwrap()).or_default() += 1;
    }
    if turn == 7 {
        let _cut = stream.shutdown(std::net::Shutdown::Both);
        return None;
    }
    stream.write_all(b"HTTP/1.1 204 Taken\r\n\r\n").ok()
}

fn poster(folder: &Path, address: &str, rate: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_poster"))
        .arg(folder)
        .args([address, &RECORDS.to_string(), &rate.to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_that_is_posted_is_lost_through_kills() {
    let folder = tempfile::tempdir().unwrap();
    let (address, taken) = serve();
    let mut killed = 0;
    while killed < KILLS {
        let before = taken.lock().unwrap().len();
        let mut process = poster(folder.path(), &address, RATE);
        let begun = Instant::now();
        // Killed while it posts: some time after the first number that is new.
        while taken.lock().unwrap().len() == before && process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is posted");
            std::thread::park_timeout(Duration::from_millis(1));
        }
        let until = Instant::now() + Duration::from_millis(u64::from(10 + 7 * killed % 40));
        while Instant::now() < until {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
        if process.try_wait().unwrap().is_some() {
            break;
        }
        process.kill().unwrap();
        process.wait().unwrap();
        killed += 1;
    }
    let last = poster(folder.path(), &address, 10 * RATE).wait_with_output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    let taken = taken.lock().unwrap();
    let lost: Vec<u64> = (0..RECORDS).filter(|number| !taken.contains_key(number)).take(5).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    assert_eq!(taken.len() as u64, RECORDS);
    let again = taken.values().filter(|&&count| count > 1).count();
    println!("killed {killed} times; {again} of {RECORDS} numbers came more than once");
    assert!(killed >= KILLS / 2, "the job ended after {killed} kills: it was not disturbed enough");
}

#[test]
fn a_job_in_a_pipe_ends_with_its_input() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_piped"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = process.stdin.take().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    input.write_all(b"to be\nor not ").unwrap();
    // A line comes through before the input has ended.
    assert_eq!(lines.next().unwrap(), "TO BE");
    input.write_all(b"to be").unwrap();
    drop(input);
    assert_eq!(lines.collect::<Vec<_>>(), ["OR NOT TO BE"]);
    assert!(process.wait().unwrap().success());
}
