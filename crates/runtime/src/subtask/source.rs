//! A subtask that reads a source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::operator::{BarrierPass, Control, Wakeup};
use millstream_dataflow::source::{AnyReader, Polled};
use millstream_dataflow::state::OperatorSnapshot;
use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

use super::receiver::Clock;
use super::{Restored, TaskSetup, chain};
use crate::channel::{Meter, Wait};
use crate::control::{Happened, TaskOrder};
use crate::sync::atomic::Ordering;
use crate::sync::{RecvTimeoutError, TryRecvError, now, receive_until};

/// How long a reader may wait for its first record; also how late an order may be heard.
const PATIENCE: Duration = Duration::from_millis(10);
/// How soon a reader that has no split asks again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How soon a reader that has splits to read asks whether there are more.
const ASK_FOR_MORE: Duration = Duration::from_millis(200);
/// How often a reader is asked for its gauges.
const PUBLISH: Duration = Duration::from_secs(1);

/// Reads, drives the chain, until the job is finished or cancelled.
pub(super) fn run(setup: TaskSetup) -> Result<()> {
    let mut reader = chain::source_chain(&setup)?;
    let wakeup = Wakeup::default();
    let mut restored = Restored::new(&setup);
    reader.open(&mut setup.context(&wakeup, &mut restored))?;
    restored.tell();
    let clock = Clock::new(setup.plan.settings.flush_interval, wakeup);
    let head = setup.plan.chains[setup.id.chain].nodes[0].0 as usize;
    let meter = setup.counters.meter(setup.id);
    SourceTask {
        setup,
        meter,
        reader,
        clock,
        head,
        state: State::Reading,
        asked: false,
        asked_at: now(),
        published_at: now(),
        no_more: false,
    }
    .run()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// There may be something to read.
    Reading,
    /// There is no split to read; one may come.
    Waiting,
    /// No record follows.
    Ended,
    /// The job is done.
    Finished,
}

struct SourceTask {
    setup: TaskSetup,
    meter: Arc<Meter>,
    reader: Box<dyn AnyReader>,
    clock: Clock,
    head: usize,
    state: State,
    asked: bool,
    asked_at: Instant,
    published_at: Instant,
    no_more: bool,
}

impl SourceTask {
    fn run(mut self) -> Result<()> {
        while self.state != State::Finished {
            if self.setup.cancelled.load(Ordering::Relaxed) {
                return self.hear_the_last();
            }
            self.hear()?;
            if self.state == State::Reading {
                self.read()?;
            }
            self.publish();
            if let Some(mut due) = self.clock.due_tick() {
                self.reader.control(&mut due)?;
            }
            if self.clock.due_flush() {
                self.reader.control(&mut Control::Flush)?;
            }
        }
        Ok(())
    }

    fn publish(&mut self) {
        if now() >= self.published_at + PUBLISH {
            self.published_at = now();
            self.setup.counters.publish(self.head, self.setup.id.subtask, self.reader.gauges());
        }
    }

    fn read(&mut self) -> Result<()> {
        let patience = match self.clock.deadline() {
            Some(at) => at.saturating_duration_since(now()).min(PATIENCE),
            None => PATIENCE,
        };
        let before = now();
        match self.reader.poll(patience).map_err(|failure| self.place(failure))? {
            Polled::More => self.clock.records_came(),
            // It did no more than wait for something to read.
            Polled::Nothing => self.meter.waited(Wait::Input, now().saturating_duration_since(before)),
            Polled::NeedSplit => {
                self.state = State::Waiting;
                self.ask();
                return Ok(());
            }
        }
        if !self.no_more && self.reader.takes_more() && now() >= self.asked_at + ASK_FOR_MORE {
            self.ask();
        }
        Ok(())
    }

    fn ask(&mut self) {
        if !self.asked {
            (self.asked, self.asked_at) = (true, now());
            self.setup.events.send(Happened::NeedSplit(self.setup.id));
        }
    }

    /// Follows the orders that are there; waits for one where there is nothing else to do.
    fn hear(&mut self) -> Result<()> {
        loop {
            let order = if self.state == State::Reading {
                match self.setup.orders.try_recv() {
                    Ok(order) => order,
                    Err(TryRecvError::Empty) => return Ok(()),
                    Err(TryRecvError::Disconnected) => return Err(Failure::cancelled()),
                }
            } else {
                let waiting = self.meter.wait(Wait::Input);
                let heard = receive_until(&self.setup.orders, self.look_again());
                drop(waiting);
                match heard {
                    Ok(order) => order,
                    Err(RecvTimeoutError::Timeout) => {
                        if self.state == State::Waiting {
                            self.ask();
                        }
                        return Ok(());
                    }
                    Err(RecvTimeoutError::Disconnected) => return Err(Failure::cancelled()),
                }
            };
            self.follow(order)?;
            if self.state == State::Finished {
                return Ok(());
            }
        }
    }

    /// Takes note of what was said before everybody was sent away: that a checkpoint is complete, and that the job is done.
    fn hear_the_last(&mut self) -> Result<()> {
        while let Ok(order) = self.setup.orders.try_recv() {
            match order {
                TaskOrder::Completed(_) => self.follow(order)?,
                TaskOrder::Finish => return Ok(()),
                _ => {}
            }
        }
        Err(Failure::cancelled())
    }

    /// When to go on although no order came: for a tick, a flush, or to ask for a split.
    fn look_again(&self) -> Option<Instant> {
        let due = self.clock.deadline();
        if self.state != State::Waiting {
            return due;
        }
        let again = now() + ASK_AGAIN;
        Some(due.map_or(again, |due| due.min(again)))
    }

    fn follow(&mut self, order: TaskOrder) -> Result<()> {
        match order {
            TaskOrder::Split(split) => {
                self.asked = false;
                if matches!(self.state, State::Waiting | State::Reading) {
                    self.reader.add_split(&split).map_err(|failure| self.place(failure))?;
                    self.state = State::Reading;
                    if self.reader.takes_more() {
                        self.ask();
                    }
                }
            }
            TaskOrder::Wait => {
                self.asked = false;
                if self.state == State::Waiting {
                    self.reader.control(&mut Control::Idle)?;
                }
            }
            TaskOrder::NoMoreSplits if self.state == State::Reading => {
                (self.asked, self.no_more) = (false, true);
            }
            TaskOrder::NoMoreSplits => self.end(true, false)?,
            TaskOrder::Barrier(barrier) => {
                let mut pass = BarrierPass::new(barrier);
                let mut own = OperatorSnapshot::new();
                own.operator.push(self.reader.snapshot()?);
                pass.snapshots.push((self.setup.plan.uids[self.head].clone(), own));
                self.reader.control(&mut Control::Barrier(&mut pass))?;
                self.setup.snapshot_taken(pass, Duration::ZERO);
            }
            TaskOrder::Completed(checkpoint) => self.reader.on_checkpoint_complete(checkpoint)?,
            TaskOrder::Stop { drain } => self.end(drain, true)?,
            TaskOrder::Finish => self.state = State::Finished,
        }
        Ok(())
    }

    fn end(&mut self, drain: bool, cut: bool) -> Result<()> {
        if self.state == State::Ended {
            return Ok(());
        }
        if drain {
            self.reader.control(&mut Control::Watermark(Timestamp::MAX))?;
            self.reader.control(&mut Control::End)?;
        } else {
            self.reader.control(&mut Control::Flush)?;
        }
        self.state = State::Ended;
        self.setup.events.send(Happened::Ended { task: self.setup.id, cut });
        Ok(())
    }

    fn place(&self, failure: Failure) -> Failure {
        if failure.is_cancelled() {
            return failure;
        }
        let name = &self.setup.plan.graph.nodes()[self.head].name;
        failure.in_operator(name, &self.setup.plan.uids[self.head], self.setup.subtask())
    }
}
