//! Cutting what has come since the last cut.

use std::collections::BTreeMap;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};

use super::OffsetRange;
use crate::kafka::native::{Client, KafkaError, Kind, Partition, Properties, Watermarks};
use crate::kafka::source::discovery::{Found, Search, missing, search, unreachable};
use crate::kafka::source::topics::Plan;
use crate::kafka::source::{Decode, KafkaSource, refused};

/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(2);

/// Knows how far each partition was cut.
pub struct RangeCutter {
    client: Client,
    search: Option<Search>,
    servers: String,
    plan: Plan,
    has_group: bool,
    properties: Properties,
    standing: BTreeMap<(String, i32), Standing>,
    has_looked: bool,
    /// Since when brokers have given no answer.
    silent_since: Option<Instant>,
}

struct Standing {
    next: i64,
    stop: Option<i64>,
}

impl std::fmt::Debug for RangeCutter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RangeCutter").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl RangeCutter {
    pub(in crate::kafka) fn new<D: Decode>(source: &KafkaSource<D>) -> Result<Self> {
        source.check()?;
        let properties = source.settings.reading()?;
        let client = Client::new(Kind::Consumer, &properties).map_err(refused)?;
        Ok(Self {
            client,
            search: None,
            servers: source.settings.servers.clone(),
            plan: source.plan()?,
            has_group: source.has_group()?,
            properties,
            standing: BTreeMap::new(),
            has_looked: false,
            silent_since: None,
        })
    }

    /// Goes on behind where an earlier process stood; partitions that it did not know begin at their first record.
    pub fn resume(&mut self, standing: impl IntoIterator<Item = OffsetRange>) {
        for range in standing {
            let standing = Standing { next: range.until, stop: None };
            self.standing.insert((range.topic, range.partition), standing);
        }
        self.has_looked = true;
    }

    /// Begins to look for partitions, and waits until those that there are were found.
    ///
    /// # Errors
    /// There is no such topic, or no broker within the setting `start-timeout`; or what is asked for is refused.
    pub fn start(&mut self) -> Result<()> {
        let known = self.has_looked.then(|| self.standing.keys().cloned().collect());
        let search = search(self.servers.clone(), &self.properties, self.plan.clone(), known)?;
        self.search = Some(search);
        while !self.has_looked && self.search.is_some() {
            self.hear(ANSWER)?;
        }
        Ok(())
    }

    fn hear(&mut self, patience: Duration) -> Result<()> {
        let mut patience = patience;
        while let Some(search) = &self.search {
            match search.found.recv_timeout(patience) {
                Ok(Found::Splits(splits, _)) => {
                    self.has_looked = true;
                    patience = Duration::ZERO;
                    for split in splits {
                        let standing = Standing { next: split.next, stop: split.stop };
                        self.standing.entry((split.topic, split.partition)).or_insert(standing);
                    }
                }
                Ok(Found::Failed(failure)) => {
                    self.search = None;
                    return Err(failure);
                }
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => self.search = None,
            }
        }
        Ok(())
    }

    /// What has come since the last cut, of each partition no more than `most` offsets; partitions of which nothing has
    /// come are left out. A broker that is away for a while has nothing new.
    ///
    /// # Errors
    /// A topic is gone, or no broker has given an answer for as long as the setting `outage-timeout` says.
    pub fn cut(&mut self, most: Option<u64>) -> Result<Vec<OffsetRange>> {
        self.hear(Duration::ZERO)?;
        let mut ranges = Vec::new();
        for ((topic, partition), standing) in &mut self.standing {
            let ends = match ends(&self.client, topic, *partition) {
                Ok(ends) => ends,
                Err(error) if error.is_missing() => {
                    return Err(missing(&self.servers, topic, false).because(error));
                }
                Err(error) => {
                    silent(
                        &mut self.silent_since,
                        &self.servers,
                        self.plan.outage_timeout,
                        &self.client,
                        error,
                    )?;
                    // Who does not answer for one partition does not for the next, and a batch is to be cut in time.
                    break;
                }
            };
            self.silent_since = None;
            if ends.high < standing.next {
                return Err(Failure::user(format!(
                    "topic {topic}, partition {partition}, ends at offset {}, and was read up to {}",
                    ends.high, standing.next
                ))
                .advice("it was deleted and made again: start without the checkpoint"));
            }
            let end = ends.high.min(standing.stop.unwrap_or(i64::MAX));
            let limit = most.map_or(i64::MAX, |most| {
                standing.next.saturating_add(i64::try_from(most).unwrap_or(i64::MAX))
            });
            let until = end.min(limit);
            if until > standing.next {
                ranges.push(OffsetRange::new(topic.clone(), *partition, standing.next, until));
                standing.next = until;
            }
        }
        Ok(ranges)
    }

    /// Where each partition stands: ranges that end there, and are empty.
    pub fn standing(&self) -> Vec<OffsetRange> {
        let standing = self.standing.iter();
        standing
            .map(|((topic, partition), at)| OffsetRange::new(topic.clone(), *partition, at.next, at.next))
            .collect()
    }

    /// Tells the group that all up to the ends of these ranges is done with.
    ///
    /// # Errors
    /// There is no group, or no broker took it.
    pub fn commit(&self, ranges: &[OffsetRange]) -> Result<()> {
        if !self.has_group {
            return Err(Failure::user(
                "offsets are to be committed, and there is no group to commit them to",
            )
            .advice("name it: .set(\"group\", \"reports\")"));
        }
        let done: Vec<_> = ranges
            .iter()
            .map(|range| Partition {
                topic: range.topic.clone(),
                partition: range.partition,
                offset: range.until,
            })
            .collect();
        if done.is_empty() {
            return Ok(());
        }
        self.client.commit(&done, ANSWER).map_err(|error| {
            Failure::external(format!("offsets could not be committed to Kafka at {}", self.servers))
                .because(error)
        })
    }
}

/// The offsets that a partition has. One that was just added is known once the topic is asked about.
fn ends(client: &Client, topic: &str, partition: i32) -> Result<Watermarks, KafkaError> {
    match client.watermarks(topic, partition, ANSWER) {
        Err(error) if error.is_missing() => {
            client.topics(Some(topic), ANSWER)?;
            client.watermarks(topic, partition, ANSWER)
        }
        told => told,
    }
}

fn silent(
    since: &mut Option<Instant>,
    servers: &str,
    limit: Duration,
    client: &Client,
    error: KafkaError,
) -> Result<()> {
    let begun = *since.get_or_insert_with(Instant::now);
    if error.is_refusal() || begun.elapsed() >= limit {
        return Err(unreachable(servers, limit, client.take_error().unwrap_or(error)));
    }
    tracing::warn!(%error, "Kafka gives no answer; the batch is cut without what is new there");
    Ok(())
}
