//! Which subtask gets which record.

use std::collections::{BTreeMap, BTreeSet};

use millstream::connectors::discard::Discard;
use millstream::{BoxError, DataStream, ProcessContext, ProcessFunction, StreamEnvironment};
use serde::{Deserialize, Serialize};

use super::{refusal, sorted};

/// A record's way: the subtask that sent it, and the one that got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Way {
    number: u64,
    from: u32,
    to: u32,
}

/// Notes which subtask it runs in as the sender.
struct Sender;

impl ProcessFunction<u64, Way> for Sender {
    fn process(&mut self, number: u64, context: &mut ProcessContext<'_, Way>) -> Result<(), BoxError> {
        context.emit(Way { number, from: context.subtask().index, to: u32::MAX });
        Ok(())
    }
}

/// Notes which subtask it runs in as the receiver.
struct Receiver;

impl ProcessFunction<Way, Way> for Receiver {
    fn process(&mut self, way: Way, context: &mut ProcessContext<'_, Way>) -> Result<(), BoxError> {
        context.emit(Way { to: context.subtask().index, ..way });
        Ok(())
    }
}

/// The ways of the numbers from 0 to 99 from `senders` subtasks, half or a quarter in each, to `receivers`.
fn ways(
    senders: u32,
    receivers: u32,
    partition: impl FnOnce(&DataStream<Way>) -> DataStream<Way>,
) -> Vec<Way> {
    let env = StreamEnvironment::new();
    let sent = env.from_sequence(0, 99).rebalance().process(|| Sender).name("send").parallelism(senders);
    sorted(&partition(&sent).process(|| Receiver).name("receive").parallelism(receivers))
}

/// How many records each receiver got.
fn shares(ways: &[Way]) -> BTreeMap<u32, usize> {
    let mut shares = BTreeMap::new();
    ways.iter().for_each(|way| *shares.entry(way.to).or_default() += 1);
    shares
}

fn numbers(ways: &[Way]) -> Vec<u64> {
    ways.iter().map(|way| way.number).collect()
}

fn pairs(ways: &[Way]) -> BTreeSet<(u32, u32)> {
    ways.iter().map(|way| (way.from, way.to)).collect()
}

#[test]
fn rebalance_gives_every_receiver_its_turn() {
    let ways = ways(2, 4, DataStream::rebalance);
    assert_eq!(numbers(&ways), (0..100).collect::<Vec<_>>());
    let shares = shares(&ways);
    assert!(shares.len() == 4 && shares.values().all(|share| (24..=26).contains(share)), "{shares:?}");
    assert_eq!(pairs(&ways).len(), 8, "each sender reaches each receiver");
}

#[test]
fn rescale_gives_turns_to_the_receivers_beside_the_sender_only() {
    let spread = ways(2, 4, DataStream::rescale);
    assert_eq!(pairs(&spread), BTreeSet::from([(0, 0), (0, 1), (1, 2), (1, 3)]));
    assert_eq!(shares(&spread), BTreeMap::from([(0, 25), (1, 25), (2, 25), (3, 25)]));
    let gathered = ways(4, 2, DataStream::rescale);
    assert_eq!(pairs(&gathered), BTreeSet::from([(0, 0), (1, 0), (2, 1), (3, 1)]));
    assert_eq!(numbers(&gathered), (0..100).collect::<Vec<_>>());
}

#[test]
fn rescale_reaches_every_receiver_where_the_numbers_do_not_divide() {
    for (senders, receivers) in [(2, 3), (3, 2), (3, 5), (5, 3)] {
        let ways = ways(senders, receivers, DataStream::rescale);
        assert_eq!(numbers(&ways), (0..100).collect::<Vec<_>>());
        assert_eq!(shares(&ways).len(), receivers as usize, "{senders} to {receivers}");
    }
}

#[test]
fn broadcast_gives_every_receiver_every_record() {
    let ways = ways(2, 3, DataStream::broadcast);
    assert_eq!(numbers(&ways), (0..100).flat_map(|n| [n; 3]).collect::<Vec<_>>());
    assert_eq!(shares(&ways), BTreeMap::from([(0, 100), (1, 100), (2, 100)]));
}

#[test]
fn global_gives_the_first_receiver_everything() {
    assert_eq!(shares(&ways(2, 3, DataStream::global)), BTreeMap::from([(0, 100)]));
}

#[test]
fn shuffle_gives_every_receiver_some_and_not_in_turn() {
    let shuffled = ways(2, 3, DataStream::shuffle);
    assert_eq!(numbers(&shuffled), (0..100).collect::<Vec<_>>());
    let shares = shares(&shuffled);
    assert!(shares.len() == 3 && shares.values().all(|share| *share >= 10), "{shares:?}");
    assert_ne!(shuffled, ways(2, 3, DataStream::rebalance));
}

#[test]
fn forward_keeps_every_record_in_the_subtask_of_its_number() {
    let ways = ways(3, 3, DataStream::forward);
    assert_eq!(pairs(&ways), BTreeSet::from([(0, 0), (1, 1), (2, 2)]));
}

#[test]
fn forward_between_different_numbers_of_subtasks_is_refused() {
    let env = StreamEnvironment::new();
    let sent = env.from_sequence(0, 9).rebalance().process(|| Sender).name("send").parallelism(2);
    sent.forward().process(|| Receiver).name("receive").parallelism(3).sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("from operator `send` with 2 subtasks to `receive` with 3"), "{error}");
    assert!(error.contains("rebalance() or rescale()"), "{error}");
}

#[test]
fn where_nothing_is_said_records_are_forwarded_or_sent_in_turn() {
    let kept = ways(2, 2, DataStream::clone);
    assert_eq!(pairs(&kept), BTreeSet::from([(0, 0), (1, 1)]));
    let spread = shares(&ways(2, 3, DataStream::clone));
    assert!(spread.len() == 3 && spread.values().all(|share| (32..=35).contains(share)), "{spread:?}");
}

#[test]
fn a_custom_partitioner_is_given_the_number_of_receivers_and_chooses_among_them() {
    let ways =
        ways(2, 3, |sent| sent.partition_custom(|way, receivers| (way.number % 10) as usize % receivers));
    assert!(ways.iter().all(|way| u64::from(way.to) == way.number % 10 % 3), "{ways:?}");
}

#[test]
fn a_custom_partitioner_that_chooses_nobody_fails_the_job_with_what_there_is() {
    let env = StreamEnvironment::new();
    let chosen = env.from_sequence(0, 9).map(|n| n).name("send").partition_custom(|n, _| *n as usize);
    chosen.map(|n| n).parallelism(3).sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("custom partitioner chose subtask 3, but there are 3 (0 to 2)"), "{error}");
}

#[test]
fn a_key_is_always_in_the_same_subtask() {
    let env = StreamEnvironment::new();
    let keyed =
        env.from_sequence(0, 999).rebalance().process(|| Sender).parallelism(2).key_by(|way| way.number % 10);
    let ways = sorted(&keyed.process(|| KeyedReceiver).parallelism(3));
    let owners: BTreeSet<(u64, u32)> = ways.iter().map(|way| (way.number % 10, way.to)).collect();
    assert_eq!((ways.len(), owners.len()), (1_000, 10));
}

/// As [`Receiver`], behind a key.
struct KeyedReceiver;

impl millstream::KeyedProcessFunction<u64, Way, Way> for KeyedReceiver {
    fn process(
        &mut self,
        way: Way,
        context: &mut millstream::KeyedContext<'_, u64, Way>,
    ) -> Result<(), BoxError> {
        context.emit(Way { to: context.subtask().index, ..way });
        Ok(())
    }
}

#[test]
fn a_union_of_several_streams_has_the_records_of_all() {
    let env = StreamEnvironment::new();
    let [a, b, c] = [(0, 9), (10, 19), (20, 29)].map(|(from, to)| env.from_sequence(from, to));
    let all = a.union(&b).union(&c.filter(|n| n % 2 == 0)).map(|n| n).parallelism(2);
    assert_eq!(sorted(&all), (0..20).chain([20, 22, 24, 26, 28]).collect::<Vec<_>>());
}
