//! A job of which one subtask hears a stop and says so, and another never returns from user code.
//!
//! Holds: it ends only by force. What it says on its error stream are the moments that a test waits for.

use std::process::ExitCode;
use std::sync::{Arc, Barrier};

use millstream::batch::Batch;
use millstream::connectors::generator::Generator;
use millstream::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::Promise;
use millstream::{Result, StreamEnvironment, stop_on_ctrl_c};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run())
}

fn run() -> Result<()> {
    let env = StreamEnvironment::new();
    env.source(Generator::new(|n| n, None).rate(100.0)).sink_to(SaysItsEnd);
    let ready = Arc::new(Barrier::new(2));
    let is_ready = ready.clone();
    env.from_sequence(0, 0)
        .map(move |n| -> u64 {
            is_ready.wait();
            eprintln!("stuck at {n}");
            loop {
                std::thread::park();
            }
        })
        .sink_to(SaysItsEnd);
    let job = env.start("stubborn")?;
    let _stops = stop_on_ctrl_c(&job);
    ready.wait();
    job.wait().map(drop)
}

struct SaysItsEnd;

impl Sink for SaysItsEnd {
    type Record = u64;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "SaysItsEnd".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Self))
    }
}

impl SinkWriter<u64, (), ()> for SaysItsEnd {
    fn write(&mut self, batch: &mut Batch<u64>) -> Result<()> {
        batch.clear();
        Ok(())
    }

    fn on_end(&mut self) -> Result<()> {
        eprintln!("stopped");
        Ok(())
    }
}
