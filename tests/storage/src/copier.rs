//! A job that is made to be killed: copies the lines of the files that appear in a folder into files of another one,
//! exactly once.
//!
//! Usage: `copier INPUT OUTPUT CHECKPOINTS PARALLELISM`, the first three of them paths or locations. Restores the latest
//! checkpoint of the folder, if any.

use std::process::ExitCode;
use std::time::Duration;

use millstream::connectors::files::TextFiles;
use millstream::connectors::files::sink::{Rolling, TextFilesSink};
use millstream::{CheckpointSettings, Failure, Restart, RestoreFrom, Result, StreamEnvironment};

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let [input, output, checkpoints, parallelism] = arguments else {
        return Err(Failure::user("usage: copier INPUT OUTPUT CHECKPOINTS PARALLELISM"));
    };
    let env = StreamEnvironment::new();
    env.set_parallelism(parallelism.parse().unwrap_or(0));
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(100),
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    env.set_restart(Restart::FixedDelay { attempts: 50, delay: Duration::from_millis(200) });
    let often = Rolling { bytes: 2_000, ..Rolling::default() };
    env.source(TextFiles::read(input).watch(Duration::from_millis(100)).split_bytes(700))
        .map(|line| format!("copied {line}"))
        .sink_to(TextFilesSink::below(output).rolling(often));
    env.execute("copier")?;
    Ok(())
}
