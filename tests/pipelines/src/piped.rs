//! A job in the middle of a pipe: standard input to standard output, in capitals.

use std::process::ExitCode;

use millstream::connectors::standard_io::{StandardInput, StandardOutput};
use millstream::{Result, StreamEnvironment};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run())
}

fn run() -> Result<()> {
    let env = StreamEnvironment::new();
    let lines = env.source(StandardInput::lines());
    lines.map(|line| line.as_str().to_uppercase()).sink_to(StandardOutput::lines());
    env.execute("piped")?;
    Ok(())
}
