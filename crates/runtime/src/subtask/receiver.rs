//! A subtask that receives from channels.

use std::time::{Duration, Instant};

use millstream_dataflow::exchange::Element;
use millstream_dataflow::graph::ChainHead;
use millstream_dataflow::operator::{BarrierPass, Control, Wakeup};
use millstream_model::error::Result;
use millstream_model::time::Timestamp;

use super::{Restored, TaskSetup, chain};
use crate::channel::{Alignment, Inbox, Progress, Received, Wait};
use crate::control::Happened;
use crate::settings::CheckpointMode;
use crate::sync::now;

/// Receives, drives the chain, until the job is finished or cancelled.
pub(super) fn run(setup: TaskSetup) -> Result<()> {
    let mut chain = chain::receiving_chain(&setup)?;
    let wakeup = Wakeup::default();
    let mut restored = Restored::new(&setup);
    chain.open(&mut setup.context(&wakeup, &mut restored))?;
    restored.tell();
    let inbox = setup.inbox()?;
    let channels = setup.plan.inputs[setup.id.chain][setup.id.subtask as usize];
    let mut receiver = Receiver {
        alignment: Alignment::new(channels),
        exactly_once: setup
            .plan
            .settings
            .checkpoints
            .as_ref()
            .is_none_or(|settings| settings.mode == CheckpointMode::ExactlyOnce),
        aligning: None,
        clock: Clock::new(setup.plan.settings.flush_interval, wakeup),
        inbox,
        setup,
    };
    let meter = receiver.setup.counters.meter(receiver.setup.id);
    let at_once = now();
    loop {
        let received = match receiver.inbox.receive(Some(at_once))? {
            Received::Nothing => {
                let _waiting = meter.wait(Wait::Input);
                receiver.inbox.receive(receiver.clock.deadline())?
            }
            received => received,
        };
        match received {
            Received::Element(channel, element) => receiver.take(&mut *chain, channel, element)?,
            Received::Nothing => {}
        }
        if let Some(mut due) = receiver.clock.due_tick() {
            chain.control(&mut due)?;
        }
        if receiver.clock.due_flush() {
            chain.control(&mut Control::Flush)?;
        }
    }
}

struct Receiver {
    setup: TaskSetup,
    inbox: std::sync::Arc<Inbox>,
    alignment: Alignment,
    exactly_once: bool,
    /// When the first of the barriers came that others are waited for.
    aligning: Option<Instant>,
    clock: Clock,
}

impl Receiver {
    fn take(&mut self, chain: &mut dyn ChainHead, channel: usize, element: Element) -> Result<()> {
        let progress = match element {
            Element::Batch(batch) => {
                self.alignment.on_records(channel);
                self.clock.records_came();
                return chain.batch(batch);
            }
            Element::Watermark(time) => self.alignment.on_watermark(channel, time),
            Element::Idle => self.alignment.on_idle(channel),
            Element::Barrier(barrier) => self.alignment.on_barrier(channel, barrier),
            Element::End => self.alignment.on_end(channel),
        };
        match progress {
            Progress::None => Ok(()),
            Progress::Watermark(time) => {
                self.clock.records_came();
                chain.control(&mut Control::Watermark(time))
            }
            Progress::Idle(reached) => {
                if let Some(time) = reached {
                    self.clock.records_came();
                    chain.control(&mut Control::Watermark(time))?;
                }
                chain.control(&mut Control::Idle)
            }
            Progress::Wait | Progress::WaitAnew => {
                if self.aligning.is_none() || progress == Progress::WaitAnew {
                    self.aligning = Some(now());
                }
                if self.exactly_once {
                    if progress == Progress::WaitAnew {
                        self.inbox.unblock_all();
                    }
                    self.inbox.set_blocked(channel, true);
                }
                Ok(())
            }
            Progress::Aligned(barrier) => {
                let aligned = now();
                let mut pass = BarrierPass::new(barrier);
                chain.control(&mut Control::Barrier(&mut pass))?;
                let began = self.aligning.take();
                let alignment = began.map_or(Duration::ZERO, |at| aligned.saturating_duration_since(at));
                self.setup.snapshot_taken(pass, alignment);
                self.inbox.unblock_all();
                Ok(())
            }
            Progress::End => {
                chain.control(&mut Control::End)?;
                self.setup.events.send(Happened::Ended { task: self.setup.id, cut: false });
                Ok(())
            }
        }
    }
}

/// When the next flush and the next tick are due.
pub(super) struct Clock {
    interval: Duration,
    flush_at: Option<Instant>,
    wakeup: Wakeup,
}

impl Clock {
    pub(super) fn new(interval: Duration, wakeup: Wakeup) -> Self {
        Self { interval, flush_at: None, wakeup }
    }

    /// Something went down the chain that may be held back there.
    pub(super) fn records_came(&mut self) {
        if self.flush_at.is_none() {
            self.flush_at = Some(now() + self.interval);
        }
    }

    /// When to look at the clock again, at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let next = self.wakeup.next();
        if next == Timestamp::MAX {
            return self.flush_at;
        }
        let tick_at = now() + next.since(Timestamp::now());
        Some(self.flush_at.map_or(tick_at, |flush_at| flush_at.min(tick_at)))
    }

    /// The tick that is due now, if one is.
    pub(super) fn due_tick(&self) -> Option<Control<'static>> {
        if self.wakeup.next() == Timestamp::MAX {
            return None;
        }
        let now = Timestamp::now();
        (self.wakeup.next() <= now).then(|| {
            self.wakeup.clear();
            Control::Tick(now)
        })
    }

    /// Whether a flush is due now.
    pub(super) fn due_flush(&mut self) -> bool {
        let due = self.flush_at.is_some_and(|at| self.interval.is_zero() || at <= now());
        if due {
            self.flush_at = None;
        }
        due
    }
}
