//! Gathering records, and sending them until they are taken.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::Cancelled;
use millstream_dataflow::sink::SinkWriter;
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use millstream_model::settings::shown_duration;

use super::answer::Answer;
use super::body::{Compose, Encode, Gathered};
use super::client::Client;
use super::patience::Patience;

/// How a request's body comes about.
pub(super) enum Body<T> {
    Each(Arc<Encode<T>>, Gathered),
    Whole(Arc<Compose<T>>, Vec<T>),
}

/// What holds for requests.
#[derive(Clone)]
pub(super) struct Limits {
    pub(super) records: u32,
    pub(super) bytes: usize,
    pub(super) first_delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) give_up: Duration,
}

pub(super) struct Writer<T> {
    client: Client,
    shown: String,
    limits: Limits,
    cancelled: Cancelled,
    body: Body<T>,
    /// What makes the keys of this writer's batches unlike those of any other.
    own: String,
    batches: u64,
}

/// A number that nobody can foresee.
pub(super) fn unforeseeable() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

impl<T> Writer<T> {
    pub(super) fn new(
        client: Client,
        shown: String,
        limits: Limits,
        cancelled: Cancelled,
        body: Body<T>,
    ) -> Self {
        let own = format!("{:016x}{:016x}", unforeseeable(), unforeseeable());
        Self { client, shown, limits, cancelled, body, own, batches: 0 }
    }

    fn put(&mut self, record: T) -> Result<()> {
        match &mut self.body {
            Body::Whole(_, records) => {
                records.push(record);
                if records.len() >= self.limits.records as usize {
                    self.send()?;
                }
            }
            Body::Each(encode, gathered) => {
                let mut bytes = Vec::new();
                encode(record, &mut bytes).map_err(|error| {
                    Failure::user("a record cannot be made a part of a request").because(error)
                })?;
                if gathered.records > 0 && gathered.bytes.len() + bytes.len() > self.limits.bytes {
                    self.send()?;
                }
                if let Body::Each(_, gathered) = &mut self.body {
                    gathered.put(&bytes);
                    if gathered.records >= self.limits.records {
                        self.send()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends what is gathered until it is taken.
    fn send(&mut self) -> Result<()> {
        let body = match &mut self.body {
            Body::Each(_, gathered) if gathered.records == 0 => return Ok(()),
            Body::Each(_, gathered) => gathered.finish(),
            Body::Whole(_, records) if records.is_empty() => return Ok(()),
            Body::Whole(compose, records) => {
                let body = compose(records)
                    .map_err(|error| Failure::user("the body of a request cannot be made").because(error))?;
                records.clear();
                body
            }
        };
        self.batches += 1;
        let key = format!("{}-{}", self.own, self.batches);
        let limits = &self.limits;
        let mut patience = Patience::new(limits.first_delay, limits.max_delay, limits.give_up);
        loop {
            let answer = self.client.send(&body, &key);
            // Whatever came of it: a job that is being stopped waits for nothing.
            self.cancelled.wait(Duration::ZERO)?;
            let (why, asked) = match answer? {
                Answer::Taken => return Ok(()),
                Answer::Never(failure) => return Err(*failure),
                Answer::Later(why, asked) => (why, asked),
            };
            let Some(wait) = patience.wait(asked) else {
                let (limit, attempts) = (shown_duration(limits.give_up), patience.attempts);
                let asked = asked.map(|asked| format!(", and asks for {} of rest", shown_duration(asked)));
                let what = format!(
                    "{} did not take a batch within {limit}, in {attempts} attempts{}",
                    self.shown,
                    asked.unwrap_or_default()
                );
                return Err(Failure::external(what).because(why).advice(
                    "see that the server is up; to wait longer: give-up-after. A job with checkpoints and a restart strategy \
                     sends again from the last checkpoint",
                ));
            };
            tracing::warn!(server = self.shown, why, next_in = ?wait, "a batch was not taken, trying again");
            self.cancelled.wait(wait)?;
        }
    }
}

impl<T> SinkWriter<T, (), ()> for Writer<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        for record in batch.drain() {
            self.put(record)?;
        }
        batch.clear();
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.send()
    }

    fn prepare(&mut self, _: CheckpointId) -> Result<Vec<()>> {
        self.send()?;
        Ok(Vec::new())
    }

    fn on_end(&mut self) -> Result<()> {
        self.send()
    }
}
