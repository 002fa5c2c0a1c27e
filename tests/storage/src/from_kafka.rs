//! A job that is made to be killed: writes the records of a topic of Kafka into files of a folder, exactly once.
//!
//! Usage: `from_kafka SERVERS TOPIC OUTPUT CHECKPOINTS PARALLELISM`. Restores the latest checkpoint of the folder, if any.

use std::process::ExitCode;
use std::time::Duration;

use millstream::connectors::files::sink::{Rolling, TextFilesSink};
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
    let [servers, topic, output, checkpoints, parallelism] = arguments else {
        return Err(Failure::user("usage: from_kafka SERVERS TOPIC OUTPUT CHECKPOINTS PARALLELISM"));
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
    env.source(Kafka::read(servers).topics([topic]))
        .map(|text| format!("copied {text}"))
        .sink_to(TextFilesSink::below(output).rolling(often));
    env.execute("from Kafka")?;
    Ok(())
}
