//! Programs that have no place on a cluster.
//!
//! Usage: `homebound collect` gathers a stream's records, `homebound dstream` cuts one into batches.

use std::process::ExitCode;
use std::time::Duration;

use millstream::StreamingContext;
use millstream::dstream::{QueueMode, Stop};
use millstream::rdd::Context;
use millstream::{Failure, Result, StreamEnvironment};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run(std::env::args().nth(1).as_deref()))
}

fn run(which: Option<&str>) -> Result<()> {
    match which {
        Some("collect") => {
            StreamEnvironment::new().from_sequence(1, 3).execute_and_collect("gather").map(drop)
        }
        Some("dstream") => {
            let context = Context::builder().parallelism(1).build()?;
            let batches = StreamingContext::new(&context, Duration::from_secs(1));
            batches.queue_stream(vec![context.range(0, 3)], QueueMode::OneAtATime, None).print(3);
            batches.start()?.stop(Stop::Now)
        }
        _ => Err(Failure::user("usage: homebound collect|dstream")),
    }
}
