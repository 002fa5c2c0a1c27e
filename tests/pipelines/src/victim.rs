//! A job that is made to be killed: counts by key what a replayable source gives, into two-phase files.
//!
//! Usage: `victim CHECKPOINTS OUTPUT RECORDS RATE PARALLELISM [adaptive] [spare] [lz4]`. Restores the latest checkpoint of the folder, if any.

use std::process::ExitCode;
use std::time::Duration;

use millstream::connectors::files::sink::TextFilesSink;
use millstream::connectors::generator::Generator;
use millstream::{CheckpointSettings, Failure, NetworkCompression, RestoreFrom, Result, StreamEnvironment};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run(&std::env::args().skip(1).collect::<Vec<_>>()))
}

fn run(arguments: &[String]) -> Result<()> {
    let [checkpoints, output, records, rate, parallelism, more @ ..] = arguments else {
        return Err(Failure::user(
            "usage: victim CHECKPOINTS OUTPUT RECORDS RATE PARALLELISM [adaptive] [spare] [lz4]",
        ));
    };
    let number = |text: &String| {
        text.parse::<u64>().map_err(|error| Failure::user(format!("`{text}` is no number")).because(error))
    };
    let env = StreamEnvironment::new();
    env.set_parallelism(u32::try_from(number(parallelism)?).unwrap_or(0));
    let is_said = |wanted: &str| more.iter().any(|word| word == wanted);
    env.set_adaptive(is_said("adaptive"));
    env.set_spare_slots(u32::from(is_said("spare")));
    if is_said("lz4") {
        env.set_network_compression(NetworkCompression::Lz4);
    }
    env.set_flush_interval(Duration::from_millis(1));
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(15),
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    env.source(Generator::new(|n| n, Some(number(records)?)).rate(number(rate)? as f64))
        .key_by(|n| n % 97)
        .count()
        .uid("count")
        .map(|(key, count)| format!("{key} {count}"))
        .sink_to(TextFilesSink::below(output));
    env.execute("victim")?;
    Ok(())
}
