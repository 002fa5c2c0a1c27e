//! What travels: through a relay that writes down every byte.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::stage::{Stage, text};

/// Passes connections on, and keeps what passes, both ways.
fn relay(to: &str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (kept, to) = (Arc::new(Mutex::new(Vec::new())), to.to_owned());
    let keeping = kept.clone();
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(&to) else { continue };
            for (from, into) in [(&near, &far), (&far, &near)] {
                let (mut from, mut into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                let keeping = keeping.clone();
                std::thread::spawn(move || {
                    let mut bytes = [0; 4096];
                    while let Ok(count @ 1..) = from.read(&mut bytes) {
                        keeping.lock().unwrap().extend_from_slice(&bytes[..count]);
                        if into.write_all(&bytes[..count]).is_err() {
                            break;
                        }
                    }
                    let _gone = into.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    (address, kept)
}

/// A job on a worker that reaches the job manager through a relay, submitted through another one; what passed both.
fn passed(tls: bool) -> (Stage, Vec<u8>) {
    let mut stage = Stage::start(&[], tls, true);
    let (workers, said) = relay(&stage.workers_at);
    stage.add_worker_at(2, &workers);
    let (rest, asked) = relay(&stage.rest);
    let direct = std::mem::replace(&mut stage.rest, rest);
    if !tls {
        // Over a connection in the clear the REST interface's token is in a header.
        stage.rest = direct;
    }
    let output = stage.run(&[], 2_000, 20_000).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    stage.assert_exactly_once(2_000);
    let mut all = said.lock().unwrap().clone();
    assert!(all.len() > 10_000, "the program and more has passed");
    all.extend_from_slice(&asked.lock().unwrap());
    (stage, all)
}

fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|some| some == what)
}

#[test]
fn with_certificates_nothing_travels_in_the_clear() {
    let (stage, passed) = passed(true);
    for secret in [
        stage.token().as_bytes(),
        b"MSNX",
        b"steady",
        b"worker",
        b"job-1",
        b"Bearer",
        b"/v1/jobs",
        b"\x7fELF",
    ] {
        assert!(!has(&passed, secret), "{}", text(secret));
    }
}

#[test]
fn without_certificates_the_token_and_the_secret_of_the_job_do_not_travel() {
    let (stage, passed) = passed(false);
    assert!(has(&passed, b"MSNX") && has(&passed, b"steady"), "the relay sees what passes");
    assert!(!has(&passed, stage.token().as_bytes()));
    // What is told instead of the job's secret gives it to those who have the token, and to nobody else.
    let start = passed.windows(8).position(|some| some == b"\"seed\":\"").unwrap() + 8;
    let seed = text(&passed[start..start + 64]);
    let secret = millstream_network::Token::new(&stage.token()).unwrap().derive(&seed);
    assert!(!has(&passed, secret.as_bytes()));
    for log in ["manager.log", "worker-0.log"] {
        let log = std::fs::read(stage.folder.path().join(log)).unwrap();
        assert!(
            !has(&log, stage.token().as_bytes())
                && !has(&log, secret.as_bytes())
                && !has(&log, seed.as_bytes())
        );
    }
}
