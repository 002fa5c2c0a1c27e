//! Topics in ranges of offsets: as Rdds, and in batches.

use std::path::Path;
use std::sync::{Arc, Mutex};

use millstream::connectors::kafka::{Kafka, KafkaSource, OffsetRange, Texts};
use millstream::dstream::{BatchOffsets, ManualClock, Stop, StreamingContext};
use millstream::rdd::Context;
use millstream::time::{Timestamp, seconds};
use rdkafka::producer::Producer;

use crate::cluster::{Written, broker, committed, send, topic, transaction, unique, widen, write};

fn texts(count: u64) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

fn feed(topic: &str, partition: i32, texts: &[String]) {
    write(&broker(), topic, texts.iter().map(|text| Written::new(partition, text)));
}

fn source(topic: &str) -> KafkaSource<Texts> {
    Kafka::read(broker()).topics([topic]).set("discovery-interval", "100 ms")
}

#[test]
fn ranges_are_partitions_of_an_rdd_and_read_as_often_as_they_are_asked_for() {
    let topic = topic("ranges", 2);
    feed(&topic, 0, &texts(5_000));
    feed(&topic, 1, &texts(10));
    let context = Context::builder().parallelism(2).build().unwrap();
    let ranges = [
        OffsetRange::new(&topic, 0, 100, 4_900),
        OffsetRange::new(&topic, 1, 3, 3),
        OffsetRange::new(&topic, 1, 8, 10),
    ];
    let rdd = context.kafka_ranges(&source(&topic).in_ranges(), &ranges).unwrap();
    let expected: Vec<String> = (100..4_900).chain(8..10).map(|n| n.to_string()).collect();
    for _ in 0..2 {
        assert_eq!(rdd.map(|text| text.to_string()).collect().unwrap(), expected);
    }
    assert_eq!(rdd.partitions(), 3);
}

#[test]
fn a_range_may_end_where_a_transaction_did() {
    let topic = topic("ranges-transactions", 1);
    let writer = transaction(&broker(), &unique("ranges"));
    send(&writer, &topic, texts(3).iter().map(|text| Written::new(0, text)));
    writer.commit_transaction(std::time::Duration::from_secs(30)).unwrap();
    let context = Context::new().unwrap();
    // Three records, and what says that they are committed.
    let rdd =
        context.kafka_ranges(&source(&topic).in_ranges(), &[OffsetRange::new(&topic, 0, 0, 4)]).unwrap();
    assert_eq!(rdd.count().unwrap(), 3);
}

#[test]
fn a_range_that_is_not_there_is_refused_by_what_is() {
    let topic = topic("ranges-wrong", 1);
    feed(&topic, 0, &texts(3));
    let (context, ranges) = (Context::new().unwrap(), source(&topic).in_ranges());
    for (wrong, said) in [
        (OffsetRange::new(&topic, 0, 1, 4), "it has those from 0 up to 3"),
        (OffsetRange::new(&topic, 1, 0, 1), "there is no partition 1"),
        (OffsetRange::new("there-is-none", 0, 0, 1), "there is no partition 0 of topic `there-is-none`"),
        (OffsetRange::new(&topic, 0, 2, 1), "is no range: it begins behind its end"),
    ] {
        let outcome = context.kafka_ranges(&ranges, &[wrong]).and_then(|rdd| rdd.count());
        let refused = outcome.unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

/// The records of a batch, in order, and its ranges.
type Seen = (Vec<String>, Vec<OffsetRange>);

/// A program that counts the records of a topic by value, and notes each batch with its ranges.
struct Batches {
    clock: ManualClock,
    batches: StreamingContext,
    seen: Arc<Mutex<Vec<Seen>>>,
    offsets: BatchOffsets,
}

fn program(source: KafkaSource<Texts>, at_most: Option<u64>, commit: bool) -> Batches {
    let (context, clock) = (Context::new().unwrap(), ManualClock::new(Timestamp::from_millis(0)));
    let batches = StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).build();
    let (stream, offsets) = batches.kafka_stream(source, at_most).unwrap();
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let (noted, told) = (seen.clone(), offsets.clone());
    stream.foreach_rdd_with_time(move |rdd, time| {
        let mut records = rdd.map(|text| text.to_string()).collect()?;
        records.sort();
        noted.lock().unwrap().push((records, told.of(time)));
        if commit { told.commit(time) } else { Ok(()) }
    });
    Batches { clock, batches, seen, offsets }
}

#[test]
fn each_batch_is_a_range_of_each_partition_within_the_limit_and_committed_after_its_output() {
    let (topic, group) = (topic("batches", 2), unique("group"));
    feed(&topic, 0, &texts(5));
    let program = program(source(&topic).set("group", &group), Some(3), true);
    program.batches.start().unwrap();
    program.clock.advance(seconds(2));
    program.batches.await_batches(2).unwrap();
    assert_eq!(committed(&broker(), &group, &topic, 0), Some(5));
    // A partition that comes later is read from its first record.
    widen(&broker(), &topic, 3);
    feed(&topic, 2, &texts(1));
    let (mut batch, mut found) = (2, false);
    while !found {
        program.clock.advance(seconds(1));
        batch += 1;
        program.batches.await_batches(batch).unwrap();
        found = program.seen.lock().unwrap().iter().any(|(records, _)| records == &["0"]);
    }
    let seen = program.seen.lock().unwrap().clone();
    assert_eq!(seen[0], (texts(3), vec![OffsetRange::new(&topic, 0, 0, 3)]));
    assert_eq!(seen[1], (vec!["3".into(), "4".into()], vec![OffsetRange::new(&topic, 0, 3, 5)]));
    assert_eq!(seen.last().unwrap().1, [OffsetRange::new(&topic, 2, 0, 1)]);
    assert_eq!(program.offsets.of(Timestamp::from_millis(1_000)), seen[0].1);
    program.batches.stop(Stop::Gracefully).unwrap();
}

#[test]
fn offsets_without_a_group_to_commit_them_to_end_the_program_with_what_to_do() {
    let topic = topic("batches-groupless", 1);
    feed(&topic, 0, &texts(1));
    let program = program(source(&topic), None, true);
    program.batches.start().unwrap();
    program.clock.advance(seconds(1));
    let refused = program.batches.await_termination().unwrap_err().to_string();
    assert!(
        refused.contains("there is no group to commit them to") && refused.contains(".set(\"group\""),
        "{refused}"
    );
}

/// Counts all records by state in batches; `Err` from an output where `fails` says so.
fn totals(topic: &str, folder: &Path, fails: bool) -> (ManualClock, StreamingContext, Arc<Mutex<Vec<u64>>>) {
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let noted = seen.clone();
    let batches = StreamingContext::get_or_create(folder, || {
        let context = Context::new()?;
        let batches = StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).build();
        let (stream, _) = batches.kafka_stream(source(topic), None)?;
        let totals = stream.map(|_| ((), 1_u64)).update_state_by_key(|new: Vec<u64>, total: Option<u64>| {
            Some(total.unwrap_or(0) + new.iter().sum::<u64>())
        });
        totals.foreach_rdd(move |rdd| {
            let total = rdd.collect()?.first().map_or(0, |(_, total)| *total);
            if fails && total > 3 {
                return Err(millstream::Failure::user("the output is full"));
            }
            noted.lock().unwrap().push(total);
            Ok(())
        });
        Ok(batches)
    })
    .unwrap();
    (clock, batches, seen)
}

#[test]
fn a_batch_that_was_not_done_is_processed_again_with_its_own_offsets() {
    let topic = topic("batches-again", 1);
    let folder = tempfile::tempdir().unwrap();
    feed(&topic, 0, &texts(3));
    let (clock, batches, seen) = totals(&topic, folder.path(), true);
    batches.start().unwrap();
    clock.advance(seconds(1));
    batches.await_batches(1).unwrap();
    feed(&topic, 0, &texts(4));
    clock.advance(seconds(1));
    let refused = batches.await_termination().unwrap_err().to_string();
    assert!(refused.contains("the output is full"), "{refused}");
    assert_eq!(*seen.lock().unwrap(), [3]);
    // What comes in between belongs to the next batch.
    feed(&topic, 0, &texts(5));
    let (clock, batches, seen) = totals(&topic, folder.path(), false);
    clock.advance(seconds(2));
    batches.start().unwrap();
    clock.advance(seconds(1));
    batches.await_batches(2).unwrap();
    assert_eq!(*seen.lock().unwrap(), [7, 12]);
    batches.stop(Stop::Now).unwrap();
}
