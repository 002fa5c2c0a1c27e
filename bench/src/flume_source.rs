//! Events of 100 bytes in batches of 100 that agents push over Avro; four of them, each with one batch under way.
//!
//! Answers for a stand-in for agents, in a process of its own, which sends bytes that were made before. Not for what real
//! agents can send: about a tenth of this.
//! Holds: what is counted was taken, answered, decoded and has passed a map; the processors' time is that of the receiving
//! process alone.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use millstream::connectors::discard::Discard;
use millstream::connectors::flume::{Flume, FlumeEvent};
use millstream::{CheckpointSettings, Failure, Result, StreamEnvironment};

use crate::arguments::Setup;
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::process;
use crate::race::{Race, Run, timed};
use crate::table::Row;

const AGENTS: usize = 4;
const BATCH: usize = 100;
const EVENT: usize = 100;
const PER_CORE: &str = "per core";
/// The hash by which Flume 1.11 names the protocol of its sources.
const HASH: [u8; 16] =
    [0x86, 0xaa, 0xda, 0xe2, 0xc4, 0x54, 0x74, 0xc0, 0xfe, 0x93, 0xff, 0xd0, 0xf2, 0x35, 0x0a, 0x65];

/// Events a second, by the clock and for each second of a processor.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let batches = setup.size(10_000, 50);
    let goal = || Goal::above(PER_CORE, Unit::MillionsPerSecond, 0.2);
    Race::of(work)
        .enter("reading and answering alone", [], || by_hand(setup, batches))
        .enter("DataStream, in memory", [goal()], || data_stream(setup, batches, None))
        .enter("DataStream, log", [goal()], || data_stream(setup, batches, Some("flume-log")))
        .run(setup)
}

/// Runs agents against an address, and waits until what they sent was counted.
fn push(
    setup: &Setup,
    address: &str,
    batches: usize,
    counted: impl Fn() -> u64,
    name: &'static str,
) -> Result<Run<u64>> {
    let used = || {
        process::processor_seconds()
            .ok_or_else(|| Failure::external("the system does not tell the time of processors"))
    };
    let expected = (AGENTS * batches * BATCH) as u64;
    let before = used()?;
    let ((), took) = timed(|| {
        process::run(setup, &format!("flume-agents {address} {batches}"))?;
        while counted() < expected {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        Ok(())
    })?;
    // A tick of the clock that counts it, at the least.
    let used = (used()? - before).max(0.01);
    let rate = |label, seconds: f64| Figure {
        label,
        ..Figure::new(Unit::MillionsPerSecond, expected as f64 / seconds / 1e6)
    };
    let figures = vec![rate(name, took), rate(PER_CORE, used)];
    Ok(Run { figures, result: counted() })
}

fn data_stream(setup: &Setup, batches: usize, log: Option<&str>) -> Result<Run<u64>> {
    let folder = |name: &str| -> PathBuf { setup.inputs.folder().join(name) };
    let clean = || -> Result<()> {
        for name in ["flume-log", "flume-checkpoints"] {
            match std::fs::remove_dir_all(folder(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(
                        Failure::external("a folder of the run before cannot be removed").because(error)
                    );
                }
                _ => {}
            }
        }
        Ok(())
    };
    clean()?;
    let source = Flume::listen(["0"]);
    let source = match log {
        Some(log) => source.set("log", &folder(log).display().to_string()),
        None => source.set("acknowledge", "received"),
    };
    let (bound, count) = (source.bound(), Arc::new(AtomicU64::new(0)));
    let env = StreamEnvironment::new();
    env.set_parallelism(1);
    env.enable_checkpoints(CheckpointSettings::in_folder(folder("flume-checkpoints")));
    let counting = count.clone();
    env.source(source)
        .map(move |event: FlumeEvent| {
            counting.fetch_add(1, Ordering::Relaxed);
            event.body.len()
        })
        .sink_to(Discard::new());
    let job = env.start("flume")?;
    let address = loop {
        match bound.addresses().into_values().next() {
            Some(address) => break address.to_string(),
            None => std::thread::park_timeout(Duration::from_millis(1)),
        }
    };
    let run = push(setup, &address, batches, || count.load(Ordering::Relaxed), "");
    job.cancel();
    // It ends because it was told to.
    let _ = job.wait();
    clean()?;
    run
}

/// What the sockets and the agents' process allow: frames are read, their events counted as their head has them.
fn by_hand(setup: &Setup, batches: usize) -> Result<Run<u64>> {
    let failed = |error: std::io::Error| Failure::external("a connection failed").because(error);
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?.to_string();
    let count = Arc::new(AtomicU64::new(0));
    let counting = count.clone();
    let accepting = std::thread::spawn(move || -> std::io::Result<()> {
        let threads: Vec<_> = (0..AGENTS)
            .map(|_| {
                let (stream, counting) = (listener.accept()?.0, counting.clone());
                Ok(std::thread::spawn(move || answer(stream, &counting)))
            })
            .collect::<std::io::Result<_>>()?;
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(std::io::Error::other("a thread has panicked")))
        })
    });
    let run = push(setup, &address, batches, || count.load(Ordering::Relaxed), "");
    match accepting.join() {
        Ok(ended) => ended.map_err(failed)?,
        Err(_) => return Err(Failure::internal("the thread that accepts has panicked")),
    }
    run
}

fn answer(mut stream: TcpStream, count: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut head, mut message, mut is_first) = ([0; 12], Vec::new(), true);
    loop {
        match stream.read_exact(&mut head) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let length = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
        message.resize(length as usize, 0);
        stream.read_exact(&mut message)?;
        count.fetch_add(BATCH as u64, Ordering::Relaxed);
        let body: &[u8] = if is_first { &[0; 7] } else { &[0; 3] };
        is_first = false;
        let mut out = [&head[..4], &[0, 0, 0, 1, 0, 0, 0, body.len() as u8]].concat();
        out.extend_from_slice(body);
        stream.write_all(&out)?;
    }
}

/// The agents: `ADDRESS BATCHES`.
pub(crate) fn task(_: &Setup, arguments: &str) -> Result<()> {
    let wrong = || Failure::internal(format!("`{arguments}` is no address and number"));
    let (address, batches) = arguments.split_once(' ').ok_or_else(wrong)?;
    let batches: usize = batches.parse().map_err(|_| wrong())?;
    let sent = std::thread::scope(|scope| {
        let agents: Vec<_> = (0..AGENTS).map(|_| scope.spawn(move || agent(address, batches))).collect();
        agents.into_iter().try_for_each(|agent| {
            agent.join().unwrap_or_else(|_| Err(std::io::Error::other("an agent has panicked")))
        })
    });
    sent.map_err(|error| Failure::external(format!("events could not be sent to {address}")).because(error))
}

fn agent(address: &str, batches: usize) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut call = vec![0, 22];
    call.extend_from_slice(b"appendBatch");
    call.extend_from_slice(&[200, 1]); // 100 events
    for _ in 0..BATCH {
        call.extend_from_slice(&[0, 200, 1]); // no headers, 100 bytes
        call.extend_from_slice(&[b'x'; EVENT]);
    }
    call.push(0);
    let greeting = [&HASH[..], &[0], &HASH, &[2, 0]].concat();
    let frame = |message: &[u8]| {
        let length = (message.len() as u32).to_be_bytes();
        [&[0, 0, 0, 1, 0, 0, 0, 1][..], &length, message].concat()
    };
    let (first, other) = (frame(&[&greeting[..], &call].concat()), frame(&call));
    let mut answer = [0; 64];
    for number in 0..batches {
        stream.write_all(if number == 0 { &first } else { &other })?;
        let length = if number == 0 { 19 } else { 15 };
        stream.read_exact(&mut answer[..length])?;
        if answer[length - 1] != 0 {
            return Err(std::io::Error::other("a batch was not taken"));
        }
    }
    Ok(())
}
