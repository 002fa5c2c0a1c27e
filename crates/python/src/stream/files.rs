//! `FileSource` and `FileSink`: files of text, read and written by the engine.
//!
//! Answers for lines in chunks. All else is `TextFiles`' and `TextFilesSink`'s: finding files, names, rolling, and files
//! becoming visible once their checkpoint is complete.
//! Holds: exactly once.

use std::sync::Arc;
use std::time::Duration;

use millstream_connectors::files::TextFiles;
use millstream_connectors::files::sink::{Buckets, Joining, Rolling, TextFilesSink};
use millstream_dataflow::source::{AnySource, SourceAdapter};

use super::chunked::Chunked;
use super::counts::Passed;
use super::texts::Texts;

/// The lines of the files at a path; with an interval, those that appear later too.
pub(super) fn source(
    name: String,
    path: String,
    watch: Option<Duration>,
    passed: Arc<Passed>,
) -> Arc<dyn AnySource> {
    let source = TextFiles::read(path);
    let source = match watch {
        Some(interval) => source.watch(interval),
        None => source,
    };
    Arc::new(SourceAdapter(Arc::new(Chunked { source, name, is_bounded: watch.is_none(), passed })))
}

/// Below a folder; `pattern` is that of the folders within, by time. Sizes are bytes, times milliseconds; small files of a
/// checkpoint are put together into files of `joined` bytes.
pub(super) fn sink(
    folder: String,
    pattern: Option<String>,
    rolling: (u64, u64, u64),
    joined: Option<u64>,
    passed: Arc<Passed>,
) -> Texts<TextFilesSink<String>> {
    let (bytes, age, inactivity) = rolling;
    let millis = Duration::from_millis;
    let rolling = Rolling { bytes, age: millis(age), inactivity: millis(inactivity) };
    let sink = TextFilesSink::below(folder).rolling(rolling);
    let sink = match joined {
        Some(into) => sink.join_small_files(Joining { below: into, into }),
        None => sink,
    };
    let sink = sink.buckets(pattern.map_or(Buckets::None, Buckets::time));
    Texts { sink, name: "FileSink", passed }
}
