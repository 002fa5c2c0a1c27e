//! A cluster with certificates and a token: a job on it, and strangers that do not get in.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

use crate::stage::{Stage, millstream, text, wait_for};

/// What a worker that is not let in says.
fn refused_worker(arguments: &[&str]) -> String {
    let output = millstream(&["worker", "--grace", "0"]).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    text(&output.stderr)
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    text(&output.stderr)
}

/// What comes back for these bytes.
fn answer_to(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // One that is cut off has been answered too.
    let _cut = stream.read_to_end(&mut answer);
    answer
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn strangers_are_refused_and_logged_while_a_job_runs_through_encrypted() {
    let stage = Stage::start(&[1, 1], true, true);
    let mut job = stage.run(&["--detach"], 20_000, 2_500);
    let output = job.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    stage.wait_for_checkpoint("job-1");

    let certs = stage.folder.path().join("certs/cluster");
    let token = stage.folder.path().join("token");
    let strange = stage.folder.path().join("strange");
    assert!(millstream(&["certs", &shown(&strange)]).status().unwrap().success());
    let other_token = stage.folder.path().join("other");
    assert!(millstream(&["token", &shown(&other_token)]).status().unwrap().success());
    let (workers, rest) = (stage.workers_at.as_str(), stage.rest.as_str());

    // Without a certificate.
    let said = refused_worker(&["--manager", workers, "--token-file", &shown(&token)]);
    assert!(said.contains("the other side speaks TLS, this one does not"), "{said}");
    // With one of another authority.
    let other_authority = ["--tls", &shown(&strange.join("cluster"))];
    let said = refused_worker(&[&["--manager", workers], &other_authority[..]].concat());
    assert!(said.contains("UnknownIssuer") && said.contains("of one authority"), "{said}");
    // With one of another authority, that believes this cluster's.
    let mixed = stage.folder.path().join("mixed");
    std::fs::create_dir(&mixed).unwrap();
    for (name, from) in
        [("certificate", &strange.join("client")), ("key", &strange.join("client")), ("authority", &certs)]
    {
        std::fs::copy(from.join(format!("{name}.pem")), mixed.join(format!("{name}.pem"))).unwrap();
    }
    refused_worker(&["--manager", workers, "--tls", &shown(&mixed)]);
    // With the right one and another token.
    let other = ["--tls", &shown(&certs), "--token-file", &shown(&other_token)];
    let said = refused_worker(&[&["--manager", workers], &other[..]].concat());
    assert!(said.contains("the token of this process is not that of the other one"), "{said}");
    // Something else than TLS.
    answer_to(workers, b"GET / HTTP/1.1\r\n\r\n");
    let answer = answer_to(rest, b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(text(&answer).contains("this port speaks TLS"), "{}", text(&answer));

    // Those that ask: without anything, with a token over a connection in the clear, with certificates of another authority.
    let ask = |arguments: &[&str]| {
        refused(&millstream(&["list", "--master", rest]).args(arguments).output().unwrap())
    };
    let said = ask(&[]);
    assert!(said.contains("this port speaks TLS") && said.contains("--tls FOLDER"), "{said}");
    assert!(ask(&["--token-file", &shown(&token)]).contains("this port speaks TLS"));
    let said = ask(&other_authority);
    assert!(said.contains("of the same authority, that name this host"), "{said}");
    let said = ask(&["--tls", &shown(&mixed)]);
    assert!(said.contains("no job manager answers at"), "{said}");

    stage.wait_for_state("job-1", "finished");
    stage.assert_exactly_once(20_000);
    let status = stage.json(&["status", "job-1"]);
    assert_eq!((&status["restarts"], &status["term"]), (&0.into(), &1.into()), "{status}");
    let log = stage.manager_log();
    for logged in [
        "a connection was refused",
        "has not the token that it needs here",
        "UnknownIssuer",
        "a connection to the REST interface was refused",
        "it does not speak TLS",
    ] {
        assert!(log.contains(logged), "{logged}: {log}");
    }
}

#[test]
fn a_cluster_without_certificates_refuses_tls_and_other_versions_and_says_why() {
    let stage = Stage::with(&[1]);
    let certs = stage.folder.path().join("certs");
    assert!(millstream(&["certs", &shown(&certs)]).status().unwrap().success());
    let tls = shown(&certs.join("cluster"));
    let said = refused_worker(&["--manager", &stage.workers_at, "--tls", &tls]);
    assert!(said.contains("no encrypted connection") && said.contains("or none: --tls FOLDER"), "{said}");
    let output = millstream(&["list", "--master", &stage.rest, "--tls", &tls]).output().unwrap();
    assert!(refused(&output).contains("has it certificates (--tls)"), "{}", text(&output.stderr));

    let mut other_version = *b"MSNX\x09\0................................";
    let answer = answer_to(&stage.workers_at, &other_version);
    assert!(
        answer.starts_with(b"MSNX\x02\0") && answer.len() == other_version.len(),
        "its version, and no more"
    );
    // The first protocol that processes of a cluster spoke.
    other_version[..8].copy_from_slice(b"MILLS\0\0\x01");
    answer_to(&stage.workers_at, &other_version);
    wait_for("the log", || {
        let log = stage.manager_log();
        let logged = [
            "the other side speaks TLS",
            "speaks version 9 of the cluster's protocol",
            "does not speak the protocol",
        ];
        logged.iter().all(|what| log.contains(what)).then_some(())
    });
    assert!(stage.run(&["--detach"], 1_000, 20_000).output().unwrap().status.success());
}

#[test]
fn certificates_are_made_once_and_what_is_next_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let certs = shown(&folder.path().join("certs"));
    let made = millstream(&["certs", &certs, "--name", "worker-1.example.org", "--name", "10.0.0.7"])
        .output()
        .unwrap();
    let said = text(&made.stdout);
    assert!(said.contains("localhost, worker-1.example.org, 10.0.0.7"), "{said}");
    assert!(said.contains(&format!("millstream jobmanager --tls {certs}/cluster")), "{said}");
    let again = refused(&millstream(&["certs", &certs]).output().unwrap());
    assert!(again.contains("nothing is replaced"), "{again}");
    let said = refused_worker(&["--tls", &shown(folder.path())]);
    assert!(said.contains("there is no certificate.pem in"), "{said}");
}
