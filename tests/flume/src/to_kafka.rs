//! A job that is made to be killed: writes what an agent pushes to a topic of Kafka, exactly once from the log on.
//!
//! Usage: `to_kafka ADDRESS LOG SERVERS TOPIC CHECKPOINTS`. Restores the latest checkpoint of the folder, if any.

use std::process::ExitCode;
use std::time::Duration;

use millstream::connectors::flume::{Flume, FlumeEvent};
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
    let [address, log, servers, topic, checkpoints] = arguments else {
        return Err(Failure::user("usage: to_kafka ADDRESS LOG SERVERS TOPIC CHECKPOINTS"));
    };
    let env = StreamEnvironment::new();
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(50),
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    env.set_restart(Restart::FixedDelay { attempts: 20, delay: Duration::from_millis(200) });
    env.source(Flume::listen([address]).set("log", log))
        .map(|event: FlumeEvent| event.text().into_owned())
        .sink_to(Kafka::write(servers).topic(topic).exactly_once(topic));
    env.execute("to kafka")?;
    Ok(())
}
