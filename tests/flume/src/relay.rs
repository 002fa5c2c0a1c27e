//! A job that is made to be killed: sends on to one agent what another pushes, or what is pulled from it.
//!
//! Usage: `relay push|pull ADDRESS LOG|- AGENT CHECKPOINTS`. Restores the latest checkpoint of the folder, if any.

use std::process::ExitCode;
use std::time::Duration;

use millstream::connectors::flume::{Flume, FlumeEvent};
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
    let [way, address, log, agent, checkpoints] = arguments else {
        return Err(Failure::user("usage: relay push|pull ADDRESS LOG|- AGENT CHECKPOINTS"));
    };
    let mut source = if way == "pull" { Flume::pull([address]) } else { Flume::listen([address]) };
    if log != "-" {
        // Small files, so that some are let go of while the job runs.
        source = source.set("log", log).set("log-segment", "4 KiB").set("log-limit", "64 MiB");
    }
    let env = StreamEnvironment::new();
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(50),
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    env.set_restart(Restart::FixedDelay { attempts: 20, delay: Duration::from_millis(200) });
    let events = env.source(source).map(|event: FlumeEvent| event);
    events.sink_to(Flume::send::<FlumeEvent>([agent]));
    env.execute("relay")?;
    Ok(())
}
