//! What a job says it is, before it runs.

use std::time::Duration;

use millstream::connectors::collect::Collect;
use millstream::connectors::discard::Discard;
use millstream::connectors::files::TextFiles;
use millstream::connectors::files::sink::TextFilesSink;
use millstream::connectors::tcp::TcpLines;
use millstream::time::{Timestamp, millis};
use millstream::{
    CheckpointMode, CheckpointSettings, Mode, OutputTag, StreamEnvironment, TumblingEventTime,
    WatermarkStrategy,
};

/// The plan without the folder of the checkpoints, which is another one each time.
fn explained(env: &StreamEnvironment, folder: &tempfile::TempDir) -> String {
    env.explain("delays").unwrap().replace(&folder.path().display().to_string(), "FOLDER")
}

fn checkpointed(folder: &tempfile::TempDir) -> StreamEnvironment {
    let env = StreamEnvironment::new();
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_secs(1),
        ..CheckpointSettings::in_folder(folder.path())
    });
    env
}

#[test]
fn a_plan_shows_chains_exchanges_side_outputs_and_the_weakest_promise_of_each_sink() {
    let folder = tempfile::tempdir().unwrap();
    let env = checkpointed(&folder);
    env.set_parallelism(2);
    let lines = env.source(TcpLines::connect("localhost:9999")).parallelism(1);
    let times = WatermarkStrategy::monotonous()
        .with_timestamp_assigner(|n: &u64, _| Timestamp::from_millis(*n as i64));
    let numbers = lines.try_map(|line| Ok(line.parse::<u64>()?)).name("parse").parallelism(1);
    let timed = numbers.assign_timestamps_and_watermarks(times).parallelism(1);
    let late = OutputTag::<u64>::new("late");
    let windows =
        timed.key_by(|n| n % 10).window(TumblingEventTime::of(millis(10))).side_output_late_data(&late);
    let sums = windows.reduce(|a, b| a + b).name("sums");
    sums.map(|n| n.to_string()).sink_to(TextFilesSink::below(folder.path().join("out"))).name("results");
    let replayed = env.source(TextFiles::read("old.txt")).flat_map(|line| line.parse::<u64>().ok());
    let (sink, _) = Collect::new();
    sums.side_output(&late).union(&replayed).rebalance().sink_to(sink).name("late records").parallelism(1);
    replayed
        .map(|n| n.to_string())
        .name("text")
        .sink_to(TextFilesSink::below(folder.path().join("copy")))
        .name("copy");
    let expected = "\
delays   11 operators in 4 chains, 6 subtasks, parallelism 2, streaming, checkpoints every 1s in FOLDER
  1: TcpLines -> parse -> timestamps   x 1
     =keyed=> 2: sums
  2: sums -> map -> results   x 2
     sums [late] =rebalance=> 4: late records
  3: TextFiles -> flat_map -> text -> copy   x 2
     flat_map =rebalance=> 4: late records
  4: late records   x 1
  promise after a kill: at most once at results (TcpLines cannot be asked again)
  promise after a kill: at most once at late records (late records may lose what it was given; TcpLines cannot be asked again)
  promise after a kill: exactly once at copy
";
    assert_eq!(explained(&env, &folder), expected);
}

#[test]
fn a_plan_without_checkpoints_promises_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let env = StreamEnvironment::new();
    env.set_mode(Mode::Batch);
    env.from_sequence(1, 3).map(|n| n).parallelism(2).sink_to(Discard::new());
    let expected = "\
delays   3 operators in 3 chains, 4 subtasks, parallelism 1, batch, no checkpoints
  1: NumberSequence   x 1
     =rebalance=> 2: map
  2: map   x 2
     =rebalance=> 3: Discard
  3: Discard   x 1
  promise after a kill: none, for no checkpoints are taken
";
    assert_eq!(explained(&env, &folder), expected);
}

#[test]
fn a_plan_with_barriers_that_are_not_waited_for_promises_at_least_once() {
    let folder = tempfile::tempdir().unwrap();
    let env = StreamEnvironment::new();
    env.enable_checkpoints(CheckpointSettings {
        mode: CheckpointMode::AtLeastOnce,
        ..CheckpointSettings::in_folder(folder.path())
    });
    env.from_sequence(1, 3).sink_to(Discard::new());
    let plan = explained(&env, &folder);
    let expected =
        "promise after a kill: at least once at Discard (barriers are not waited for, as the settings say)";
    assert!(plan.contains(expected), "{plan}");
}
