//! The question to a stream that comes over a socket.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millstream::connectors::collect::Collect;
use millstream::connectors::files::sink::TextFilesSink;
use millstream::connectors::tcp::TcpLines;
use millstream::time::{Timestamp, hours};
use millstream::{
    CheckpointSettings, Failure, JobHandle, JobStatus, OutputTag, Result, StreamEnvironment,
    TumblingEventTime, WatermarkStrategy, stop_on_ctrl_c,
};

use crate::delays::{Delays, Place, SumDelays, add_to};
use crate::flight::Flight;
use crate::{batch, serve};

/// Serves the file, runs the stream job with a live table, asks the file itself, compares.
pub(crate) fn run(lines_per_second: u32) -> Result<()> {
    let file = millstream_examples::flights_csv();
    let folder = std::env::temp_dir().join(format!("millstream-flights-{}", std::process::id()));
    let address = serve::serve(&file, lines_per_second)?;

    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    env.enable_checkpoints(CheckpointSettings::in_folder(folder.join("checkpoints")));
    let late = OutputTag::new("late");
    let (updates, updated) = Collect::new();
    let (late_ones, too_late) = Collect::new();
    let delays = env
        .source(TcpLines::connect(address))
        .parallelism(1)
        .try_map(|line| Flight::parse(&line))
        .name("parse")
        .flat_map(|flight| flight)
        .assign_timestamps_and_watermarks(
            WatermarkStrategy::bounded_out_of_orderness(hours(1))
                .with_timestamp_assigner(|flight: &Flight, _| flight.scheduled),
        )
        .key_by(|flight| flight.origin.clone())
        .window(TumblingEventTime::of(hours(1)))
        .allowed_lateness(hours(4))
        .side_output_late_data(&late)
        .aggregate(SumDelays)
        .name("delays")
        .uid("delays");
    delays.sink_to(TextFilesSink::below(folder.join("delays").display().to_string()));
    delays.sink_to(updates);
    delays.side_output(&late).sink_to(late_ones);

    print!("{}", env.explain("delays by airport")?);
    let job = env.start("delays by airport")?;
    let _stops = stop_on_ctrl_c(&job);
    let (mut totals, started) = (BTreeMap::new(), Instant::now());
    let mut counted = 0;
    while job.status() == JobStatus::Running {
        std::thread::sleep(Duration::from_millis(500));
        counted += take_updates(&updated, &mut totals);
        show(&job, &totals, counted, started.elapsed());
    }
    let result = job.wait()?;
    counted += take_updates(&updated, &mut totals);
    let late: Vec<Flight> = too_late.take();
    let windows = totals.len();
    late.iter().for_each(|flight| add_to(&mut totals, Delays::of(flight)));
    println!(
        "stream: {} flights in {windows} windows ({counted} results, {} later updates), {} too late for their window, \
         {} checkpoints, {:.1} s",
        totals.values().map(|delays| delays.flights).sum::<u64>(),
        counted - windows,
        late.len(),
        result.checkpoints,
        result.runtime.as_secs_f64()
    );
    println!("files:  {}", folder.join("delays").display());
    if result.stopped {
        println!(
            "stopped by Ctrl-C: the results so far are in the files, the rest of the flights was not asked for"
        );
        return Ok(());
    }

    let started = Instant::now();
    let answer = batch::ask(&file)?;
    println!(
        "batch:  {} flights in {} windows, {:.3} s",
        answer.values().map(|delays| delays.flights).sum::<u64>(),
        answer.len(),
        started.elapsed().as_secs_f64()
    );
    if answer != totals {
        return Err(Failure::internal("the stream's answer and the batch's differ"));
    }
    println!(
        "equal:  the stream's windows with its {} late flights are the batch's, hour by hour",
        late.len()
    );
    Ok(())
}

/// Moves what arrived into the table; a window's last result counts.
fn take_updates(
    updated: &millstream::connectors::collect::CollectHandle<Delays>,
    totals: &mut BTreeMap<Place, Delays>,
) -> usize {
    let new = updated.take();
    let count = new.len();
    totals.extend(new.into_iter().map(|delays| (delays.place(), delays)));
    count
}

fn show(job: &JobHandle, totals: &BTreeMap<Place, Delays>, results: usize, running: Duration) {
    let metrics = job.metrics();
    let parsed = metrics.operators.iter().find(|operator| operator.name == "parse");
    let lines = parsed.map_or(0, |operator| operator.records_in);
    let watermark = metrics.operators.iter().find(|operator| operator.name == "delays");
    let watermark = watermark.map_or(Timestamp::MIN, |operator| operator.watermark);
    println!(
        "{:5.1} s  {lines:6} lines, {:6.0} a second   watermark {watermark}   {results} results",
        running.as_secs_f64(),
        lines as f64 / running.as_secs_f64()
    );
    for airport in ["EWR", "JFK", "LGA"] {
        if let Some((_, last)) = totals.iter().rfind(|((name, _), _)| name == airport) {
            println!("         {last}");
        }
    }
}
