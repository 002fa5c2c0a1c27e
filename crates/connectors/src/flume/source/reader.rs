//! Reading what was taken in.
//!
//! Holds: polls return in time whatever the network does, which is other threads'; an address or a log that another process
//! still has is waited for.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_dataflow::source::{Polled, SourceGauge, SourceOutput, SourceReader};
use millstream_model::error::{Failure, Result, Unit};
use millstream_model::id::CheckpointId;
use millstream_model::settings::shown_duration;

use super::plan::{Plan, Way};
use super::split::FlumeSplit;
use super::{Bound, Decode};
use crate::flume::intake::{Bell, Intake, Outlet};
use crate::flume::listen::{self, Listener};
use crate::flume::log::{Log, LogPlace};
use crate::flume::pull::Puller;

/// How soon what another process has is tried again.
const AGAIN: Duration = Duration::from_millis(50);

pub(super) struct EventReader<D: Decode> {
    plan: Arc<Plan>,
    bound: Bound,
    decode: D,
    bell: Arc<Bell>,
    open: Vec<Open>,
    batch: Batch<D::Record>,
}

/// An address that is being read.
struct Open {
    split: FlumeSplit,
    shown: Arc<str>,
    /// How many events came, of this attempt.
    events: u64,
    state: State,
}

enum State {
    /// Not yet had; since when, and when it is tried next.
    Opening {
        since: Instant,
        next: Instant,
    },
    Running {
        intake: Arc<Intake>,
        outlet: Box<Outlet>,
        _way: Running,
    },
}

/// What brings events; ends when it is dropped.
enum Running {
    Listening(Listener),
    Pulling(#[expect(dead_code, reason = "held for its end")] Puller),
}

impl<D: Decode> EventReader<D> {
    pub(super) fn new(plan: Arc<Plan>, bound: Bound, decode: D) -> Self {
        Self { plan, bound, decode, bell: Arc::default(), open: Vec::new(), batch: Batch::default() }
    }
}

impl<D: Decode> SourceReader<D::Record, FlumeSplit> for EventReader<D> {
    fn add_split(&mut self, split: FlumeSplit) -> Result<()> {
        let shown = format!("Flume at {}", split.address).into();
        let now = Instant::now();
        self.open.push(Open { split, shown, events: 0, state: State::Opening { since: now, next: now } });
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, D::Record>, patience: Duration) -> Result<Polled> {
        if self.open.is_empty() {
            return Ok(Polled::NeedSplit);
        }
        let seen = self.bell.count();
        let mut any = false;
        for open in &mut self.open {
            open.try_open(&self.plan, &self.bell, &self.bound)?;
            any |= open.read(&self.decode, &mut self.batch, output)?;
        }
        if any {
            return Ok(Polled::More);
        }
        self.bell.wait(seen, patience);
        Ok(Polled::Nothing)
    }

    fn takes_more(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Vec<FlumeSplit> {
        let snapshot = |open: &mut Open| {
            if let State::Running { outlet, .. } = &mut open.state {
                let place = outlet.mark();
                if self.plan.log.is_some() {
                    open.split.place = Some(place);
                }
            }
            open.split.clone()
        };
        self.open.iter_mut().map(snapshot).collect()
    }

    fn gauges(&self) -> Vec<SourceGauge> {
        let of = |open: &Open| match &open.state {
            State::Running { intake, .. } => intake.counts.gauges(&open.split.address).collect(),
            State::Opening { .. } => Vec::new(),
        };
        self.open.iter().flat_map(of).collect()
    }

    fn on_checkpoint_complete(&mut self, _: CheckpointId) -> Result<()> {
        for open in &mut self.open {
            if let State::Running { intake, outlet, .. } = &mut open.state {
                outlet.complete(intake)?;
            }
        }
        Ok(())
    }
}

impl Open {
    fn read<D: Decode>(
        &mut self,
        decode: &D,
        batch: &mut Batch<D::Record>,
        output: &mut SourceOutput<'_, D::Record>,
    ) -> Result<bool> {
        let State::Running { intake, outlet, .. } = &mut self.state else { return Ok(false) };
        let (mut failed, mut number) = (None, self.events);
        let given = outlet.read(intake, DEFAULT_BATCH, |event| {
            number += 1;
            match decode.decode(event) {
                Ok(record) if failed.is_none() => batch.push(record),
                Ok(_) => {}
                Err(error) => drop(failed.get_or_insert((number, error))),
            }
        })?;
        if let Some((number, error)) = failed {
            batch.clear();
            let position = Origin::new(self.shown.clone(), Unit::Record, number, 1).position(0);
            return Err(Failure::user("an event cannot be decoded").because(error).at(position).advice(
                "to go on without such events: take them as they are (without .decode_with) and leave them out in the program",
            ));
        }
        batch.set_origin(Some(Origin::new(self.shown.clone(), Unit::Record, self.events + 1, given)));
        self.events = number;
        output.emit(batch)?;
        Ok(given > 0)
    }

    fn try_open(&mut self, plan: &Plan, bell: &Arc<Bell>, bound: &Bound) -> Result<()> {
        let State::Opening { since, next } = &mut self.state else { return Ok(()) };
        let now = Instant::now();
        if now < *next {
            return Ok(());
        }
        *next = now + AGAIN;
        let is_late = now.saturating_duration_since(*since) >= plan.start_timeout;
        let address = &self.split.address;
        let (intake, place) = match &plan.log {
            None => {
                let intake = Intake::queued(plan.at_once, bell, plan.memory, plan.answer_within);
                (intake, LogPlace::default())
            }
            Some(log) => {
                let folder = log.folder_of(address);
                let opened = Log::open(&folder, log.limits, self.split.place, log.on_lost, bell)?;
                match opened {
                    Some((log, place)) => (Intake::logged(log, plan.memory, plan.answer_within), place),
                    None if is_late => {
                        let what = format!("another process has the log in {}", folder.display());
                        return Err(Failure::user(what)
                            .advice("end that process, or name another folder by the setting `log`"));
                    }
                    None => return Ok(()),
                }
            }
        };
        let intake = Arc::new(intake);
        let way = match &plan.way {
            Way::Listen(limits) => match Listener::open(&listen::local(address)?, *limits, intake.clone()) {
                Ok(listener) => {
                    bound.note(address, listener.address());
                    Running::Listening(listener)
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse && !is_late => return Ok(()),
                Err(error) => {
                    let waited = shown_duration(plan.start_timeout);
                    let failure = Failure::external(format!("cannot listen at {address}")).because(error);
                    return Err(if is_late {
                        failure.advice(format!(
                            "tried for {waited}, see start-timeout; another process has the port"
                        ))
                    } else {
                        failure.advice("give an address of this machine and a port that this user may have")
                    });
                }
            },
            Way::Pull(settings) => Running::Pulling(Puller::start(address, settings, intake.clone())?),
        };
        let outlet = Box::new(Outlet::new(place, plan.log.as_ref().map_or(1, |log| log.keep)));
        self.state = State::Running { intake, outlet, _way: way };
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Listening(listener) = self {
            tracing::debug!(address = %listener.address(), "Flume's port is closed");
        }
    }
}
