//! A stream in batches that is there to be killed: counts the words of the files that appear, in three ways.
//!
//! `counted CHECKPOINTS IN OUT`: writes `OUT/ready` once it has started, and `OUT/{state,window,lines}` with each batch.

use std::path::{Path, PathBuf};
use std::time::Duration;

use millstream::dstream::{DStream, StreamingContext};
use millstream::rdd::{Context, Rdd};
use millstream::time::hours;
use millstream::{Failure, Result, Text};

const INTERVAL: Duration = Duration::from_millis(50);

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let mut next = || arguments.next().ok_or_else(|| Failure::user("usage: counted CHECKPOINTS IN OUT"));
    let (checkpoints, input, output) = (next()?, next()?, next()?);
    let batches = StreamingContext::get_or_create(checkpoints, || program(&input, &output))?;
    batches.start()?;
    write(&output.join("ready"), "")?;
    batches.await_termination()
}

fn program(input: &Path, output: &Path) -> Result<StreamingContext> {
    let batches = StreamingContext::new(&Context::builder().parallelism(2).build()?, INTERVAL);
    let lines = batches.text_file_stream(input);
    let words = lines.flat_map(|line: Text| line.into_split_whitespace()).map(|word| (word, 1u64));
    let state = words.update_state_by_key(|new: Vec<u64>, total: Option<u64>| {
        Some(total.unwrap_or(0) + new.iter().sum::<u64>())
    });
    let window = words.reduce_by_key_and_window_with_inverse(|a, b| a + b, |a, b| a - b, hours(1), INTERVAL);
    // What this looks back at is not written down: it is read from the files again.
    let again = lines.window(hours(1), INTERVAL).flat_map(|line: Text| line.into_split_whitespace());
    shown(&state, output.join("state"));
    shown(&window, output.join("window"));
    shown(&again.map(|word| (word, 1u64)).reduce_by_key(|a, b| a + b), output.join("lines"));
    Ok(batches)
}

/// Has the counts of each batch written to a file, whole.
fn shown(counts: &DStream<(Text, u64)>, path: PathBuf) {
    counts.foreach_rdd(move |rdd: Rdd<(Text, u64)>| {
        let mut counts = rdd.collect()?;
        counts.sort();
        write(&path, &counts.iter().map(|(word, count)| format!("{word} {count}\n")).collect::<String>())
    });
}

fn write(path: &Path, text: &str) -> Result<()> {
    let open = path.with_extension("open");
    let written = std::fs::write(&open, text).and_then(|()| std::fs::rename(&open, path));
    written.map_err(|error| Failure::external(format!("cannot write {}", path.display())).because(error))
}
