//! Inputs and outputs in the place of the process's own, whose pipes the tests of whole processes have.

use std::cell::{Cell, RefCell};
use std::io::{Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::{Promise, Source};
use millstream_model::error::Result;
use millstream_model::text::Text;
use millstream_testkit::conformance::{Run, check_idle, check_sink, check_source};

use super::feed::Feed;
use super::*;
use crate::print::Writer;

fn of(bytes: &[u8]) -> StandardInput {
    StandardInput::of(Feed::of(Cursor::new(bytes.to_vec())).unwrap())
}

fn read(source: &StandardInput) -> Result<Vec<Text>> {
    let mut run = Run::open(source, 2, None)?;
    while run.step()? {}
    Ok(run.take())
}

#[test]
fn lines_come_until_the_end_each_once_whenever_the_process_is_killed() {
    let lines: Vec<Text> = (1..=20_000).map(|n| Text::from(n.to_string())).collect();
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let (calls, feed) = (Cell::new(0), RefCell::new(None));
    // The suite makes the source twice for two whole runs, then for each kill: before it, and after it, when what was read
    // is gone from the pipe.
    let make = || {
        let call = calls.replace(calls.get() + 1);
        if call < 2 || call % 2 == 0 {
            feed.replace(Some(Feed::of(Cursor::new(text.clone().into_bytes())).unwrap()));
        }
        StandardInput::of(feed.borrow().clone().unwrap())
    };
    check_source(make, &lines);
    assert_eq!(read(&of(b"one\r\ntwo\n\nlast")).unwrap(), ["one", "two", "", "last"]);
    assert_eq!(read(&of(b"")).unwrap(), [""; 0]);
}

#[test]
fn a_job_that_is_started_again_in_its_process_goes_on_with_the_next_line() {
    let (said, hear) = std::sync::mpsc::channel();
    let source = StandardInput::of(Feed::of(Spoken(hear)).unwrap());
    let mut run = Run::open(&source, 1, None).unwrap();
    said.send("one\ntw").unwrap();
    let mut lines = Vec::new();
    while lines.is_empty() {
        run.step().unwrap();
        lines = run.take();
    }
    let snapshot = run.snapshot();
    drop(run);
    let mut run = Run::open(&source, 1, Some(snapshot)).unwrap();
    said.send("o\n").unwrap();
    drop(said);
    while run.step().unwrap() {}
    lines.extend(run.take());
    assert_eq!(lines, ["one", "two"]);
}

/// An input that says what it is told to.
struct Spoken(std::sync::mpsc::Receiver<&'static str>);

impl Read for Spoken {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let Ok(text) = self.0.recv() else { return Ok(0) };
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(text.len())
    }
}

/// An input that says nothing.
struct Silent;

impl Read for Silent {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        loop {
            std::thread::park();
        }
    }
}

#[test]
fn an_input_that_says_nothing_does_not_hold_up_a_cancel() {
    check_idle(&StandardInput::of(Feed::of(Silent).unwrap()));
}

#[test]
fn bad_and_long_lines_are_told_or_left_out() {
    let error = read(&of(b"ok\n\xff\n")).unwrap_err().to_string();
    assert!(error.contains("at standard input, line 2\n"), "{error}");
    let skipping = of(b"ok\n\xff\nend\n").set("bad-text", "skip");
    assert_eq!((read(&skipping).unwrap(), skipping.skipped().count()), (vec!["ok".into(), "end".into()], 1));
    let error = read(&of(b"longer").set("line-max", "3 B")).unwrap_err().to_string();
    assert!(error.starts_with("a line is longer than 3 bytes"), "{error}");
    let error = of(b"").set("line-maximum", "3 B").enumerator(None).err().unwrap().to_string();
    assert!(error.contains("did you mean `line-max`?"), "{error}");
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The same sink into memory.
struct Shown(StandardOutput<u32>, Memory);

impl Sink for Shown {
    type Record = u32;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        self.0.name()
    }

    fn promise(&self) -> Promise {
        self.0.promise()
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer::new(String::new(), self.1.clone())))
    }
}

#[test]
fn standard_output_keeps_what_it_promises() {
    let make = || {
        let memory = Memory::default();
        let own = memory.clone();
        let visible: Box<dyn Fn() -> Vec<String>> = Box::new(move || {
            String::from_utf8(own.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
        });
        (Shown(StandardOutput::lines(), memory), visible)
    };
    check_sink(make, &[1, 2, 3, 4], u32::to_string);
}

#[test]
fn a_closed_pipe_is_said() {
    let mut writer = Writer::new(String::new(), vec![0_u8; 1].leak());
    let error =
        SinkWriter::<u32, (), ()>::write(&mut writer, &mut Batch::from(vec![100])).unwrap_err().to_string();
    assert!(error.starts_with("cannot write to standard output\n  caused by: "), "{error}");
}
