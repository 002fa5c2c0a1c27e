//! The suite for sources, over a log that has events; and settings that cannot be.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::source::{NextSplit, Polled, SourceOutput};
use millstream_model::id::CheckpointId;
use millstream_testkit::conformance::{Run, check_idle, check_source};

use super::*;
use crate::flume::Flume;
use crate::flume::log::{Log, LogLimits};
use crate::flume::settings::LogLost;
use crate::flume::wire::packed::Packed;

const LONG: Duration = Duration::from_secs(60);
/// Two addresses, so that two readers have something to do.
const ADDRESSES: [&str; 2] = ["127.0.0.1:0", "localhost:0"];

/// Fills the logs of both addresses with numbered events, a few in each entry.
fn fill(folder: &Path, count: u32) -> Vec<FlumeEvent> {
    let mut all = Vec::new();
    for (address, name) in ADDRESSES.iter().zip(["127.0.0.1_0", "localhost_0"]) {
        let limits = LogLimits { segment: 300, limit: 1 << 20 };
        let opened = Log::open(&folder.join(name), limits, None, LogLost::Fail, &Arc::default()).unwrap();
        let (log, _) = opened.unwrap();
        for begin in (0..count).step_by(7) {
            let mut packed = Packed::default();
            for n in begin..(begin + 7).min(count) {
                let event = FlumeEvent::new(format!("{n} at {address}")).header("n", n.to_string());
                packed.put_event(&event);
                all.push(event);
            }
            log.append(&packed, Instant::now() + LONG, &|| false).unwrap();
        }
    }
    all
}

fn logged(folder: &Path) -> FlumeSource {
    Flume::listen(ADDRESSES).set("log", folder.to_str().unwrap())
}

/// The source, which ends once each address has given so many events: as a job sees it that is stopped there.
struct Ending(FlumeSource, u64);

struct EndingReader {
    reader: Box<dyn SourceReader<FlumeEvent, FlumeSplit>>,
    splits: u64,
    each: u64,
    given: u64,
}

impl Source for Ending {
    type Record = FlumeEvent;
    type Split = FlumeSplit;

    fn name(&self) -> String {
        self.0.name()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn promise(&self) -> Promise {
        // What is in the log comes again from exactly where a checkpoint stands.
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<FlumeSplit>>> {
        self.0.enumerator(restored)
    }

    fn reader(&self, subtask: Subtask) -> Result<Box<dyn SourceReader<FlumeEvent, FlumeSplit>>> {
        Ok(Box::new(EndingReader { reader: self.0.reader(subtask)?, splits: 0, each: self.1, given: 0 }))
    }
}

impl SourceReader<FlumeEvent, FlumeSplit> for EndingReader {
    fn add_split(&mut self, split: FlumeSplit) -> Result<()> {
        self.splits += 1;
        // What stands before the place was given by another reader.
        let mut before = Vec::new();
        if let Some(place) = split.place {
            before = given_before(&split.address, self.each, place);
        }
        self.given += before.len() as u64;
        self.reader.add_split(split)
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, FlumeEvent>, patience: Duration) -> Result<Polled> {
        if self.given == self.splits * self.each {
            return Ok(Polled::NeedSplit);
        }
        let before = output.emitted();
        let polled = self.reader.poll(output, patience)?;
        self.given += output.emitted() - before;
        Ok(polled)
    }

    fn takes_more(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Vec<FlumeSplit> {
        self.reader.snapshot()
    }
}

/// The events of a log of `fill` before a place.
fn given_before(address: &str, each: u64, place: crate::flume::LogPlace) -> Vec<u64> {
    let (mut offset, mut before) = (0, Vec::new());
    for begin in (0..each).step_by(7) {
        let numbers = begin..(begin + 7).min(each);
        if offset == place.offset {
            before.extend(numbers.take(place.events as usize));
            return before;
        }
        let mut packed = Packed::default();
        for n in numbers.clone() {
            packed.put_event(&FlumeEvent::new(format!("{n} at {address}")).header("n", n.to_string()));
        }
        offset += 16 + packed.bytes.len() as u64;
        before.extend(numbers);
    }
    assert_eq!(offset, place.offset, "the place is between no events");
    before
}

#[test]
fn the_suite_is_passed_by_what_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fill(folder.path(), 40);
    check_source(|| Ending(logged(folder.path()), 40), &expected);
}

#[test]
fn a_source_to_which_nobody_sends_holds_up_no_cancel() {
    let folder = tempfile::tempdir().unwrap();
    check_idle(&logged(folder.path()));
    check_idle(&Flume::listen(["0"]).set("protocol", "thrift"));
}

#[test]
fn a_port_and_a_log_that_another_has_are_waited_for_and_then_told_of() {
    let (folder, held) = (tempfile::tempdir().unwrap(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let address = held.local_addr().unwrap().to_string();
    let source = Flume::listen([&address]).set("start-timeout", "200 ms");
    let fails = |source: &FlumeSource| {
        let (mut run, begun) = (Run::open(source, 1, None).unwrap(), Instant::now());
        loop {
            match run.step() {
                Err(error) => return error.to_string(),
                Ok(_) => assert!(begun.elapsed() < LONG, "nothing was told"),
            }
        }
    };
    let error = fails(&source);
    assert!(
        error.contains(&format!("cannot listen at {address}")) && error.contains("start-timeout"),
        "{error}"
    );
    let source =
        Flume::listen(["0"]).set("start-timeout", "200 ms").set("log", folder.path().to_str().unwrap());
    let (mut run, bound) = (Run::open(&source, 1, None).unwrap(), source.bound());
    while bound.addresses().is_empty() {
        run.step().unwrap();
    }
    let error = fails(&source);
    assert!(error.contains("another process has the log in"), "{error}");
    // One that comes free in time is had.
    let mut waiting = Run::open(&Flume::listen([&address]), 1, None).unwrap();
    waiting.step().unwrap();
    drop(held);
    let bound = Flume::listen([&address]);
    let mut run = Run::open(&bound, 1, None).unwrap();
    drop(waiting);
    while bound.bound().addresses().is_empty() {
        run.step().unwrap();
    }
}

#[test]
fn what_is_no_text_fails_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let limits = LogLimits { segment: 300, limit: 1 << 20 };
    let opened = Log::open(&folder.path().join("0"), limits, None, LogLost::Fail, &Arc::default()).unwrap();
    let (log, _) = opened.unwrap();
    let mut packed = Packed::default();
    for body in [&b"ok"[..], b"\xff"] {
        packed.put_event(&FlumeEvent::new(body));
    }
    log.append(&packed, Instant::now() + LONG, &|| false).unwrap();
    drop(log);
    let source = Flume::listen(["0"]).set("log", folder.path().to_str().unwrap()).text();
    let mut run = Run::open(&source, 1, None).unwrap();
    let error = loop {
        if let Err(error) = run.step() {
            break error.to_string();
        }
    };
    assert!(error.contains("an event cannot be decoded\n  at Flume at 0, record 2"), "{error}");
}

#[test]
fn a_completed_checkpoint_trims_and_an_older_one_can_still_be_started_from() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fill(folder.path(), 60);
    let source = logged(folder.path()).set("log-keep", "2");
    let alone = Subtask { index: 0, of: 1 };
    let mut enumerator = source.enumerator(None).unwrap();
    let mut reader = source.reader(alone).unwrap();
    while let NextSplit::Split(split) = enumerator.next_split(alone).unwrap() {
        reader.add_split(split).unwrap();
    }
    let records = Arc::default();
    let mut gather = millstream_testkit::conformance::Gather(Arc::clone(&records));
    let files = || std::fs::read_dir(folder.path().join("127.0.0.1_0")).unwrap().count();
    let (before, mut snapshots) = (files(), Vec::new());
    while records.lock().unwrap().len() < expected.len() {
        reader.poll(&mut SourceOutput::new(&mut gather), Duration::from_millis(5)).unwrap();
        snapshots.push(reader.snapshot());
        reader.on_checkpoint_complete(CheckpointId(snapshots.len() as u64)).unwrap();
    }
    assert!(files() < before, "nothing was trimmed");
    drop(reader);
    let begin = |at: usize| {
        let mut reader = source.reader(alone).unwrap();
        snapshots[at].iter().for_each(|split: &FlumeSplit| reader.add_split(split.clone()).unwrap());
        let polled = reader.poll(&mut SourceOutput::new(&mut gather_of()), Duration::from_millis(5));
        polled.map(drop)
    };
    begin(snapshots.len() - 2).unwrap();
    let error = begin(0).unwrap_err().to_string();
    assert!(error.contains("the checkpoint ends at") && error.contains("log-lost"), "{error}");
}

fn gather_of() -> millstream_testkit::conformance::Gather<FlumeEvent> {
    millstream_testkit::conformance::Gather(Arc::default())
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let source = || Flume::listen(["4141"]);
    let refusal = |source: FlumeSource| source.enumerator(None).err().unwrap().to_string();
    for (source, what) in [
        (source().set("memory", "1 MiB"), "`memory` is less than four times `frame-max`"),
        (source().set("log", "x").set("acknowledge", "received"), "a log is of no use"),
        (source().set("answer-within", "20 s"), "agents wait no longer than 20 s (agent-timeout)"),
        (source().set("protocol", "thrift").set("compression", "deflate"), "are never compressed"),
        (source().set("log", "x").set("log-limit", "64 MiB"), "`log-limit` is less than two files"),
        (source().set("framemax", "1 MiB"), "did you mean `frame-max`?"),
        (source().set("protocol", "json"), "must be one of avro, thrift"),
        (Flume::listen(["x"]), "`x` is no address to listen at"),
        (Flume::listen(["1", "1"]), "has the address 1 twice"),
        (Flume::pull(["4141"]), "`4141` is no address of a Flume agent"),
        (Flume::pull([""; 0]), "a Flume source has no address"),
    ] {
        let error = refusal(source);
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn checkpoints_that_come_too_rarely_for_an_agents_patience_are_refused_without_a_log() {
    let check = |source: FlumeSource, interval| source.check_checkpoints(interval).map_err(|e| e.to_string());
    let (second, minute) = (Some(Duration::from_secs(1)), Some(Duration::from_secs(60)));
    let push = || Flume::listen(["4141"]);
    assert_eq!(check(push(), second), Ok(()));
    let error = check(push(), minute).unwrap_err();
    assert!(error.contains("every 1 min") && error.contains("again after 20 s"), "{error}");
    assert!(check(push(), None).unwrap_err().contains("this job takes no checkpoints"));
    assert_eq!(check(push().set("log", "x"), minute), Ok(()));
    assert!(check(push().set("log", "x"), None).is_err());
    let received = push().set("acknowledge", "received");
    assert_eq!((received.promise(), check(received, None)), (Promise::AtMostOnce, Ok(())));
    let pull = || Flume::pull(["agent:1"]);
    assert_eq!(check(pull(), Some(Duration::from_secs(30))), Ok(()));
    assert!(check(pull(), minute).unwrap_err().contains("again after 1 min"));
}
