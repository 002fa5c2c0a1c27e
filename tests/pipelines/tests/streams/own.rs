//! What a program may bring of its own with `millstream` as its only dependency: operators, generic functions, settings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use millstream::batch::Batch;
use millstream::operator::{Barrier, Operator, OperatorContext, Output};
use millstream::state::OperatorSnapshot;
use millstream::state::restore::Redistribution;
use millstream::state::snapshot::OperatorPart;
use millstream::time::{Timestamp, millis};
use millstream::{
    CheckpointSettings, DataStream, Failure, Fault, JobSettings, MaxParallelism, Record, Restart, Result,
    Retry, StreamEnvironment, TumblingEventTime, WatermarkStrategy, WindowAssigner,
};

/// Leaves out a record that is the one before once more. State that is no key's: the last record.
#[derive(Default)]
struct Changes {
    last: Option<u64>,
}

impl Operator<u64, u64> for Changes {
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.last = context.restore.claim_operator("last", 1, Redistribution::Union)?.into_iter().next();
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<u64>, output: &mut Output<u64>) -> Result<()> {
        for record in batch.drain() {
            if self.last.replace(record) != Some(record) {
                output.emit(record);
            }
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, _: Barrier) -> Result<()> {
        snapshot.operator.push(OperatorPart::new("last", 1, &self.last)?);
        Ok(())
    }
}

#[test]
fn an_operator_of_ones_own_keeps_its_state_through_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let env = StreamEnvironment::new();
    env.set_records_in_flight(4);
    env.set_restart(Restart::FixedDelay { attempts: 5, delay: Duration::from_millis(1) });
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(2),
        ..CheckpointSettings::in_folder(folder.path())
    });
    let tried = Arc::new(AtomicU32::new(0));
    let count = tried.clone();
    let changes = env.from_sequence(0, 2_999).rebalance().map(move |n| {
        if n % 1_000 == 999 && count.fetch_add(1, Ordering::Relaxed) < 4 {
            panic!("not yet");
        }
        n / 10
    });
    let changes = changes.operator("changes", Changes::default).uid("changes");
    assert_eq!(changes.execute_and_collect("changes").unwrap(), (0..300).collect::<Vec<_>>());
    assert!(tried.load(Ordering::Relaxed) > 4);
}

/// A function over streams of any record.
fn every_second<T: Record>(stream: &DataStream<T>) -> DataStream<T> {
    let second = AtomicU32::new(0);
    stream.filter(move |_| second.fetch_add(1, Ordering::Relaxed) % 2 == 1)
}

fn windows(length: u64) -> WindowAssigner {
    TumblingEventTime::of(millis(length))
}

#[test]
fn functions_over_streams_windows_and_settings_have_types_that_can_be_written_down() {
    let settings = JobSettings { max_parallelism: MaxParallelism::new(8).unwrap(), ..JobSettings::default() };
    settings.check().unwrap();
    let env = StreamEnvironment::new();
    let strategy = WatermarkStrategy::monotonous()
        .with_timestamp_assigner(|n: &u64, _| Timestamp::from_millis(*n as i64));
    let numbers = every_second(&env.from_sequence(0, 9)).assign_timestamps_and_watermarks(strategy);
    let sums = numbers.key_by(|_| 0u8).window(windows(5)).reduce(|a, b| a + b);
    assert_eq!(sums.execute_and_collect("sums").unwrap(), [1 + 3, 5 + 7 + 9]);
}

#[test]
fn whose_fault_it_is_and_whether_to_try_again_can_be_asked_and_said() {
    let failure = Failure::user("not there yet").retry(Retry::Yes);
    assert!(failure.may_retry() && failure.fault() == Fault::User);
}
