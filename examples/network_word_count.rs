//! Counts the words that come over a TCP connection, each second: the network word count.
//!
//! Start a server first, `nc -lk 9999`, then this program, and type lines into the server. `-- 7777` behind
//! `cargo run --example network_word_count` asks at another port. It runs until Ctrl-C, which lets it finish what it has.

use millstream::rdd::Context;
use millstream::time::seconds;
use millstream::{Failure, Result, StreamingContext};

fn main() -> Result<()> {
    let sc = Context::new()?;
    let ssc = StreamingContext::new(&sc, seconds(1));
    let lines = ssc.socket_text_stream("localhost", port()?);
    let words = lines.flat_map(|line| line.into_split(' '));
    let pairs = words.map(|word| (word, 1));
    let word_counts = pairs.reduce_by_key(|a, b| a + b);
    word_counts.print(10);
    ssc.start()?;
    ssc.await_termination()
}

/// The port that was given as an argument, or the one of the tutorials.
fn port() -> Result<u16> {
    let Some(given) = std::env::args().nth(1) else { return Ok(9999) };
    given.parse().map_err(|error| Failure::user(format!("`{given}` is no port (1 to 65535)")).because(error))
}
