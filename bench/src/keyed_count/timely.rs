//! timely dataflow: a source that gives runs of the input, an exchange by key, a table in each worker.
//!
//! The time type is `()`: nothing is asked for but the end, so progress is reported as seldom as it can be.

use std::sync::{Arc, Mutex, PoisonError};

use millstream::{Failure, Result};
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::Operator;
use timely::dataflow::operators::generic::operator::source;
use timely::dataflow::operators::vec::Map;
use timely::dataflow::{Scope, StreamVec};

use super::{Counts, next};
use crate::race::timed;
use crate::tally::Tally;

/// How many records the source gives before it lets the operators behind it work: few enough to be in the cache still.
const RUN: usize = 8 * 1024;

/// Counts at the end, and the seconds from starting the workers to joining them.
pub(super) fn count(input: &Arc<[u64]>, maps: usize, workers: usize) -> Result<(Counts, f64)> {
    let found = Arc::new(Mutex::new(Counts::new()));
    let (own, into) = (Arc::clone(input), Arc::clone(&found));
    let seconds = run(workers, move |scope, worker| {
        let (mut counts, into) = (Counts::new(), Arc::clone(&into));
        let keys = mapped(records(scope, &own, worker), maps);
        keys.sink(Exchange::new(|key: &u64| *key), "Count", move |(input, frontier)| {
            input.for_each_stamp(|_, batches| {
                for key in batches.flat_map(|batch| batch.drain(..)) {
                    *counts.entry(key).or_insert(0) += 1;
                }
            });
            if frontier.is_empty() {
                into.lock().unwrap_or_else(PoisonError::into_inner).extend(std::mem::take(&mut counts));
            }
        });
    })?;
    let counts = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((counts, seconds))
}

/// Every update sent on to a sink that adds up what it gets.
pub(super) fn update(input: &Arc<[u64]>, maps: usize, workers: usize) -> Result<(Tally, f64)> {
    let found = Arc::new(Mutex::new(Tally::default()));
    let (own, into) = (Arc::clone(input), Arc::clone(&found));
    let seconds = run(workers, move |scope, worker| {
        let (mut tally, into) = (Tally::default(), Arc::clone(&into));
        mapped(records(scope, &own, worker), maps)
            .unary(Exchange::new(|key: &u64| *key), "Count", |_, _| {
                let mut counts = Counts::new();
                move |input, output| {
                    input.for_each_stamp(|capability, batches| {
                        let mut session = output.session(&capability);
                        for key in batches.flat_map(|batch| batch.drain(..)) {
                            let count = counts.entry(key).or_insert(0);
                            *count += 1;
                            session.give((key, *count));
                        }
                    });
                }
            })
            .container::<Vec<(u64, u64)>>()
            .sink(Pipeline, "Tally", move |(input, frontier)| {
                input.for_each_stamp(|_, batches| batches.for_each(|batch| tally.add(batch)));
                if frontier.is_empty() {
                    into.lock().unwrap_or_else(PoisonError::into_inner).merge(std::mem::take(&mut tally));
                }
            });
    })?;
    let tally = *found.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((tally, seconds))
}

/// Which worker it is, of how many.
#[derive(Clone, Copy)]
struct Worker {
    index: usize,
    peers: usize,
}

/// Runs a dataflow on as many workers, and gives the seconds that took.
fn run(
    workers: usize,
    build: impl for<'scope> Fn(Scope<'scope, ()>, Worker) + Send + Sync + 'static,
) -> Result<f64> {
    let config = if workers == 1 { timely::Config::thread() } else { timely::Config::process(workers) };
    let failed = |cause: String| Failure::external("timely does not run").because(cause);
    let ((), seconds) = timed(|| {
        let workers = timely::execute(config, move |worker| {
            let own = Worker { index: worker.index(), peers: worker.peers() };
            worker.dataflow(|scope| build(scope, own));
        });
        workers.map_err(failed)?.join().into_iter().try_for_each(|ended| ended.map_err(failed))
    })?;
    Ok(seconds)
}

/// The worker's share of the input.
fn records<'scope>(
    scope: Scope<'scope, ()>,
    input: &Arc<[u64]>,
    worker: Worker,
) -> StreamVec<'scope, (), u64> {
    let input = Arc::clone(input);
    let at = |index: usize| input.len() * index / worker.peers;
    let (mut next, end) = (at(worker.index), at(worker.index + 1));
    source(scope, "Numbers", |capability, info| {
        let (activator, mut capability) = (scope.activator_for(info.address), Some(capability));
        move |output| {
            let until = end.min(next + RUN);
            if let Some(capability) = &capability {
                output.session(capability).give_iterator(input[next..until].iter().copied());
                activator.activate();
            }
            next = until;
            if next == end {
                capability = None;
            }
        }
    })
}

fn mapped(mut records: StreamVec<'_, (), u64>, maps: usize) -> StreamVec<'_, (), u64> {
    for _ in 0..maps {
        records = records.map_in_place(|n| *n = next(*n));
    }
    records
}
