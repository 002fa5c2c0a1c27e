//! Programs that have no place on a cluster.
//!
//! Usage: `homebound collect` gathers a stream's records.

use std::process::ExitCode;

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
        _ => Err(Failure::user("usage: homebound collect")),
    }
}
