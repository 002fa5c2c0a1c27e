//! Against a server of a few lines that gives batches as an agent's sink does.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use millstream_testkit::conformance::{Run, check_idle};

use crate::flume::event::FlumeEvent;
use crate::flume::wire::cursor::{Cursor, put_avro_bytes, put_zigzag};
use crate::flume::wire::handshake::{self, Greeting, SPARK, skip_map};
use crate::flume::wire::netty::{Frames, begin_frame, end_frame};
use crate::flume::wire::packed::Packed;
use crate::flume::{Flume, FlumeSource};

const LONG: Duration = Duration::from_secs(60);

/// What is left to give, and what became of what was given.
#[derive(Default)]
struct Given {
    left: VecDeque<Vec<String>>,
    lent: Vec<(String, Vec<String>)>,
    number: u32,
    taken: Vec<String>,
    given_back: usize,
}

fn serve(mut stream: TcpStream, given: &Mutex<Given>) -> std::io::Result<()> {
    let (mut greeted, mut bytes, mut chunk) = (false, Vec::new(), [0; 4_096]);
    loop {
        let mut frames = Frames::default();
        let length = loop {
            if let Some(length) = frames.whole(&bytes, 1 << 20)? {
                break length;
            }
            match stream.read(&mut chunk)? {
                0 => return Ok(()),
                count => bytes.extend_from_slice(&chunk[..count]),
            }
        };
        let rest = bytes.split_off(length);
        let (serial, message) = frames.open(&mut bytes);
        let (mut message, mut out) = (Cursor::new(message), Vec::new());
        let begin = begin_frame(&mut out, serial);
        if !greeted {
            let greeting = handshake::greeted(&SPARK, &mut message)?;
            assert_eq!(greeting, Greeting::Known { same: true });
            handshake::answer(&SPARK, &greeting, &mut out);
            greeted = true;
        }
        skip_map(&mut message)?;
        out.extend_from_slice(&[0, 0]);
        let mut given = given.lock().unwrap();
        match message.avro_text()? {
            "getEventBatch" => {
                let most = message.zigzag()?;
                assert!(most > 0);
                let (mut packed, mut sequence) = (Packed::default(), String::new());
                if let Some(batch) = given.left.pop_front() {
                    batch.iter().for_each(|body| packed.put_event(&FlumeEvent::new(&**body)));
                    given.number += 1;
                    sequence = format!("batch-{}", given.number);
                    given.lent.push((sequence.clone(), batch));
                }
                put_avro_bytes(&mut out, if sequence.is_empty() { b"none" } else { b"" });
                put_avro_bytes(&mut out, sequence.as_bytes());
                if packed.count > 0 {
                    put_zigzag(&mut out, packed.count.into());
                    out.extend_from_slice(&packed.bytes);
                }
                out.push(0);
            }
            verdict => {
                let sequence = message.avro_text()?;
                let at = given.lent.iter().position(|(lent, _)| lent == sequence).unwrap();
                let (_, batch) = given.lent.remove(at);
                if verdict == "ack" {
                    given.taken.extend(batch);
                } else {
                    given.given_back += 1;
                    given.left.push_back(batch);
                }
            }
        }
        drop(given);
        end_frame(&mut out, begin);
        stream.write_all(&out)?;
        bytes = rest;
    }
}

/// An agent that has some batches of three.
fn agent(batches: usize) -> (String, Arc<Mutex<Given>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let left = (0..batches).map(|n| (0..3).map(|m| format!("{n}.{m}")).collect()).collect();
    let given = Arc::new(Mutex::new(Given { left, ..Given::default() }));
    let own = given.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let own = own.clone();
            thread::spawn(move || drop(serve(stream.unwrap(), &own)));
        }
    });
    (address, given)
}

fn source(address: &str) -> FlumeSource {
    Flume::pull([address])
}

#[test]
fn batches_are_acknowledged_once_they_are_in_the_log_and_all_are_read() {
    let (address, given) = agent(20);
    let folder = tempfile::tempdir().unwrap();
    let source = source(&address).set("log", folder.path().to_str().unwrap());
    let mut run = Run::open(&source, 1, None).unwrap();
    let (mut events, begun) = (Vec::new(), Instant::now());
    while events.len() < 60 || given.lock().unwrap().taken.len() < 60 {
        run.step().unwrap();
        events.extend(run.take().iter().map(|event| event.text().into_owned()));
        assert!(begun.elapsed() < LONG, "{} events came", events.len());
    }
    events.sort();
    let mut taken = given.lock().unwrap().taken.clone();
    taken.sort();
    assert_eq!(events, taken);
}

#[test]
fn without_a_log_nothing_is_acknowledged_before_a_checkpoint_and_an_end_gives_back() {
    let (address, given) = agent(2);
    let mut run = Run::open(&source(&address), 1, None).unwrap();
    let (mut events, begun) = (0, Instant::now());
    while events < 6 {
        run.step().unwrap();
        events += run.take().len();
        assert!(begun.elapsed() < LONG, "{events} events came");
    }
    assert_eq!(given.lock().unwrap().taken, [""; 0]);
    drop(run);
    while given.lock().unwrap().given_back < 2 {
        assert!(begun.elapsed() < LONG, "the batches were not given back");
        thread::yield_now();
    }
}

#[test]
fn an_agent_that_is_away_or_silent_holds_up_no_cancel() {
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    check_idle(&source(&away));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    check_idle(&source(&silent.local_addr().unwrap().to_string()));
}

#[test]
fn an_agent_that_stays_away_is_told_of_after_the_set_time() {
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut run = Run::open(&source(&away).set("start-timeout", "200 ms"), 1, None).unwrap();
    let begun = Instant::now();
    let error = loop {
        if let Err(error) = run.step() {
            break error.to_string();
        }
        assert!(begun.elapsed() < LONG, "nothing was told");
    };
    assert!(error.contains(&format!("no events can be pulled from the Flume agent at {away}")), "{error}");
    assert!(error.contains("Connection refused") && error.contains("start-timeout"), "{error}");
}
