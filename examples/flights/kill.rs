//! A job that is killed in the middle, and its continuation.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use millstream::connectors::files::TextFiles;
use millstream::connectors::files::sink::TextFilesSink;
use millstream::time::{days, hours, millis};
use millstream::{
    CheckpointSettings, Failure, JobStatus, RestoreFrom, Result, StreamEnvironment, TumblingEventTime,
    WatermarkStrategy,
};

use crate::delays::SumDelays;
use crate::flight::Flight;

/// Flights after which the first process is killed.
const DIE_AFTER: u64 = 9_000;

/// Kills, resumes, compares.
pub(crate) fn run() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("millstream-flights-{}", std::process::id()));
    let (disturbed, calm) = (folder.join("disturbed"), folder.join("calm"));
    let status = start(&disturbed, Some(DIE_AFTER))?;
    println!("first process:  killed in the middle ({status})");
    if status.success() {
        return Err(Failure::internal("the first process was not killed"));
    }
    let before = lines(&disturbed)?.len();
    println!("                {before} results were committed by then");
    println!("second process: {} from the last checkpoint", start(&disturbed, None)?);
    println!("undisturbed:    {}", start(&calm, None)?);
    let (found, expected) = (lines(&disturbed)?, lines(&calm)?);
    if found != expected {
        return Err(Failure::internal(format!("{} results instead of {}", found.len(), expected.len())));
    }
    println!("equal:          {} results, none lost, none doubled", found.len());
    Ok(())
}

fn start(folder: &Path, die_after: Option<u64>) -> Result<std::process::ExitStatus> {
    let cannot = |error| Failure::external("the example cannot start itself").because(error);
    let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
    command.arg("--job").arg(folder);
    if let Some(flights) = die_after {
        command.args(["--die-after", &flights.to_string()]);
    }
    command.status().map_err(cannot)
}

/// The lines of all finished files, sorted: two subtasks write them, in whatever order.
fn lines(folder: &Path) -> Result<Vec<String>> {
    let read = || -> std::io::Result<Vec<String>> {
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(folder.join("delays"))? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                lines.extend(std::fs::read_to_string(entry.path())?.lines().map(str::to_owned));
            }
        }
        lines.sort();
        Ok(lines)
    };
    read().map_err(|error| Failure::external(format!("{} cannot be read", folder.display())).because(error))
}

/// The job itself; kills its own process once it has seen so many flights.
pub(crate) fn job(folder: &str, die_after: Option<u64>) -> Result<()> {
    let folder = Path::new(folder);
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    // Few enough that a barrier does not wait long behind slow records.
    env.set_records_in_flight(1_024);
    env.enable_checkpoints(CheckpointSettings {
        interval: millis(100),
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(folder.join("checkpoints"))
    });
    env.source(TextFiles::read(millstream_examples::flights_csv()))
        .parallelism(1)
        .try_map(|line| {
            // Slowed down, so that there is a middle.
            std::thread::sleep(Duration::from_micros(20));
            Flight::parse(&line)
        })
        .name("parse")
        .flat_map(|flight| flight)
        .assign_timestamps_and_watermarks(
            // Wide enough that no flight is late: each window gives one result, whenever the watermark comes.
            WatermarkStrategy::bounded_out_of_orderness(days(2))
                .with_timestamp_assigner(|flight: &Flight, _| flight.scheduled),
        )
        .key_by(|flight| flight.origin.clone())
        .window(TumblingEventTime::of(hours(1)))
        .aggregate(SumDelays)
        .uid("delays")
        .sink_to(TextFilesSink::below(folder.join("delays").display().to_string()))
        .uid("files");
    let job = env.start("delays by airport")?;
    while let (JobStatus::Running, Some(flights)) = (job.status(), die_after) {
        std::thread::sleep(Duration::from_millis(1));
        let metrics = job.metrics();
        let seen =
            metrics.operators.iter().find(|operator| operator.name == "parse").map(|parse| parse.records_in);
        if seen.is_some_and(|seen| seen >= flights) {
            // SIGKILL: nothing of this process gets to clean up.
            let killed = Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
            return Err(Failure::external(format!("the process could not kill itself: {killed:?}")));
        }
    }
    job.wait().map(drop)
}
