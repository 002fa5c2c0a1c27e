//! The same as a timely dataflow, whose workers never sleep.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use ::timely::container::CapacityContainerBuilder;
use ::timely::dataflow::InputHandle;
use ::timely::dataflow::channels::pact::{Exchange, Pipeline};
use ::timely::dataflow::operators::{Input, Operator};
use ::timely::worker::Worker;
use hashbrown::HashMap;
use millstream::{Failure, Result};

use super::{Histogram, Number, Schedule, WORKERS, key};

/// Runs the dataflow; gives the latencies of its counted records.
pub(super) fn run(schedule: &Schedule) -> Result<Histogram> {
    let found = Arc::new(Mutex::new(Histogram::new()));
    let (schedule, all) = (schedule.clone(), found.clone());
    let work = move |worker: &mut Worker| {
        let own = one_worker(worker, &schedule);
        all.lock().unwrap_or_else(PoisonError::into_inner).merge(&own);
    };
    let workers = ::timely::Config::process(WORKERS as usize);
    let running = ::timely::execute(workers, work).map_err(Failure::internal)?;
    for ended in running.join() {
        ended.map_err(Failure::internal)?;
    }
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(found.clone())
}

fn one_worker(worker: &mut Worker, schedule: &Schedule) -> Histogram {
    let latencies = Rc::new(RefCell::new(Histogram::new()));
    let (own, clock) = (latencies.clone(), schedule.clone());
    let mut input = InputHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        let keyed = Exchange::new(|number: &Number| key(*number));
        scope
            .input_from(&mut input)
            .unary::<CapacityContainerBuilder<Vec<Number>>, _, _, _>(keyed, "count", |_, _| {
                let mut counts: HashMap<u64, u64> = HashMap::new();
                move |input, output| {
                    input.for_each(|time, data: &mut Vec<Number>| {
                        let mut session = output.session(&time);
                        for number in data.drain(..) {
                            *counts.entry(key(number)).or_default() += 1;
                            session.give(number);
                        }
                    });
                }
            })
            .sink(Pipeline, "measure", move |(input, _)| {
                input.for_each(|_, data: &mut Vec<Number>| {
                    let late = data.drain(..).filter_map(|number| clock.latency(number));
                    late.for_each(|nanos| own.borrow_mut().add(nanos));
                });
            });
    });
    let (mut next, peers) = (worker.index() as u64, worker.peers() as u64);
    while next < schedule.total() {
        let now = schedule.now();
        if schedule.due(next) <= now {
            while next < schedule.total() && schedule.due(next) <= now {
                input.send(next);
                next += peers;
            }
            // A new time lets out what is held back for the old one.
            input.advance_to(now + 1);
        }
        worker.step();
    }
    input.close();
    while worker.step() {}
    latencies.take()
}
