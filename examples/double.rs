//! Doubles what a source gives and prints it: the first stream program of many a tutorial.

use millstream::{Result, StreamEnvironment};

fn main() -> Result<()> {
    let env = StreamEnvironment::new();
    let data_stream = env.from_sequence(1, 5);
    let result_stream = data_stream.map(|x| x * 2);
    result_stream.print();
    env.execute("Flink Streaming Example")?;
    Ok(())
}
