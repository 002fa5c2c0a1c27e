//! A job between a source and a sink of one's own: `docs/book/own-connector.md` explains both.
//!
//! `cargo run -p millstream-examples --example own_connector -- INPUT OUTPUT CHECKPOINTS` takes three folders.

mod sink;
mod source;

use millstream::{CheckpointSettings, Failure, RestoreFrom, Result, StreamEnvironment};

use crate::sink::Parts;
use crate::source::Readings;

fn main() -> Result<()> {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, checkpoints] = &*folders else {
        return Err(Failure::user("three folders are needed: INPUT OUTPUT CHECKPOINTS"));
    };
    let env = StreamEnvironment::new();
    env.enable_checkpoints(CheckpointSettings {
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    env.source(Readings::in_folder(input))
        .filter(|reading| reading.celsius > 80)
        .map(|reading| format!("sensor {} at {} degrees", reading.sensor, reading.celsius))
        .sink_to(Parts::in_folder(output));
    env.execute("hot sensors")?;
    Ok(())
}
