//! The programs that are run under faults: each reads what can be read again and writes files in two phases, or once.
//!
//! Usage: `sufferer JOB FOLDER CHECKPOINTS RECORDS RATE`, with `counts`, `windows`, `at-least-once` or `loops` as the job, and
//! `sufferer read FOLDER`, which prints the lines of all finished files. The folders are paths or locations.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millstream::connectors::files::sink::TextFilesSink;
use millstream::connectors::generator::Generator;
use millstream::rdd::{Context, Rdd};
use millstream::storage::Storage;
use millstream::time::Timestamp;
use millstream::{
    AggregateFunction, CheckpointMode, CheckpointSettings, Failure, OutputTag, Restart, RestoreFrom, Result,
    StreamEnvironment, TumblingEventTime, WatermarkStrategy,
};

/// Of a window, in milliseconds.
const WINDOW: i64 = 1_000;
/// Every fiftieth record comes so much too late, in milliseconds, once there is that much before it.
const LATE: i64 = 5_000;

/// Of the Rdd job, and what is in it.
const ROUNDS: u64 = 12;
const NODES: i64 = 300;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder] = arguments.as_slice()
        && word == "read"
    {
        return read(folder);
    }
    let [job, folder, checkpoints, records, rate] = arguments.as_slice() else {
        return Err(Failure::user("usage: sufferer JOB FOLDER CHECKPOINTS RECORDS RATE"));
    };
    let number = |text: &String| {
        text.parse::<u64>().map_err(|error| Failure::user(format!("`{text}` is no number")).because(error))
    };
    let (records, rate) = (number(records)?, number(rate)? as f64);
    if job == "loops" {
        // A pass takes a fifth of what the streams take: a master that is lost begins it again.
        return loops(folder, Duration::from_secs_f64(records as f64 / rate / 5.0) / ROUNDS as u32);
    }
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    env.set_restart(Restart::FixedDelay { attempts: u32::MAX, delay: Duration::from_millis(100) });
    let at_least_once = job == "at-least-once";
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(10),
        tolerable_failures: u32::MAX,
        mode: if at_least_once { CheckpointMode::AtLeastOnce } else { CheckpointMode::ExactlyOnce },
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    let sink = |name: &str| TextFilesSink::below(format!("{folder}/{name}"));
    match job.as_str() {
        "windows" => {
            let late_ones = OutputTag::<(u64, i64)>::new("late");
            let strategy = WatermarkStrategy::monotonous()
                .with_timestamp_assigner(|(_, time): &(u64, i64), _| Timestamp::from_millis(*time));
            let windows = env
                .source(Generator::new(timed, Some(records)).rate(rate))
                .assign_timestamps_and_watermarks(strategy)
                .key_by(|(key, _)| *key)
                .window(TumblingEventTime::of(Duration::from_millis(WINDOW.unsigned_abs())))
                .side_output_late_data(&late_ones)
                .aggregate(Count)
                .uid("windows");
            windows
                .side_output(&late_ones)
                .map(|(key, time)| line(key, time / WINDOW, 1))
                .sink_to(sink("late"));
            windows.map(|(key, window, count)| line(key, window, count)).sink_to(sink("out"));
        }
        "counts" | "at-least-once" => {
            env.source(Generator::new(|n| n, Some(records)).rate(rate))
                .key_by(|n| n % 97)
                .count()
                .uid("counts")
                .map(|(key, count)| format!("{key} {count}"))
                .sink_to(sink("out"));
        }
        other => return Err(Failure::user(format!("there is no job {other}"))),
    }
    env.execute(job)?;
    Ok(())
}

/// Rounds of two shuffles over kept links and ranks. Each says in a file that it is over.
fn loops(folder: &str, round_time: Duration) -> Result<()> {
    const PARTS: usize = 4;
    let context = Context::builder().parallelism(PARTS).build()?;
    let place = Storage::open(folder)?;
    place.make_folder()?;
    let edges = context.range(0, 10 * NODES).map(|n| (n % NODES, (n * 7 + n / NODES) % NODES));
    let links = edges.group_by_key().cache();
    let mut ranks: Rdd<(i64, i64)> = links.map(|(from, _)| (from, 1_000_000));
    let mut lines = String::new();
    for round in 0..ROUNDS {
        let contributions = links.join(&ranks).map_partitions(move |rows| {
            std::thread::sleep(round_time / 2);
            rows.flat_map(|(_, (to, rank))| {
                let share = rank / to.len() as i64;
                to.into_iter().map(move |to| (to, share))
            })
        });
        ranks =
            contributions.reduce_by_key(|a, b| a + b).map(|(to, sum)| (to, 150_000 + sum * 85 / 100)).cache();
        let sum = ranks.map(|(_, rank)| rank).reduce(|a, b| a + b)?;
        lines += &format!("round-{round} {}\n", sum);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        context.once("that a round is over", || Ok(place.put("_progress", now.to_string().as_bytes())?))?;
    }
    for (node, rank) in ranks.collect()? {
        lines += &format!("node-{node} {rank}\n");
    }
    context.once("the ranks", || Ok(place.put("out/ranks", lines.as_bytes())?))
}

/// Prints what is in all finished files of a folder.
fn read(folder: &str) -> Result<()> {
    let place = Storage::open(folder)?;
    let mut out = std::io::stdout().lock();
    for file in place.list("")? {
        let name = file.name.rsplit('/').next().unwrap_or_default();
        if !name.starts_with(['.', '_']) {
            let printed = out.write_all(&place.get(&file.name)?);
            printed.map_err(|error| Failure::external("the lines cannot be printed").because(error))?;
        }
    }
    Ok(())
}

/// Record `n`: its key and its time in milliseconds.
fn timed(n: u64) -> (u64, i64) {
    let time = n.cast_signed();
    (n % 13, if n % 50 == 7 && time > LATE { time - LATE } else { time })
}

fn line(key: u64, window: i64, count: u64) -> String {
    format!("{key}/{window} {count}")
}

/// How many records a window has, with its key and number.
struct Count;

impl AggregateFunction<(u64, i64)> for Count {
    type Acc = (u64, i64, u64);
    type Out = (u64, i64, u64);

    fn create_accumulator(&self) -> Self::Acc {
        (0, 0, 0)
    }

    fn add(&self, acc: &mut Self::Acc, (key, time): (u64, i64)) {
        *acc = (key, time / WINDOW, acc.2 + 1);
    }

    fn get_result(&self, acc: &Self::Acc) -> Self::Out {
        *acc
    }

    fn merge(&self, left: Self::Acc, right: Self::Acc) -> Self::Acc {
        (left.0.max(right.0), left.1.max(right.1), left.2 + right.2)
    }
}
