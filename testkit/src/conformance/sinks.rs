//! The suite for sinks.

use std::fmt::Debug;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Cancelled, Wakeup};
use millstream_dataflow::sink::{Sink, WriterContext, WriterOf};
use millstream_model::error::Result;
use millstream_model::id::{CheckpointId, Subtask};

/// A writer as the only subtask.
///
/// # Errors
/// Those of the sink.
pub fn open_writer<S: Sink>(sink: &S, restored: Vec<S::State>) -> Result<WriterOf<S>> {
    let context = WriterContext {
        subtask: Subtask { index: 0, of: 1 },
        wakeup: Wakeup::default(),
        cancelled: Cancelled::default(),
    };
    sink.writer(context, restored)
}

/// Checks a sink. `make` gives it afresh with an empty target, as `visible` tells what a reader of the target sees;
/// `records` are written in two halves with a checkpoint between them.
pub fn check_sink<S: Sink, V: Ord + Debug>(
    make: impl Fn() -> (S, Box<dyn Fn() -> Vec<V>>),
    records: &[S::Record],
    show: impl Fn(&S::Record) -> V,
) {
    let shown = |records: &[S::Record]| {
        let mut shown: Vec<V> = records.iter().map(&show).collect();
        shown.sort();
        shown
    };
    let (first, second) = records.split_at(records.len() / 2);
    let two_phase = make().0.committer().unwrap().is_some();
    for commit_before_kill in [false, true] {
        let (sink, visible) = make();
        let seen = || {
            let mut seen = visible();
            seen.sort();
            seen
        };
        let mut writer = open_writer(&sink, Vec::new()).unwrap();
        writer.write(&mut Batch::from(first.to_vec())).unwrap();
        writer.flush().unwrap();
        let staged = writer.prepare(CheckpointId(1)).unwrap();
        let state = writer.snapshot().unwrap();
        let Some(mut committer) = sink.committer().unwrap() else {
            assert_eq!(seen(), shown(first), "what was written is not there");
            writer.write(&mut Batch::from(second.to_vec())).unwrap();
            writer.on_end().unwrap();
            assert_eq!(seen(), shown(records), "what was written is not there at the end");
            continue;
        };
        assert_eq!(seen(), shown(&[]), "staged records are visible before they are committed");
        if commit_before_kill {
            committer.commit(staged.clone()).unwrap();
            assert_eq!(seen(), shown(first), "committed records are not visible");
        }
        // Written behind the checkpoint, one part staged for the next: lost with the process, and written again.
        writer.write(&mut Batch::from(second.to_vec())).unwrap();
        writer.prepare(CheckpointId(2)).unwrap();
        writer.write(&mut Batch::from(second.to_vec())).unwrap();
        drop((writer, committer));

        let mut committer = sink.committer().unwrap().expect("a committer, as before");
        committer.commit(staged.clone()).unwrap();
        assert_eq!(seen(), shown(first), "committing again after a restart lost or doubled records");
        let mut writer = open_writer(&sink, state.into_iter().collect()).unwrap();
        writer.write(&mut Batch::from(second.to_vec())).unwrap();
        writer.on_end().unwrap();
        let last = writer.prepare(CheckpointId(3)).unwrap();
        committer.commit(last.clone()).unwrap();
        committer.commit(last).unwrap();
        assert_eq!(seen(), shown(records), "a restart lost or doubled records");
    }
    assert!(two_phase || make().0.promise() != millstream_dataflow::source::Promise::ExactlyOnce);
}
