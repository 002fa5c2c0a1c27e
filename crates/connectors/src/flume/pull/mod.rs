//! Pulling events out of agents, which have the sink that Spark brings for Flume.
//!
//! Answers for asking, and for telling the agent what became of each batch. Not for where events go (`intake`).
//! Holds: a batch is acknowledged once it is safe, and given back where there was no room for it; what is neither, the
//! agent gives again.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};
use millstream_model::settings::shown_duration;

pub(super) use super::client::check_address;
use super::client::{AvroClient, CallError, Wait, dial};
use super::intake::{Intake, Taken};
use super::wire::packed::Packed;

/// The first wait after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);
/// How long a batch may take to be given back while the job is being stopped.
const FAREWELL: Duration = Duration::from_millis(300);

/// How to pull.
#[derive(Clone, Copy, Debug)]
pub(super) struct PullSettings {
    pub(super) batch: u32,
    pub(super) requests: usize,
    pub(super) frame_max: usize,
    pub(super) request_timeout: Duration,
    pub(super) start_timeout: Duration,
    pub(super) outage_timeout: Duration,
}

/// Threads that pull from one agent, until it is dropped.
pub(super) struct Puller {
    intake: Arc<Intake>,
}

impl Puller {
    /// Begins.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(super) fn start(address: &str, settings: &PullSettings, intake: Arc<Intake>) -> Result<Self> {
        let answered = Arc::new(Mutex::new(Answered { ever: false, at: Instant::now() }));
        for number in 1..=settings.requests {
            let mut thread = Thread {
                address: address.to_owned(),
                settings: *settings,
                intake: intake.clone(),
                answered: answered.clone(),
                events: Packed::default(),
            };
            let spawned = std::thread::Builder::new()
                .name(format!("flume {address} {number}"))
                .spawn(move || thread.run());
            spawned.map_err(|error| Failure::external("no thread can be started").because(error))?;
        }
        Ok(Self { intake })
    }
}

impl Drop for Puller {
    fn drop(&mut self) {
        self.intake.stop();
    }
}

/// When the agent last answered any of its threads.
struct Answered {
    ever: bool,
    at: Instant,
}

struct Thread {
    address: String,
    settings: PullSettings,
    intake: Arc<Intake>,
    answered: Arc<Mutex<Answered>>,
    events: Packed,
}

impl Thread {
    fn run(&mut self) {
        let mut pause = FIRST_PAUSE;
        while !self.intake.is_stopped() {
            let Err(error) = self.pull(&mut pause) else { continue };
            if matches!(error, CallError::Over) || self.intake.is_stopped() {
                return;
            }
            let (ever, since) = {
                let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
                (answered.ever, answered.at.elapsed())
            };
            let (limit, setting) = match ever {
                true => (self.settings.outage_timeout, "outage-timeout"),
                false => (self.settings.start_timeout, "start-timeout"),
            };
            if since >= limit {
                let what = format!("no events can be pulled from the Flume agent at {}", self.address);
                self.intake.fail(Failure::external(what).because(error.to_string()).advice(format!(
                    "tried for {}, see {setting}; see that the agent is up and that its sink is of type \
                         org.apache.spark.streaming.flume.sink.SparkSink, with this port",
                    shown_duration(limit)
                )));
                return;
            }
            tracing::warn!(agent = %self.address, %error, again_in = ?pause, "no events from a Flume agent");
            let until = Instant::now() + pause;
            while Instant::now() < until && !self.intake.is_stopped() {
                std::thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Pulls over one connection until that fails.
    fn pull(&mut self, pause: &mut Duration) -> Result<(), CallError> {
        let (intake, address, settings) = (self.intake.clone(), self.address.clone(), self.settings);
        let mut client = AvroClient::to_spark(dial(&address)?, settings.frame_max);
        let is_over = || intake.is_stopped();
        let wait = Wait { timeout: settings.request_timeout, is_over: &is_over };
        while !intake.is_stopped() {
            self.events.clear();
            let pulled = match client.pull(settings.batch, &mut self.events, wait) {
                // An agent that has no events may wait for some; a connection that is dead looks the same.
                Err(CallError::Silent(_)) => return Ok(()),
                pulled => pulled?,
            };
            self.note_answer();
            *pause = FIRST_PAUSE;
            if !pulled.error.is_empty() || pulled.sequence.is_empty() {
                // There is nothing for now.
                continue;
            }
            let taken = intake.take(&mut self.events, &|| false);
            if taken == Taken::No {
                tracing::warn!(agent = %address, "a batch was given back to its agent for want of room");
            }
            let farewell = Wait { timeout: FAREWELL, is_over: &|| false };
            let wait = if taken == Taken::Over { farewell } else { wait };
            client.settle(&pulled.sequence, taken == Taken::Yes, wait)?;
        }
        Ok(())
    }

    fn note_answer(&self) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        *answered = Answered { ever: true, at: Instant::now() };
    }
}
