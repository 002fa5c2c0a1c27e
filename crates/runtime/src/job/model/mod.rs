//! Whole jobs under the model checker: the coordinator, the subtasks, the channels between them and the job's owner, each
//! test under many schedules.
//!
//! Every job is a diamond (a source of two subtasks, two ways of two subtasks each that lead to one sink), with channels
//! of one record and a checkpoint whenever the clock has been looked at a few times. The clock is the checker's.

mod pieces;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use millstream_dataflow::exchange::Partitioning;
use millstream_dataflow::graph::{Edge, JobGraph, NodeKind, OperatorFactory, TypedExchange};
use millstream_dataflow::sink::SinkAdapter;
use millstream_dataflow::source::SourceAdapter;
use millstream_model::error::Result;
use millstream_model::id::NodeId;
use millstream_state::CheckpointStore;
use object_store::memory::InMemory;

use super::checkpoints::{Checkpoints, Run};
use super::{JobHandle, JobStatus};
use crate::plan::Plan;
use crate::settings::{CheckpointMode, CheckpointSettings, JobSettings, Restart, RestoreFrom};
use crate::sync::schedules;
use pieces::{Committed, Numbers, Pass, Staging};

const NUMBERS: u64 = 6;
const SCHEDULES: usize = 40;

/// A job's surroundings: they outlive it, as a folder outlives a process.
#[derive(Clone, Default)]
struct World {
    objects: Arc<InMemory>,
    committed: Committed,
    fails_at: Option<(u64, Arc<AtomicBool>)>,
}

impl World {
    fn failing_at(record: u64) -> Self {
        Self { fails_at: Some((record, Arc::default())), ..Self::default() }
    }

    fn graph(&self) -> JobGraph {
        let mut graph = JobGraph::new();
        let source = SourceAdapter(Arc::new(Numbers { splits: 3, each: NUMBERS / 3 }));
        let source = graph.add("numbers", NodeKind::Source(Arc::new(source)));
        let pass = |fails_at| {
            let pass = Pass { fails_at };
            NodeKind::Operator(Arc::new(OperatorFactory::new(move |_| Box::new(pass.clone()))))
        };
        let left = graph.add("left", pass(self.fails_at.clone()));
        let right = graph.add("right", pass(None));
        let sink = graph
            .add("sink", NodeKind::Sink(Arc::new(SinkAdapter(Arc::new(Staging(self.committed.clone()))))));
        if let Some(node) = graph.node_mut(sink) {
            node.parallelism = Some(1);
        }
        let mut connect = |from: NodeId, to: NodeId| {
            let exchange = Arc::new(TypedExchange::<u64>::new(Partitioning::Rebalance));
            graph.connect(Edge { from, to, tag: None, exchange });
        };
        for (from, to) in [(source, left), (source, right), (left, sink), (right, sink)] {
            connect(from, to);
        }
        graph
    }

    fn start(&self, change: impl FnOnce(&mut JobSettings)) -> JobHandle {
        let mut settings = JobSettings {
            parallelism: 2,
            records_in_flight: 1,
            flush_interval: Duration::ZERO,
            checkpoints: Some(CheckpointSettings {
                interval: Duration::from_millis(40),
                timeout: Duration::from_secs(100_000),
                restore: RestoreFrom::Latest,
                ..CheckpointSettings::in_folder("in memory")
            }),
            cancel_timeout: Duration::from_secs(100_000),
            ..JobSettings::default()
        };
        change(&mut settings);
        let plan = Plan::new(self.graph(), settings).unwrap();
        let store = CheckpointStore::within(self.objects.clone(), "memory");
        let checkpoints = Checkpoints::within(&plan, Some(store), Run::default()).unwrap();
        super::run(plan, checkpoints, Box::new(super::Here)).unwrap()
    }

    /// Runs a new process on the same folder, to the end of the input.
    fn go_on(&self) {
        let job = self.start(|settings| settings.restart = again(1));
        assert!(!job.wait().unwrap().stopped);
    }

    /// Each number came through both ways, once each.
    fn assert_exactly_once(&self) {
        let mut found: Vec<u64> = self.committed.lock().unwrap().values().flatten().copied().collect();
        found.sort_unstable();
        assert_eq!(found, (0..NUMBERS).flat_map(|n| [n, n]).collect::<Vec<_>>());
    }
}

fn again(attempts: u32) -> Restart {
    Restart::FixedDelay { attempts, delay: Duration::from_millis(5) }
}

#[test]
fn model_a_diamond_with_checkpoints_ends_with_every_record_committed_once() {
    schedules(SCHEDULES, || {
        let world = World::default();
        let job = world.start(|_| {});
        let result = job.wait().unwrap();
        assert!(result.checkpoints > 0 && !result.stopped && result.restarts == 0);
        world.assert_exactly_once();
    });
}

#[test]
fn model_a_failure_at_any_moment_of_a_checkpoint_loses_and_doubles_nothing() {
    schedules(SCHEDULES, || {
        let world = World::failing_at(NUMBERS / 2);
        let job = world.start(|settings| settings.restart = again(1));
        assert!(job.wait().unwrap().restarts <= 1);
        world.assert_exactly_once();
    });
}

#[test]
fn model_the_failure_that_is_told_is_the_first_whoever_else_falls_with_it() {
    schedules(SCHEDULES, || {
        let error = World::failing_at(0).start(|_| {}).wait().unwrap_err().to_string();
        assert!(error.contains("operator `left`") && error.contains("as it was told to"), "{error}");
    });
}

#[test]
fn model_a_stop_races_the_end_and_the_job_goes_on_from_where_it_stopped() {
    schedules(SCHEDULES, || {
        let world = World::default();
        let job = world.start(|_| {});
        job.stop();
        let result = job.wait().unwrap();
        let whole = world.committed.lock().unwrap().values().flatten().count() as u64 == 2 * NUMBERS;
        assert!(whole || result.stopped, "what was not stopped is whole");
        world.go_on();
        world.assert_exactly_once();
    });
}

#[test]
fn model_a_stop_races_a_failure_and_the_job_does_not_start_again() {
    schedules(SCHEDULES, || {
        let world = World::failing_at(1);
        let job = world.start(|settings| settings.restart = again(1));
        job.stop();
        // It fails, or was stopped before it came to fail, or was started again before it was asked to stop.
        let _ = job.wait();
        world.go_on();
        world.assert_exactly_once();
    });
}

#[test]
fn model_a_cancel_at_any_moment_ends_everybody_and_what_follows_is_exact() {
    schedules(SCHEDULES, || {
        let world = World::default();
        let job = world.start(|_| {});
        job.cancel();
        if let Err(failure) = job.wait() {
            assert!(failure.is_cancelled(), "{failure}");
        }
        world.go_on();
        world.assert_exactly_once();
    });
}

#[test]
fn model_a_savepoint_asked_at_any_moment_is_answered_and_is_there_if_it_was_promised() {
    schedules(SCHEDULES, || {
        let world = World::failing_at(NUMBERS - 1);
        let job = world.start(|settings| settings.restart = again(1));
        let answer: Result<String> = job.savepoint();
        job.wait().unwrap();
        world.assert_exactly_once();
        if let Ok(name) = answer {
            let store = CheckpointStore::within(world.objects.clone(), "memory");
            assert!(store.named(&name).is_ok(), "{name}");
        }
    });
}

#[test]
fn model_checkpoints_that_are_given_up_half_way_lose_and_double_nothing() {
    schedules(SCHEDULES, || {
        let world = World::default();
        let job = world.start(|settings| {
            if let Some(checkpoints) = &mut settings.checkpoints {
                checkpoints.interval = Duration::from_millis(10);
                checkpoints.timeout = Duration::from_millis(60);
                checkpoints.tolerable_failures = u32::MAX;
            }
        });
        job.wait().unwrap();
        world.assert_exactly_once();
    });
}

#[test]
fn model_channels_that_never_wait_lose_nothing() {
    schedules(SCHEDULES, || {
        let world = World::failing_at(NUMBERS / 2);
        let job = world.start(|settings| {
            settings.restart = again(1);
            if let Some(checkpoints) = &mut settings.checkpoints {
                checkpoints.mode = CheckpointMode::AtLeastOnce;
            }
        });
        job.wait().unwrap();
        let mut found: Vec<u64> = world.committed.lock().unwrap().values().flatten().copied().collect();
        found.sort_unstable();
        for number in 0..NUMBERS {
            let times = found.iter().filter(|found| **found == number).count();
            assert!(times >= 2, "{number} came {times} times");
        }
    });
}

#[test]
fn model_a_handle_that_is_dropped_cancels_the_job() {
    schedules(SCHEDULES, || {
        let world = World::default();
        let shared = {
            let job = world.start(|_| {});
            job.shared.clone()
        };
        while shared.status() == JobStatus::Running {
            shuttle::thread::yield_now();
        }
        assert!(matches!(shared.status(), JobStatus::Canceled | JobStatus::Finished));
    });
}
