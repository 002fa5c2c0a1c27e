//! How many partitions topics have, for who chooses among them.
//!
//! Holds: a number is at most a minute old, or as old as the last time that brokers could be asked.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use millstream_dataflow::operator::Cancelled;
use millstream_model::error::{Failure, Result};

use crate::kafka::native::Client;

/// How long a number is believed.
const KEPT: Duration = Duration::from_secs(60);
/// How long one question may take, between two looks at whether the job is cancelled.
const ANSWER: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Default)]
pub(super) struct Partitions(HashMap<String, (i32, Instant)>);

impl Partitions {
    /// The number of a topic's partitions.
    ///
    /// # Errors
    /// If the topic is not there, or no broker has answered for so long, or the job is cancelled.
    pub(super) fn of(
        &mut self,
        topic: &str,
        client: &Client,
        limit: Duration,
        cancelled: &Cancelled,
    ) -> Result<i32> {
        let known = self.0.get(topic).copied();
        if let Some((count, _)) = known.filter(|(_, since)| since.elapsed() < KEPT) {
            return Ok(count);
        }
        let begun = Instant::now();
        loop {
            let told = client.topics(Some(topic), ANSWER).and_then(|topics| {
                topics.into_iter().find(|(name, _)| name == topic).map_or(Ok(0), |(_, count)| count)
            });
            let error = match told {
                Ok(count) if count > 0 => {
                    self.0.insert(topic.to_owned(), (count, Instant::now()));
                    return Ok(count);
                }
                Ok(_) => None,
                Err(error) if error.is_missing() => {
                    return Err(Failure::user(format!(
                        "there is no topic `{topic}` to choose a partition of"
                    ))
                    .because(error)
                    .advice("create it, or mend its name"));
                }
                Err(error) => Some(error),
            };
            if let Some((count, _)) = known {
                // Topics are not narrowed: what was known holds until brokers answer again.
                self.0.insert(topic.to_owned(), (count, Instant::now()));
                return Ok(count);
            }
            cancelled.wait(Duration::from_millis(20))?;
            if begun.elapsed() >= limit {
                let failure = Failure::external(format!("no broker tells how many partitions `{topic}` has"));
                return Err(match error {
                    Some(error) => failure.because(error),
                    None => failure,
                });
            }
        }
    }
}
