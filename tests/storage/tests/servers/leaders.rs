//! Job managers that take turns over a lease in S3: who is killed or stands still is followed, what leaders write down is one
//! history, and a store that does no conditional writes is refused.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use millstream_storage_tests::fact;
use serde::Deserialize;
use tempfile::TempDir;

use crate::own_s3::{bucket, curl};
use crate::places;

/// The command: cargo builds the programs of this package alone for its tests.
fn millstream() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "millstream-cli", "--bin", "millstream"]);
        // What cargo tells a test about its package would have crates built anew that look at it.
        let told = std::env::vars_os().map(|(name, _)| name);
        told.filter(|name| name.to_string_lossy().starts_with("CARGO_PKG_")).for_each(|name| {
            build.env_remove(name);
        });
        build.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
        assert!(build.status().unwrap().success());
        Path::new(env!("CARGO_BIN_EXE_copier")).with_file_name("millstream")
    });
    let mut command = Command::new(built);
    places::environment(&mut command);
    command
}

/// Two job managers.
struct Pair {
    place: String,
    folder: TempDir,
    /// REST and workers' port of each.
    ports: [[u16; 2]; 2],
    managers: Vec<Child>,
}

impl Pair {
    fn start(place: &str) -> Self {
        let held: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |number: usize| held[number].local_addr().unwrap().port();
        let ports = [[port(0), port(1)], [port(2), port(3)]];
        drop(held);
        let folder = tempfile::tempdir().unwrap();
        let mut pair = Self { place: place.to_owned(), folder, ports, managers: Vec::new() };
        for number in 0..2 {
            let manager = pair.manager(number);
            pair.managers.push(manager);
        }
        pair
    }

    fn log(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("manager-{number}.log"))
    }

    fn manager(&self, number: usize) -> Child {
        let [rest, workers] = self.ports[number].map(|port| port.to_string());
        let mut command = millstream();
        command.args(["jobmanager", "--ha", &self.place, "--ha-timeout", "3"]);
        command.args(["--rest-port", &rest, "--port", &workers]);
        let log = std::fs::File::options().create(true).append(true).open(self.log(number)).unwrap();
        command.stderr(log).spawn().unwrap()
    }

    /// Who answers as the leader.
    fn leader(&self) -> Option<usize> {
        self.ports.iter().position(|[rest, _]| {
            let mut curl = Command::new("curl");
            curl.args(["-s", "--max-time", "1", "-o", "/dev/null", "-w", "%{http_code}"]);
            let output = curl.arg(format!("http://127.0.0.1:{rest}/v1/overview")).output().unwrap();
            output.stdout == b"200"
        })
    }

    fn wait_for<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let logs = (0..2).map(|number| std::fs::read_to_string(self.log(number)).unwrap());
            assert!(begun.elapsed() < Duration::from_secs(120), "{what}: {}", logs.collect::<String>());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn ask(&self, words: &[&str]) -> Command {
        let masters = self.ports.map(|[rest, _]| format!("127.0.0.1:{rest}")).join(",");
        let mut command = millstream();
        command.args(words).args(["--master", &masters]);
        command
    }

    /// Has a job written down: there are no workers, so that it waits.
    fn submit(&self) -> String {
        let mut command = self.ask(&["run", "--detach"]);
        command.arg(env!("CARGO_BIN_EXE_copier")).args(["in", "out", "checkpoints", "1"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for manager in &mut self.managers {
            // Gone already is as well.
            let _gone = manager.kill();
            let _gone = manager.wait();
        }
    }
}

fn signal(process: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
}

/// Changes a bucket by S3's own words.
fn configure(bucket: &str, what: &str, words: &str) {
    let url = format!("{}/{bucket}?{what}=", fact("MILLSTREAM_S3"));
    let unsigned = "x-amz-content-sha256: UNSIGNED-PAYLOAD";
    let (status, answer) = curl(&["-X", "PUT", "-H", unsigned, "--data-binary", words, &url]);
    assert!(["200", "204"].contains(&&*status), "{}", String::from_utf8_lossy(&answer));
}

/// All that an object has been, the oldest first.
fn history(bucket: &str, name: &str) -> Vec<Vec<u8>> {
    let server = fact("MILLSTREAM_S3");
    let (status, answer) = curl(&[&format!("{server}/{bucket}?prefix={name}&versions=")]);
    let answer = String::from_utf8(answer).unwrap();
    assert!(status == "200" && answer.contains("<IsTruncated>false"), "{answer}");
    let versions = answer.split("<VersionId>").skip(1).map(|rest| rest.split_once('<').unwrap().0);
    let mut all: Vec<Vec<u8>> =
        versions.map(|version| curl(&[&format!("{server}/{bucket}/{name}?versionId={version}")]).1).collect();
    all.reverse();
    all
}

/// What of the two files matters here.
#[derive(Debug, Deserialize)]
struct Page {
    term: u64,
    count: u64,
    jobs: std::collections::BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Claim {
    term: u64,
    holder: Option<String>,
}

#[test]
fn leaders_that_are_killed_or_stand_still_are_followed_and_write_one_history() {
    let name = format!("turns-{}", std::process::id());
    bucket(&fact("MILLSTREAM_S3"), &name);
    // The server keeps all that was ever written, so that a write of a leader that was followed would be seen.
    let kept = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    configure(&name, "versioning", kept);
    let mut pair = Pair::start(&format!("s3://{name}"));
    let mut jobs = Vec::new();
    for round in 0..6 {
        let leader = pair.wait_for("a leader", Pair::leader);
        jobs.push(pair.submit());
        let (begun, is_killed) = (Instant::now(), round % 2 == 0);
        signal(&pair.managers[leader], if is_killed { "-9" } else { "-STOP" });
        pair.wait_for("another leader", |pair| pair.leader().filter(|now| *now != leader));
        println!("{}: followed after {:?}", if is_killed { "killed" } else { "stopped" }, begun.elapsed());
        jobs.push(pair.submit());
        if !is_killed {
            signal(&pair.managers[leader], "-CONT");
        }
        let code = pair.managers[leader].wait().unwrap().code();
        assert_eq!(code, if is_killed { None } else { Some(2) });
        pair.managers[leader] = pair.manager(leader);
    }
    let listed = pair.ask(&["list"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(jobs.iter().all(|job| listed.split_whitespace().any(|word| word == job)), "{jobs:?}: {listed}");
    drop(pair);

    let pages: Vec<Page> =
        history(&name, "jobs.json").iter().map(|text| serde_json::from_slice(text).unwrap()).collect();
    for two in pages.windows(2) {
        let (before, after) = (&two[0], &two[1]);
        let goes_on = after.term == before.term && after.count == before.count + 1;
        let is_next = after.term > before.term && after.count == 1;
        assert!(goes_on || is_next, "{after:?} was written after {before:?}");
        assert!(before.jobs.keys().all(|job| after.jobs.contains_key(job)), "{after:?} after {before:?}");
    }
    assert!(pages.last().unwrap().term >= 7, "{pages:?}");
    let claims: Vec<Claim> =
        history(&name, "leader").iter().map(|text| serde_json::from_slice(text).unwrap()).collect();
    for two in claims.windows(2) {
        let (before, after) = (&two[0], &two[1]);
        let is_same = after.term == before.term && (after.holder == before.holder || after.holder.is_none());
        assert!(is_same || after.term == before.term + 1, "{after:?} was written after {before:?}");
    }
}

/// A server before the real one, for one request at a time: `change` makes another head of the request's, or the answer.
fn before_s3(change: fn(&str) -> Result<String, &'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let behind = fact("MILLSTREAM_S3").trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut asked = BufReader::new(client.try_clone().unwrap());
            let (mut head, mut body) = (String::new(), 0);
            while asked.read_line(&mut head).unwrap_or(0) > 2 {
                let line = head.lines().last().unwrap().to_ascii_lowercase();
                if let Some(length) = line.strip_prefix("content-length:") {
                    body = length.trim().parse().unwrap();
                }
            }
            let mut sent = vec![0; body];
            let is_whole = asked.read_exact(&mut sent).is_ok();
            // The client may have gone by then.
            let _answered = match change(&head) {
                Ok(head) if is_whole && !head.is_empty() => {
                    let mut server = TcpStream::connect(&behind).unwrap();
                    server.write_all(head.as_bytes()).unwrap();
                    server.write_all(&sent).unwrap();
                    std::io::copy(&mut server, &mut client).map(drop)
                }
                Ok(_) => Ok(()),
                Err(answer) => client.write_all(answer.as_bytes()),
            };
            let _closed = client.shutdown(Shutdown::Both);
        }
    });
    address
}

/// The head without lines that begin with one of these, for a connection that is closed with the answer.
fn without(head: &str, names: &[&str]) -> String {
    let is_kept = |line: &&str| {
        let line = line.to_ascii_lowercase();
        !line.starts_with("connection:") && !names.iter().any(|name| line.starts_with(name))
    };
    let kept: Vec<&str> = head.lines().filter(|line| !line.is_empty()).filter(is_kept).collect();
    if kept.is_empty() { String::new() } else { kept.join("\r\n") + "\r\nConnection: close\r\n\r\n" }
}

/// What a job manager says that agrees at a place of this server.
fn refused(address: &str, place: &str) -> String {
    let mut command = millstream();
    command.args(["jobmanager", "--ha", place, "--rest-port", "0", "--port", "0"]);
    let output = command.env("AWS_ENDPOINT_URL", address).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_store_that_takes_no_notice_of_conditions_is_refused() {
    let name = format!("careless-{}", std::process::id());
    bucket(&fact("MILLSTREAM_S3"), &name);
    // Who changes what is asked cannot sign it: everybody may do anything in this bucket.
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":["*"]}},"Action":["s3:*"],"Resource":["arn:aws:s3:::{name}","arn:aws:s3:::{name}/*"]}}]}}"#
    );
    configure(&name, "policy", &policy);
    let careless = before_s3(|head| Ok(without(head, &["authorization:", "if-match:", "if-none-match:"])));
    let said = refused(&careless, &format!("s3://{name}/ha"));
    assert!(said.contains(&format!("s3://{name}/ha cannot be used for --ha")), "{said}");
    assert!(said.contains("it wrote a file that was to be written only if there was none"), "{said}");
    assert!(said.contains("without --ha a job manager needs none"), "{said}");
}

#[test]
fn a_store_that_knows_no_conditions_is_refused_at_once() {
    let name = format!("unknowing-{}", std::process::id());
    bucket(&fact("MILLSTREAM_S3"), &name);
    let unknowing = before_s3(|head| {
        let has_condition = head.to_ascii_lowercase().contains("\r\nif-");
        if has_condition {
            return Err("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        Ok(without(head, &[]))
    });
    let said = refused(&unknowing, &format!("s3://{name}/ha"));
    assert!(
        said.contains("cannot be used for --ha: this store does no conditional writes: it says so"),
        "{said}"
    );
    assert!(!said.contains("is tried again"), "{said}");
}
