//! Doubles what a source gives and prints it: the first stream program of many a tutorial.
//!
//! `cargo run --example double -- --parallelism 2` runs it in two subtasks; `-- --help` shows what else can be set.

use millstream::{Result, StreamEnvironment};

fn main() -> Result<()> {
    let env = StreamEnvironment::from_args()?;
    let data_stream = env.from_sequence(1, 5);
    let result_stream = data_stream.map(|x| x * 2);
    result_stream.print();
    env.execute("Flink Streaming Example")?;
    Ok(())
}
