//! Who gets in and who does not.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use millstream_network::handshake::{PREFACE, VERSION, preface};
use millstream_network::{Hello, Security, Tls, TlsFiles, Token, certs};
use millstream_runtime::network::{Listener, NetworkSettings, connect};

use super::{PATIENCE, expected, hello, pair_with, security, soon};

fn listener() -> Listener {
    Listener::bind("127.0.0.1:0", security(), NetworkSettings::default()).unwrap()
}

fn refusal(listener: &Listener, hello: &Hello, security: &Security) -> String {
    let deadline = Instant::now() + PATIENCE;
    let refused = connect(&listener.address().to_string(), hello, security, deadline);
    refused.err().unwrap().to_string()
}

#[test]
fn an_attempt_that_was_given_up_does_not_get_in_and_is_told_why() {
    let listener = listener();
    let old = listener.expect("job", expected(1)).unwrap();
    let _current = listener.expect("job", expected(2)).unwrap();
    let text = refusal(&listener, &hello(1), &security());
    assert!(text.contains("attempt 1 at job `job` was given up") && text.contains("at attempt 2"), "{text}");
    drop(old);
    connect(&listener.address().to_string(), &hello(2), &security(), soon()).unwrap();
    assert!(listener.expect("job", expected(1)).is_err(), "there is no way back");
}

#[test]
fn who_comes_too_early_is_let_in_once_the_attempt_is_there() {
    let listener = listener();
    let address = listener.address().to_string();
    let early =
        thread::spawn(move || connect(&address, &hello(7), &security(), soon()).map(|peer| peer.process));
    let _old = listener.expect("job", expected(6)).unwrap();
    let admissions = listener.expect("job", expected(7)).unwrap();
    assert_eq!(admissions.next(PATIENCE).unwrap().process, 1);
    assert_eq!(early.join().unwrap().unwrap(), 0);
}

#[test]
fn a_wrong_token_another_program_and_a_second_connection_are_refused_with_their_reasons() {
    let listener = listener();
    let admissions = listener.expect("job", expected(1)).unwrap();
    let other = Security::of(Token::new("some other token of a stranger").unwrap());
    let text = refusal(&listener, &hello(1), &other);
    assert!(text.contains("token of this process is not that of the other"), "{text}");
    let text = refusal(&listener, &Hello { fingerprint: "other".into(), ..hello(1) }, &security());
    assert!(text.contains("print there, other here"), "{text}");
    connect(&listener.address().to_string(), &hello(1), &security(), soon()).unwrap();
    assert_eq!(admissions.next(PATIENCE).unwrap().process, 1);
    let text = refusal(&listener, &hello(1), &security());
    assert!(text.contains("connected to the other one already"), "{text}");
}

#[test]
fn a_job_that_does_not_run_there_is_named_when_the_time_is_over() {
    let listener = listener();
    let deadline = Instant::now() + Duration::from_millis(50);
    let address = listener.address().to_string();
    let text = connect(&address, &hello(1), &security(), deadline).err().unwrap().to_string();
    assert!(text.contains("job `job` does not run") && text.contains(&address), "{text}");
}

#[test]
fn another_version_learns_the_version_that_is_spoken_here() {
    let listener = listener();
    let mut stranger = TcpStream::connect(listener.address()).unwrap();
    let mut theirs = preface().unwrap();
    theirs[4..6].copy_from_slice(&(VERSION + 1).to_le_bytes());
    stranger.write_all(&theirs).unwrap();
    let mut ours = [0; PREFACE];
    stranger.read_exact(&mut ours).unwrap();
    assert_eq!(ours[4..6], VERSION.to_le_bytes());
    assert_eq!(stranger.read(&mut ours).unwrap(), 0, "and nothing else");
}

#[test]
fn thousands_who_say_nothing_or_half_a_handshake_harm_nobody() {
    let settings = NetworkSettings { max_strangers: 64, ..NetworkSettings::default() };
    let listener = Listener::bind("127.0.0.1:0", security(), settings).unwrap();
    let admissions = listener.expect("job", expected(1)).unwrap();
    let mut strangers = Vec::new();
    for n in 0..2_000 {
        // Some find the queue full for a moment; that is their own affair.
        let Ok(mut stranger) = TcpStream::connect(listener.address()) else { continue };
        if n % 4 == 0 {
            let _ = stranger.write_all(b"MSNX\x01");
        }
        // Few of them are kept here, for a test has only so many descriptors; the listener has to bear them all.
        if strangers.len() < 400 {
            strangers.push(stranger);
        }
    }
    connect(&listener.address().to_string(), &hello(1), &security(), soon()).unwrap();
    assert_eq!(admissions.next(PATIENCE).unwrap().process, 1);
}

fn encrypted(files: &TlsFiles) -> Security {
    Security { tls: Some(Arc::new(Tls::new(files.clone()).unwrap())), ..security() }
}

fn certificates(folder: &Path) -> Vec<TlsFiles> {
    certs::create_development(folder, &[]).unwrap().into()
}

#[test]
fn with_certificates_of_one_authority_the_connection_is_encrypted_and_works() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificates(folder.path());
    let pair = pair_with(NetworkSettings::default(), encrypted(&files[0]));
    super::channels::passes_a_great_deal(&pair);
}

#[test]
fn without_a_certificate_or_with_one_of_another_authority_nobody_gets_in() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = certificates(ours.path());
    let strange = certificates(theirs.path());
    let listener = Listener::bind("127.0.0.1:0", encrypted(&files[0]), NetworkSettings::default()).unwrap();
    let admissions = listener.expect("job", expected(1)).unwrap();
    let address = listener.address().to_string();
    let refused = |security: Security| {
        let deadline = Instant::now() + Duration::from_secs(2);
        connect(&address, &hello(1), &security, deadline).err().unwrap().to_string()
    };
    let text = refused(security());
    assert!(text.contains("the other side speaks TLS") && text.contains("--tls FOLDER"), "{text}");
    let text = refused(encrypted(&strange[0]));
    assert!(text.contains("UnknownIssuer") && text.contains("of one authority"), "{text}");
    // One who believes the listener, and whom the listener does not believe.
    let mixed = TlsFiles { authority: files[0].authority.clone(), ..strange[0].clone() };
    refused(encrypted(&mixed));
    assert!(admissions.next(Duration::ZERO).is_none());
    connect(&address, &hello(1), &encrypted(&files[1]), soon()).unwrap();
    assert!(admissions.next(PATIENCE).is_some());
}

#[test]
fn certificates_that_are_replaced_count_from_the_next_connection_on() {
    let (old, new, live) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let install = |from: &TlsFiles| {
        let names = [("c.pem", &from.certificate), ("k.pem", &from.key), ("a.pem", &from.authority)];
        for (name, from) in names {
            // As one should: the old file stays until the new one is whole.
            let fresh = live.path().join(format!("{name}.new"));
            fs::write(&fresh, fs::read(from).unwrap()).unwrap();
            fs::rename(fresh, live.path().join(name)).unwrap();
        }
    };
    let [first, second] = [&old, &new].map(|folder| certificates(folder.path()));
    install(&first[0]);
    let files = TlsFiles {
        certificate: live.path().join("c.pem"),
        key: live.path().join("k.pem"),
        authority: live.path().join("a.pem"),
    };
    let listener = Listener::bind("127.0.0.1:0", encrypted(&files), NetworkSettings::default()).unwrap();
    let _admissions = listener.expect("job", expected(1)).unwrap();
    let address = listener.address().to_string();
    connect(&address, &hello(1), &encrypted(&first[1]), soon()).unwrap();
    install(&second[0]);
    let other = Hello { process: 2, ..hello(1) };
    assert!(
        connect(&address, &other, &encrypted(&first[1]), Instant::now() + Duration::from_secs(2)).is_err()
    );
    connect(&address, &other, &encrypted(&second[1]), soon()).unwrap();
    fs::write(&files.key, "no key").unwrap();
    let third = Hello { process: 3, ..hello(1) };
    connect(&address, &third, &encrypted(&second[1]), soon()).unwrap();
}
