//! Conversations between two ends in one process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::reception::{Arrived, Owner, Reception};
use crate::token::Token;

fn own() -> Introduction {
    let (role, name, job) = ("worker".into(), "w-1".into(), String::new());
    Introduction { role, name, job, term: 0 }
}

fn right() -> Security {
    Security::of(Token::new("the right token of a test").unwrap())
}

fn quick() -> Pulse {
    Pulse { interval: Duration::from_millis(50), patience: Duration::from_millis(400) }
}

/// Lets everybody in who has the right token, and whose name does not begin with `x`.
struct Lenient(Mutex<std::sync::mpsc::Sender<Arrived>>);

impl Owner for Lenient {
    fn token(&self, _caller: &Introduction) -> Option<Token> {
        Some(right().token)
    }

    fn judge(&self, caller: &Introduction) -> Result<(), String> {
        if caller.name.starts_with('x') { Err("names do not begin with x".to_owned()) } else { Ok(()) }
    }

    fn welcome(&self, caller: Arrived) {
        let _ = self.0.lock().unwrap().send(caller);
    }
}

fn reception() -> (Reception, Receiver<Arrived>) {
    let (to, arrived) = channel();
    let local = [127, 0, 0, 1].into();
    (Reception::open(local, 0, right(), Lenient(Mutex::new(to))).unwrap(), arrived)
}

fn call(
    reception: &Reception,
    own: &Introduction,
    security: &Security,
    pulse: Pulse,
) -> Result<(Speaker<u64>, Hearer<String>)> {
    connect(&reception.address().to_string(), own, security, pulse)
}

#[test]
fn messages_pass_both_ways_in_order_and_silence_is_no_end_while_hearts_beat() {
    let (reception, arrived) = reception();
    let (speaker, mut hearer) = call(&reception, &own(), &right(), quick()).unwrap();
    let (answers, mut questions) = arrived.recv().unwrap().converse::<String, u64>(quick()).unwrap();
    std::thread::sleep(quick().patience * 2);
    for number in 0..100 {
        speaker.say(&number).unwrap();
    }
    for number in 0..100 {
        assert_eq!(questions.hear().unwrap(), number);
        answers.say(&number.to_string()).unwrap();
        assert_eq!(hearer.hear().unwrap(), number.to_string());
    }
}

#[test]
fn an_end_is_heard_at_once_and_behind_what_was_said() {
    let (reception, arrived) = reception();
    let slow = Pulse { patience: Duration::from_secs(60), ..quick() };
    let (speaker, hearer) = call(&reception, &own(), &right(), slow).unwrap();
    let (_answers, mut questions) = arrived.recv().unwrap().converse::<u64, u64>(slow).unwrap();
    speaker.say(&7).unwrap();
    let begun = Instant::now();
    drop((speaker, hearer));
    assert_eq!(questions.hear().unwrap(), 7);
    let end = questions.hear().unwrap_err().to_string();
    assert!(end.contains("closed the connection"), "{end}");
    assert!(begun.elapsed() < slow.patience, "not by patience");
}

#[test]
fn a_silent_peer_is_gone_after_the_patience() {
    let (reception, arrived) = reception();
    let (_speaker, mut hearer) = call(&reception, &own(), &right(), quick()).unwrap();
    // It is there, and says nothing.
    let _silent = arrived.recv().unwrap();
    let error = hearer.hear().unwrap_err().to_string();
    assert!(error.contains("said nothing for 400ms"), "{error}");
}

#[test]
fn a_wrong_token_and_a_wrong_name_are_refused_with_reasons() {
    let (reception, arrived) = reception();
    for wrong in [Security::open(), Security::of(Token::new("the wrong token of a test").unwrap())] {
        let refused = call(&reception, &own(), &wrong, quick()).unwrap_err();
        assert!(refused.to_string().contains("the token of this process is not that"), "{refused}");
        assert!(!refused.may_retry());
    }
    let strange = Introduction { name: "x-1".into(), ..own() };
    let refused = call(&reception, &strange, &right(), quick()).unwrap_err();
    assert!(refused.to_string().contains("refused: names do not begin with x"), "{refused}");
    assert!(!refused.may_retry());
    assert!(arrived.try_recv().is_err());
}

#[test]
fn one_who_comes_for_records_is_told_that_it_is_the_wrong_port() {
    let (reception, _arrived) = reception();
    let data = crate::Hello { job: "j".into(), attempt: 1, process: 0, fingerprint: String::new() };
    let address = reception.address().to_string();
    let refused = try_call(&address, &Purpose::Data(data), &right(), Instant::now() + quick().patience);
    let (failure, may_pass) = refused.err().unwrap();
    // Nobody is waited for there with records, so no token can be proved.
    assert!(!may_pass && failure.to_string().contains("token"), "{failure}");
}

#[test]
fn strangers_that_say_nothing_do_not_keep_others_out() {
    let (reception, arrived) = reception();
    let silent: Vec<TcpStream> =
        (0..1_000).filter_map(|_| TcpStream::connect(reception.address()).ok()).collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    while call(&reception, &own(), &right(), quick()).is_err() {
        assert!(Instant::now() < deadline, "nobody is let in any more");
    }
    arrived.recv().unwrap();
    drop(silent);
}

#[test]
fn garbage_is_closed_and_others_go_on() {
    let (reception, arrived) = reception();
    let mut stream = TcpStream::connect(reception.address()).unwrap();
    stream.write_all(&[0xFF; 4096]).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    let (_speaker, _hearer) = call(&reception, &own(), &right(), quick()).unwrap();
    assert_eq!(arrived.recv().unwrap().introduction.name, "w-1");
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let (reception, _arrived) = reception();
    let lenient = Lenient(Mutex::new(channel().0));
    let again = Reception::open([127, 0, 0, 1].into(), reception.address().port(), right(), lenient);
    let error = again.unwrap_err().to_string();
    assert!(error.contains("another process listens there"), "{error}");
}
