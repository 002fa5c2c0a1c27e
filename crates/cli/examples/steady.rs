//! The program that the tests of the cluster's commands run: counts by key what a source gives at a rate, into files.
//!
//! Usage: `steady FOLDER RECORDS RATE`.

use std::time::Duration;

use millstream::connectors::files::sink::TextFilesSink;
use millstream::connectors::generator::Generator;
use millstream::{CheckpointSettings, Failure, RestoreFrom, Result, StreamEnvironment};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, records, rate] = arguments.as_slice() else {
        return Err(Failure::user("usage: steady FOLDER RECORDS RATE"));
    };
    let number = |text: &String| {
        text.parse::<u64>().map_err(|error| Failure::user(format!("`{text}` is no number")).because(error))
    };
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(50),
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(format!("{folder}/checkpoints"))
    });
    env.source(Generator::new(|n| n, Some(number(records)?)).rate(number(rate)? as f64))
        .key_by(|n| n % 97)
        .count()
        .uid("count")
        .map(|(key, count)| format!("{key} {count}"))
        .sink_to(TextFilesSink::below(format!("{folder}/out")));
    env.execute("steady")?;
    Ok(())
}
