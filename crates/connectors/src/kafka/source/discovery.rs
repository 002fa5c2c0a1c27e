//! Finding partitions, and the offsets at which reading begins and ends, beside the job.
//!
//! Answers for questions to the cluster never holding up who asks for a split. Not for who reads what (`enumerator`).
//! Holds: a partition is told once; what is told has offsets, so that a restart begins where the first start did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result, Retry};
use millstream_model::settings::shown_duration;

use super::split::KafkaSplit;
use super::topics::{Plan, StartAt, StopAt};
use crate::kafka::native::{Client, Code, KafkaError, Kind, Partition, Properties};

/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How soon a question that nobody answered is asked again.
const AGAIN: Duration = Duration::from_millis(200);
/// How many times in a row a topic may not be there before it counts as deleted.
const MISSES: u32 = 3;

/// A partition, as a key.
pub(in crate::kafka) type Key = (String, i32);

/// What was found.
pub(in crate::kafka) enum Found {
    /// These partitions, which were not known before. Told first, also where there are none.
    Splits(Vec<KafkaSplit>, Vec<Key>),
    /// Nothing can be found any more.
    Failed(Failure),
}

/// The search, as who waits for its results has it. It ends when this is dropped.
pub(in crate::kafka) struct Search {
    pub(in crate::kafka) found: Receiver<Found>,
    _running: Sender<()>,
}

/// Begins to search. `known` partitions are not told; without them, this is the first start.
pub(in crate::kafka) fn search(
    servers: String,
    properties: &Properties,
    plan: Plan,
    known: Option<BTreeSet<Key>>,
) -> Result<Search> {
    let client = Client::new(Kind::Consumer, properties).map_err(super::refused)?;
    let (tell, found) = channel();
    let (running, stopped) = channel();
    let is_first = known.is_none();
    let known = known.unwrap_or_default();
    let searching = Searching { client, servers, plan, known, is_first, missed: BTreeMap::new() };
    let named = std::thread::Builder::new().name("kafka-discovery".into());
    named
        .spawn(move || searching.run(&tell, &stopped))
        .map_err(|error| Failure::external("no thread can be started").because(error))?;
    Ok(Search { found, _running: running })
}

struct Searching {
    client: Client,
    servers: String,
    plan: Plan,
    known: BTreeSet<Key>,
    is_first: bool,
    missed: BTreeMap<String, u32>,
}

/// Why a look gave nothing.
enum Miss {
    /// It may give something later.
    Later(KafkaError),
    Never(Failure),
}

impl Searching {
    fn run(mut self, tell: &Sender<Found>, stopped: &Receiver<()>) {
        let (mut answered, mut said) = (Instant::now(), None);
        loop {
            self.client.serve(Duration::ZERO);
            let wait = match self.look() {
                Ok((splits, keys)) => {
                    (answered, said) = (Instant::now(), None);
                    if tell.send(Found::Splits(splits, keys)).is_err() {
                        return;
                    }
                    self.is_first = false;
                    if self.plan.stop.is_some() || self.plan.interval.is_zero() {
                        return;
                    }
                    self.plan.interval
                }
                Err(Miss::Never(failure)) => {
                    let _ = tell.send(Found::Failed(failure));
                    return;
                }
                Err(Miss::Later(error)) => {
                    self.client.serve(Duration::ZERO);
                    // That all brokers are away says less than why one is.
                    let heard = self.client.take_error();
                    if heard
                        .as_ref()
                        .is_some_and(|heard| heard.code != Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
                    {
                        said = heard;
                    }
                    let limit =
                        if self.is_first { self.plan.start_timeout } else { self.plan.outage_timeout };
                    let refusal = said.as_ref().is_some_and(KafkaError::is_refusal);
                    if refusal || answered.elapsed() >= limit {
                        let cause = said.unwrap_or(error);
                        let _ = tell.send(Found::Failed(unreachable(&self.servers, limit, cause)));
                        return;
                    }
                    AGAIN
                }
            };
            if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// The partitions that were not known, and their keys; some of them need not be read at all.
    fn look(&mut self) -> Result<(Vec<KafkaSplit>, Vec<Key>), Miss> {
        let mut new = Vec::new();
        for (topic, partitions) in self.topics()? {
            for partition in 0..partitions {
                let key = (topic.clone(), partition);
                if self.plan.chosen.includes(&topic, partition) && !self.known.contains(&key) {
                    new.push(key);
                }
            }
        }
        if self.is_first && new.is_empty() && self.plan.stop.is_some() {
            return Err(Miss::Never(
                Failure::user("no partition of a topic is there to be read")
                    .advice("see that the names of topics and the partitions are right"),
            ));
        }
        let splits = self.placed(&new)?;
        self.known.extend(new.iter().cloned());
        Ok((splits, new))
    }

    fn topics(&mut self) -> Result<Vec<(String, i32)>, Miss> {
        let Some(names) = self.plan.chosen.names() else {
            let all = self.client.topics(None, ANSWER).map_err(judged)?;
            return Ok(all.into_iter().filter_map(|(name, count)| Some((name, count.ok()?))).collect());
        };
        let mut topics = Vec::new();
        for name in names {
            let told = self.client.topics(Some(name), ANSWER).map_err(judged)?;
            let count = told.into_iter().find(|(told, _)| told == name).map(|(_, count)| count);
            match count {
                Some(Ok(count)) => {
                    self.missed.remove(name);
                    topics.push((name.to_owned(), count));
                }
                Some(Err(error)) if error.is_missing() => {
                    let missed = self.missed.entry(name.to_owned()).or_default();
                    *missed += 1;
                    if self.is_first || *missed >= MISSES {
                        return Err(Miss::Never(missing(&self.servers, name, self.is_first)));
                    }
                }
                Some(Err(error)) => return Err(judged(error)),
                None => {}
            }
        }
        Ok(topics)
    }

    /// The splits of these partitions, but for those with nothing to read before their end.
    fn placed(&self, new: &[Key]) -> Result<Vec<KafkaSplit>, Miss> {
        let mut splits = Vec::new();
        for (topic, partition) in new {
            let Some(stop) = self.stop(topic, *partition)? else { continue };
            let next = self.start(topic, *partition)?;
            let split = KafkaSplit { topic: topic.clone(), partition: *partition, next, stop };
            if !split.is_done() {
                splits.push(split);
            }
        }
        Ok(splits)
    }

    fn start(&self, topic: &str, partition: i32) -> Result<i64, Miss> {
        let ends = self.client.watermarks(topic, partition, ANSWER).map_err(judged)?;
        // What comes into being while the job runs is read from its first record.
        let start = if self.is_first { &self.plan.start } else { &StartAt::Earliest };
        Ok(match start {
            StartAt::Earliest => ends.low,
            StartAt::Latest => ends.high,
            StartAt::Time(time) => self.at_time(topic, partition, time.millis())?.unwrap_or(ends.high),
            StartAt::Committed => self.committed(topic, partition)?.unwrap_or(ends.low).max(ends.low),
            StartAt::CommittedOrLatest => {
                self.committed(topic, partition)?.unwrap_or(ends.high).max(ends.low)
            }
            StartAt::CommittedOrFail => match self.committed(topic, partition)? {
                Some(offset) => offset.max(ends.low),
                None => {
                    let what =
                        format!("the group has committed nothing for topic {topic}, partition {partition}");
                    return Err(Miss::Never(
                        Failure::user(what)
                            .advice("see that the group's name is right, or begin where such partitions do: at the first")
                            .advice("record with StartAt::Committed, behind the last with StartAt::CommittedOrLatest"),
                    ));
                }
            },
            StartAt::Offsets(list) => {
                let given = list.iter().find(|(one, _)| one.topic == topic && one.partition == partition);
                let offset = given.map_or(ends.low, |(_, offset)| *offset);
                if !(ends.low..=ends.high).contains(&offset) {
                    return Err(Miss::Never(
                        Failure::user(format!(
                            "topic {topic}, partition {partition}, has no offset {offset} to start at"
                        ))
                        .advice(format!("it has those from {} up to {}", ends.low, ends.high)),
                    ));
                }
                offset
            }
        })
    }

    /// The offset before which reading ends, if it does; `None` where the partition is not read at all.
    fn stop(&self, topic: &str, partition: i32) -> Result<Option<Option<i64>>, Miss> {
        let high = || {
            let ends = self.client.watermarks(topic, partition, ANSWER);
            ends.map(|ends| ends.high).map_err(judged)
        };
        Ok(match &self.plan.stop {
            None => Some(None),
            Some(StopAt::Latest) => Some(Some(high()?)),
            Some(StopAt::Time(time)) => match self.at_time(topic, partition, time.millis())? {
                Some(offset) => Some(Some(offset)),
                None => Some(Some(high()?)),
            },
            Some(StopAt::Offsets(list)) => {
                let given = list.iter().find(|(one, _)| one.topic == topic && one.partition == partition);
                given.map(|(_, offset)| Some(*offset))
            }
        })
    }

    fn at_time(&self, topic: &str, partition: i32, millis: i64) -> Result<Option<i64>, Miss> {
        let asked = [Partition { topic: topic.to_owned(), partition, offset: millis }];
        let told = self.client.offsets_at(&asked, ANSWER).map_err(judged)?;
        Ok(told.first().map(|one| one.offset).filter(|offset| *offset >= 0))
    }

    fn committed(&self, topic: &str, partition: i32) -> Result<Option<i64>, Miss> {
        let asked = [Partition { topic: topic.to_owned(), partition, offset: 0 }];
        let told = self.client.committed(&asked, ANSWER).map_err(judged)?;
        Ok(told.first().map(|one| one.offset).filter(|offset| *offset >= 0))
    }
}

fn judged(error: KafkaError) -> Miss {
    if error.is_refusal() { Miss::Never(refusal(error)) } else { Miss::Later(error) }
}

fn refusal(error: KafkaError) -> Failure {
    Failure::user("Kafka refused what was asked of it")
        .because(error)
        .advice("see that user, password, certificates and rights are right")
}

pub(in crate::kafka) fn unreachable(servers: &str, limit: Duration, cause: KafkaError) -> Failure {
    if cause.is_refusal() {
        return refusal(cause);
    }
    Failure::external(format!("no Kafka broker at {servers} gave an answer for {}", shown_duration(limit)))
        .because(cause)
        .advice("see that brokers are up, that host and port are theirs, and that the setting `security` is theirs too")
        .advice("to wait longer: the settings `start-timeout` and `outage-timeout`")
}

pub(in crate::kafka) fn missing(servers: &str, topic: &str, is_first: bool) -> Failure {
    if is_first {
        return Failure::user(format!("there is no topic `{topic}` at {servers}"))
            .advice("create it, or mend its name; .pattern(...) waits for topics that come later");
    }
    Failure::external(format!("topic `{topic}` is no longer there: it was deleted while it was read"))
        .retry(Retry::No)
        .advice("what it still held is lost; create it again and start the job without its old offsets")
}
