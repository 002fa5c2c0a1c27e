//! A stream in batches that runs in one process or in several: words of files that appear, or of lines of a socket, counted by
//! batch, by state and by windows.
//!
//! Usage: `microbatches WHICH FOLDER PARALLELISM [PORT]`. Batches are a second long, by a clock that a test moves: a second for
//! each of the files `FOLDER/tick-1`, `FOLDER/tick-2` and so on. `FOLDER/stop` stops it gracefully. A task that meets the word
//! `wait` waits until there is `FOLDER/go`. That it has started is told in `FOLDER/ready-PID`, and what came through receivers in
//! `FOLDER/received-PID`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use millstream::dstream::{DStream, ManualClock, Stop, StreamingContext, Termination};
use millstream::rdd::Context;
use millstream::time::{Timestamp, seconds};
use millstream::{Failure, Result, Text};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run(&std::env::args().skip(1).collect::<Vec<_>>()))
}

fn run(arguments: &[String]) -> Result<()> {
    let [which, folder, parallelism, port @ ..] = arguments else {
        return Err(Failure::user("usage: microbatches WHICH FOLDER PARALLELISM [PORT]"));
    };
    let number = |text: &String| {
        text.parse::<usize>().map_err(|error| Failure::user(format!("`{text}` is no number")).because(error))
    };
    let (folder, slots) = (PathBuf::from(folder), number(parallelism)?);
    let port = port.first().map_or(Ok(0), number)? as u16;
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let context = Context::builder().parallelism(slots).build()?;
    let new = || StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).build();
    let checkpoints = folder.join("checkpoints");
    let batches = match which.as_str() {
        "folder" => StreamingContext::get_or_create(checkpoints, || {
            let batches = new();
            let lines = batches.text_file_stream(folder.join("in"));
            counted(&context, &lines, &folder);
            Ok(batches)
        })?,
        "socket" => StreamingContext::get_or_create(checkpoints, || {
            let batches = new();
            let lines = batches.socket_text_stream("127.0.0.1", port);
            counted(&context, &lines, &folder);
            Ok(batches)
        })?,
        // Without a folder for checkpoints, as the first program of a book has it.
        "plain" => {
            let batches = new();
            let lines = batches.socket_text_stream("127.0.0.1", port);
            let counts = words(&lines, &folder).reduce_by_key(|a, b| a + b);
            counts.print(3);
            saved(&counts, &folder, "counts");
            batches
        }
        "queue" => {
            let batches = new();
            let rdds = (0..3).map(|n| context.range(n * 10, n * 20)).collect::<Vec<_>>();
            let numbers = batches.queue_stream(rdds, Default::default(), None);
            saved(&numbers.map(|n| (Text::from(format!("{}", n % 7)), 1)), &folder, "counts");
            batches
        }
        "unsaved" => {
            let batches = new();
            let lines = batches.text_file_stream(folder.join("in"));
            counted(&context, &lines, &folder);
            batches
        }
        "differs" => {
            let batches = new();
            batches.socket_text_stream("127.0.0.1", std::process::id() as u16).print(1);
            batches
        }
        "outside" => {
            let batches = new();
            batches.text_file_stream(folder.join("in")).print(1);
            batches.start()?;
            context.range(0, 3).count()?;
            batches
        }
        other => return Err(Failure::user(format!("there is no program `{other}`"))),
    };
    batches.start()?;
    write(&folder.join(format!("ready-{}", std::process::id())), "")?;
    follow_the_test(&batches, &clock, &folder)
}

/// Moves the clock as the test says, to the end.
fn follow_the_test(batches: &StreamingContext, clock: &ManualClock, folder: &Path) -> Result<()> {
    let mut ticks = 0;
    let mut received = 0;
    while batches.await_termination_or_timeout(Duration::from_millis(5))? == Termination::TimedOut {
        while folder.join(format!("tick-{}", ticks + 1)).exists() {
            ticks += 1;
            clock.advance(seconds(1));
        }
        let now: u64 = batches.status().receivers.iter().map(|receiver| receiver.records_received).sum();
        if now > received {
            received = now;
            write(&folder.join(format!("received-{}", std::process::id())), &format!("{now}\n"))?;
        }
        if folder.join("stop").exists() {
            return batches.stop(Stop::Gracefully);
        }
    }
    Ok(())
}

fn words(lines: &DStream<Text>, folder: &Path) -> DStream<(Text, u64)> {
    let folder = folder.to_path_buf();
    lines.flat_map(|line: Text| line.into_split_whitespace()).map(move |word| {
        if &*word == "wait" {
            wait_for_go(&folder);
        }
        (word, 1)
    })
}

/// Counts of words in all ways that carry something from batch to batch.
fn counted(context: &Context, lines: &DStream<Text>, folder: &Path) {
    let (three, one) = (seconds(3), seconds(1));
    let words = words(lines, folder);
    let state = words.update_state_by_key(|new: Vec<u64>, total: Option<u64>| {
        Some(total.unwrap_or(0) + new.iter().sum::<u64>())
    });
    saved(&words.reduce_by_key(|a, b| a + b), folder, "counts");
    saved(&state, folder, "state");
    let carried = words.reduce_by_key_and_window_with_inverse(|a, b| a + b, |a, b| a - b, three, one);
    saved(&carried, folder, "carried");
    saved(&words.reduce_by_key_and_window(|a, b| a + b, three, seconds(2)), folder, "window");
    // What this looks back at is read again from what the batches were given.
    let again = lines.window(three, one).flat_map(|line: Text| line.into_split_whitespace());
    saved(&again.map(|word| (word, 1)).reduce_by_key(|a, b| a + b), folder, "lines");
    let (context, folder) = (context.clone(), folder.to_path_buf());
    state.foreach_rdd_with_time(move |rdd, time| {
        let keys = rdd.count()?;
        let path = folder.join(format!("out/keys-{}", time.millis()));
        context.once("the number of keys", || write(&path, &format!("{keys}\n")))
    });
}

fn saved(counts: &DStream<(Text, u64)>, folder: &Path, name: &str) {
    let prefix = folder.join("out").join(name);
    counts.map(|(word, count)| format!("{word} {count}")).save_as_text_files(&prefix.to_string_lossy(), "");
}

/// Waits for the test, having told it that somebody does.
fn wait_for_go(folder: &Path) {
    let _told = std::fs::write(folder.join(format!("waits-{}", std::process::id())), "");
    while !folder.join("go").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let open = path.with_extension("open");
    let written = std::fs::write(&open, text).and_then(|()| std::fs::rename(&open, path));
    written.map_err(|error| Failure::external(format!("{} cannot be written", path.display())).because(error))
}
