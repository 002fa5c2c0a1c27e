//! A job that is made to be killed: counts the records of a topic by key, into another topic, exactly once.
//!
//! Usage: `counter SERVERS INPUT OUTPUT CHECKPOINTS PARALLELISM`. Restores the latest checkpoint of the folder, if any.

use std::process::ExitCode;
use std::time::Duration;

use millstream::connectors::kafka::Kafka;
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
    let [servers, input, output, checkpoints, parallelism] = arguments else {
        return Err(Failure::user("usage: counter SERVERS INPUT OUTPUT CHECKPOINTS PARALLELISM"));
    };
    let env = StreamEnvironment::new();
    env.set_parallelism(parallelism.parse().unwrap_or(0));
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(50),
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    env.set_restart(Restart::FixedDelay { attempts: 20, delay: Duration::from_millis(200) });
    env.source(Kafka::read(servers).topics([input]))
        .map(|text| text.parse::<u64>().unwrap_or(0) % 97)
        .key_by(|key| *key)
        .count()
        .uid("count")
        .map(|(key, count)| format!("{key} {count}"))
        .sink_to(Kafka::write(servers).topic(output).exactly_once(output));
    env.execute("counter")?;
    Ok(())
}
