//! A job that is made to be killed: from a socket into files, exactly once from the socket on.
//!
//! Usage: `fed connect|listen ADDRESS OUTPUT CHECKPOINTS PARALLELISM`. Records have their length in front, so that one that was cut
//! with its connection is none. Restores the latest checkpoint of the folder, if any.

use std::process::ExitCode;
use std::time::Duration;

use millstream::connectors::files::sink::{Rolling, TextFilesSink};
use millstream::connectors::tcp::{TcpLines, TcpServer};
use millstream::{CheckpointSettings, Failure, RestoreFrom, Result, StreamEnvironment};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run(&std::env::args().skip(1).collect::<Vec<_>>()))
}

fn run(arguments: &[String]) -> Result<()> {
    let usage = || Failure::user("usage: fed connect|listen ADDRESS OUTPUT CHECKPOINTS PARALLELISM");
    let [way, address, output, checkpoints, parallelism] = arguments else {
        return Err(usage());
    };
    let env = StreamEnvironment::new();
    env.set_parallelism(parallelism.parse().unwrap_or(0));
    env.set_flush_interval(Duration::from_millis(1));
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(30),
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    let records = match &**way {
        "connect" => {
            let again = TcpLines::connect(address).set("reconnect-attempts", "1000000");
            let again = again.set("reconnect-first-delay", "10 ms").set("reconnect-max-delay", "100 ms");
            env.source(again.set("framing", "length-u32-be"))
        }
        "listen" => env.source(TcpServer::listen(address).set("framing", "length-u32-be")),
        _ => return Err(usage()),
    };
    let often = Rolling { bytes: 100_000, ..Rolling::default() };
    records.rebalance().sink_to(TextFilesSink::below(output).rolling(often)).uid("files");
    env.execute("fed")?;
    Ok(())
}
