//! A job that is made to be killed: posts numbers to a webhook.
//!
//! Usage: `poster CHECKPOINTS ADDRESS RECORDS RATE`. Restores the latest checkpoint of the folder, if any.

use std::process::ExitCode;
use std::time::Duration;

use millstream::connectors::generator::Generator;
use millstream::connectors::webhook::Webhook;
use millstream::{CheckpointSettings, Failure, RestoreFrom, Result, StreamEnvironment};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run(&std::env::args().skip(1).collect::<Vec<_>>()))
}

fn run(arguments: &[String]) -> Result<()> {
    let [checkpoints, address, records, rate] = arguments else {
        return Err(Failure::user("usage: poster CHECKPOINTS ADDRESS RECORDS RATE"));
    };
    let env = StreamEnvironment::new();
    env.set_flush_interval(Duration::from_millis(1));
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(15),
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    env.source(Generator::new(|n| n, None).set("count", records).set("rate", rate))
        .sink_to(Webhook::json(address).set("batch-records", "50").set("retry-first-delay", "1 ms"));
    env.execute("poster")?;
    Ok(())
}
