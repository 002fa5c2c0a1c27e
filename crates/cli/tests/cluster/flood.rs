//! Thousands of connections that say nothing, or half of something, at every port of a cluster.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::stage::{Stage, text};

/// How many connections there are at a time, where the system allows so many.
const CONNECTIONS: usize = 10_000;

/// The addresses that a process listens at.
fn listens_at(pid: u32) -> Vec<SocketAddr> {
    let own: HashSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|link| {
            Some(link.to_string_lossy().strip_prefix("socket:[")?.strip_suffix("]")?.to_owned())
        })
        .collect();
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    let listening = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let port = u16::from_str_radix(words.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        (words[3] == "0A" && own.contains(words[9])).then(|| SocketAddr::from(([127, 0, 0, 1], port)))
    };
    sockets.lines().filter_map(listening).collect()
}

/// As many descriptors as this process may have.
fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    limit.maximum.map_or(CONNECTIONS * 2, |most| usize::try_from(most).unwrap_or(CONNECTIONS * 2))
}

fn floods(tls: bool) {
    // Its processes have few descriptors, as they are started before the limit is raised here.
    setrlimit(Resource::Nofile, Rlimit { current: Some(1024), ..getrlimit(Resource::Nofile) }).unwrap();
    let stage = Stage::start(&[1, 1], tls, true);
    let output = stage.run(&["--detach"], 40_000, 2_500).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    stage.wait_for_checkpoint("job-1");
    let connections = CONNECTIONS.min(raise_limit().saturating_sub(200));
    let of_programs = [stage.processes("master"), stage.processes("executor")].concat();
    let mut addresses: Vec<SocketAddr> = of_programs.iter().flat_map(|pid| listens_at(*pid)).collect();
    addresses.extend([&stage.workers_at, &stage.rest].map(|address| address.parse::<SocketAddr>().unwrap()));
    assert_eq!(
        addresses.len(),
        5,
        "control and REST of the job manager, control of the master, data of two executors"
    );
    let halves: [&[u8]; 4] = [b"", b"MSNX\x02", b"\x16\x03\x01\x02", b"GET /v1/jobs HTTP/1.1\r\nHo"];
    let mut held = Vec::new();
    let mut answered = 0;
    for number in 0..connections {
        let address = addresses[number % addresses.len()];
        // Some find a queue full; then there is one fewer.
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { continue };
        let _refused = stream.write_all(halves[number / addresses.len() % halves.len()]);
        held.push(stream);
        if number % 2_000 == 1_999 {
            answered += usize::from(stage.said(&["list"]).status.success());
        }
    }
    assert!(held.len() > connections / 2, "{} of {connections} connections were made", held.len());
    assert!(answered > 0, "in all this the job manager answers those that it knows");
    stage.wait_for_state("job-1", "finished");
    drop(held);
    stage.assert_exactly_once(40_000);
    let status = stage.json(&["status", "job-1"]);
    assert_eq!((&status["restarts"], &status["term"]), (&0.into(), &1.into()), "{status}");
    let log = stage.manager_log();
    assert!(log.contains("strangers were put out"), "{log}");
    // Room for those that come afterwards, too.
    let output = stage.run(&["--detach"], 100, 20_000).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn ten_thousand_strangers_disturb_neither_a_job_nor_those_that_ask() {
    floods(false);
    floods(true);
}
