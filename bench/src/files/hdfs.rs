//! 500 MB of text into HDFS and out of it: a job, the client that it uses by itself, and Hadoop's own command.
//!
//! The servers are those that `cargo xtask bench-files` starts. What was written is read back by the client alone, behind the
//! clock; Hadoop's command has the start of its virtual machine in its time, as its users do.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use futures_util::StreamExt;
use hdfs_native::client::WriteOptions;
use hdfs_native::{Client, ClientBuilder};
use millstream::connectors::files::TextFiles;
use millstream::connectors::files::sink::{Rolling, TextFilesSink};
use millstream::{Failure, Result, StreamEnvironment};
use tokio::runtime::{Builder, Runtime};

use super::{Weight, count_ends, counted, failed, open, rows, seconds, weigh_lines};
use crate::arguments::Setup;
use crate::figure::Unit;
use crate::goal::Goal;
use crate::race::{Race, Run, timed};
use crate::table::Row;

const ALONE: &str = "hdfs-native";
/// What is handed to the client at once.
const PIECE: usize = 8 << 20;

fn fact(name: &str) -> Result<String> {
    std::env::var(name).map_err(|_| {
        Failure::user(format!("{name} is not set: it tells of the HDFS to measure with"))
            .advice("`cargo xtask bench-files` starts one and measures")
    })
}

/// The client, and threads for it.
struct Native {
    threads: Runtime,
    client: Client,
}

impl Native {
    fn new() -> Result<Self> {
        let threads = Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(failed)?;
        let client = ClientBuilder::new().with_url(fact("MILLSTREAM_HDFS")?);
        let client = client.with_io_runtime(threads.handle().clone()).build().map_err(failed)?;
        Ok(Self { threads, client })
    }

    /// Lines and bytes of a file.
    fn read(&self, path: &str) -> Result<Weight> {
        self.threads.block_on(async {
            let reader = self.client.read(path).await.map_err(failed)?;
            let mut pieces = std::pin::pin!(reader.read_range_stream(0, reader.file_length()));
            let mut weight = Weight::default();
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(failed)?;
                weight.records += memchr::memchr_iter(b'\n', &piece).count() as u64;
                weight.sum += piece.len() as u64;
            }
            Ok(weight)
        })
    }

    fn write(&self, from: &Path, path: &str) -> Result<()> {
        self.threads.block_on(async {
            let mut writer = self.client.create(path, WriteOptions::default()).await.map_err(failed)?;
            let mut file = open(from)?;
            loop {
                let mut piece = Vec::with_capacity(PIECE);
                file.by_ref().take(PIECE as u64).read_to_end(&mut piece).map_err(failed)?;
                if piece.is_empty() {
                    return writer.close().await.map_err(failed);
                }
                writer.write(Bytes::from(piece)).await.map_err(failed)?;
            }
        })
    }

    /// What lies in a folder, which is then removed.
    fn take_away(&self, folder: &str) -> Result<Weight> {
        let files = self.threads.block_on(self.client.list_status(folder, true)).map_err(failed)?;
        let files = files.into_iter().filter(|file| !file.isdir);
        let weight = files.map(|file| self.read(&file.path)).sum();
        self.remove(folder)?;
        weight
    }

    fn remove(&self, path: &str) -> Result<()> {
        self.threads.block_on(self.client.delete(path, true)).map(drop).map_err(failed)
    }
}

/// Runs Hadoop's own command, as `hdfs dfs` does.
fn hadoop(arguments: &[&str]) -> Result<()> {
    let mut java = Command::new("java");
    java.arg("-cp").arg(format!("{}/nn:{}", fact("MILLSTREAM_HDFS_CONF")?, fact("MILLSTREAM_HDFS_JARS")?));
    java.arg("org.apache.hadoop.fs.FsShell").args(arguments).stdout(Stdio::null());
    let status = java.status().map_err(failed)?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::external(format!("Hadoop's own command ended with {status}"))),
    }
}

/// What `work` writes below a new folder.
fn written(native: &Native, name: &str, work: impl FnOnce(&str) -> Result<()>) -> Result<Run<Weight>> {
    let folder = format!("/bench/{name}");
    let made = native.client.mkdirs(&folder, 0o755, true);
    native.threads.block_on(made).map_err(failed)?;
    let ((), took) = timed(|| work(&folder))?;
    Ok(Run::new(Unit::Seconds, took, native.take_away(&folder)?))
}

/// From a local file into HDFS.
pub(crate) fn write(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    const PUT: &str = "hdfs dfs -put";
    let (native, from, server) = (Native::new()?, &*rows(setup, 17_000_000)?, fact("MILLSTREAM_HDFS")?);
    let path = from.to_string_lossy();
    let job = |folder: &str| {
        let env = StreamEnvironment::new();
        env.set_parallelism(1);
        let large = Rolling { bytes: u64::MAX, ..Rolling::default() };
        env.source(TextFiles::read(&*path))
            .sink_to(TextFilesSink::below(format!("{server}{folder}")).rolling(large));
        env.execute("put").map(drop)
    };
    Race::of(work)
        .enter(ALONE, [], || {
            written(&native, "alone", |folder| native.write(from, &format!("{folder}/file")))
        })
        .enter(PUT, [], || {
            written(&native, "put", |folder| hadoop(&["-put", &path, &format!("{server}{folder}/file")]))
        })
        .enter("DataStream, 1 worker", [Goal::at_most(1.0 / 0.8, ALONE), Goal::at_most(1.0, PUT)], || {
            written(&native, "job", job)
        })
        .run(setup)
}

/// Out of HDFS: its lines are counted, but by Hadoop's command, which writes a local file.
pub(crate) fn read(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    const GET: &str = "hdfs dfs -get";
    let (native, from, server) = (Native::new()?, &*rows(setup, 17_000_000)?, fact("MILLSTREAM_HDFS")?);
    let (path, local) = ("/bench/read.csv", setup.inputs.folder().join("got.csv"));
    native.remove(path)?;
    native.write(from, path)?;
    let got = || {
        let ((), took) =
            timed(|| hadoop(&["-get", "-f", &format!("{server}{path}"), &local.to_string_lossy()]))?;
        Ok(Run::new(Unit::Seconds, took, count_ends(open(&local)?)?))
    };
    let found = Race::of(work)
        .enter(ALONE, [], || seconds(|| native.read(path)))
        .enter(GET, [], got)
        .enter("DataStream, 1 worker", [Goal::at_most(1.0 / 0.8, ALONE), Goal::at_most(1.0, GET)], || {
            counted(TextFiles::read(format!("{server}{path}")), weigh_lines)
        })
        .run(setup)?;
    native.remove(path)?;
    std::fs::remove_file(&local).map_err(failed)?;
    Ok(found)
}
