//! What the source reads.

use std::cell::Cell;
use std::time::{Duration, Instant};

use millstream::connectors::kafka::{
    Kafka, KafkaRecord, KafkaSource, OnPoison, StartAt, StopAt, Texts, TopicPartition,
};
use millstream::source::Source;
use millstream::{CheckpointSettings, StreamEnvironment, Text};
use millstream_testkit::conformance::{Run, check_idle, check_source};

use crate::cluster::{self, Written, broker, topic, write};

fn source(topic: &str) -> KafkaSource<Texts> {
    Kafka::read(broker()).topics([topic])
}

/// All records of a source that ends, in their order where it is read by one subtask.
fn all<S: Source>(source: &S, readers: u32) -> Vec<S::Record> {
    let mut run = Run::open(source, readers, None).unwrap();
    while run.step().unwrap() {}
    run.take()
}

fn numbers(topic: &str, of: impl IntoIterator<Item = u32>, partitions: i32) {
    let texts: Vec<String> = of.into_iter().map(|n| n.to_string()).collect();
    let records = texts.iter().enumerate().map(|(n, text)| Written::new(n as i32 % partitions.max(1), text));
    write(&broker(), topic, records);
}

#[test]
fn positions_are_restored_exactly_wherever_the_process_is_killed() {
    let topic = topic("conformance", 3);
    numbers(&topic, 0..9, 3);
    let expected: Vec<Text> = (0..9).map(|n| Text::from(n.to_string())).collect();
    check_source(|| source(&topic).stop_at(StopAt::Latest), &expected);
}

#[test]
fn a_source_without_records_can_be_cancelled_at_once() {
    check_idle(&source(&topic("idle", 1)));
}

#[test]
fn reading_starts_and_ends_where_it_is_told_to() {
    let topic = topic("places", 1);
    let texts: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    let record = |n: usize| Written { time: Some(1_000 * (n as i64 + 1)), ..Written::new(0, &texts[n]) };
    write(&broker(), &topic, (0..10).map(record));
    let read = |start: StartAt, stop: StopAt| {
        let source = source(&topic).set("group", &topic).start_at(start).stop_at(stop);
        all(&source, 1).iter().map(|text| text.parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    let time = millstream::time::Timestamp::from_millis;
    let at = |offset| vec![(TopicPartition::new(topic.as_str(), 0), offset)];
    assert_eq!(read(StartAt::Earliest, StopAt::Latest), (0..10).collect::<Vec<_>>());
    assert_eq!(read(StartAt::Time(time(4_001)), StopAt::Time(time(8_000))), [4, 5, 6]);
    assert_eq!(read(StartAt::Offsets(at(2)), StopAt::Offsets(at(5))), [2, 3, 4]);
    assert_eq!(read(StartAt::Committed, StopAt::Offsets(at(1))), [0]);
    assert!(read(StartAt::CommittedOrLatest, StopAt::Latest).is_empty());
    assert!(read(StartAt::Latest, StopAt::Latest).is_empty());
}

#[test]
fn keys_headers_times_and_places_come_along() {
    let topic = topic("whole", 1);
    let record =
        Written { key: Some("k"), time: Some(1_234), header: Some(("trace", "7")), ..Written::new(0, "v") };
    let deleted = Written { key: Some("k"), value: None, time: Some(1_235), ..Written::new(0, "") };
    write(&broker(), &topic, [record, deleted]);
    let records = all(&source(&topic).records().stop_at(StopAt::Latest), 1);
    let time = |millis| Some(millstream::time::Timestamp::from_millis(millis));
    let first = KafkaRecord {
        topic: topic.clone(),
        partition: 0,
        offset: 0,
        time: time(1_234),
        key: Some(b"k".to_vec()),
        value: Some(b"v".to_vec()),
        headers: vec![("trace".into(), Some(b"7".to_vec()))],
    };
    let second =
        KafkaRecord { offset: 1, time: time(1_235), value: None, headers: Vec::new(), ..first.clone() };
    assert_eq!(records, [first, second]);
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
struct Click {
    page: String,
}

#[test]
fn a_record_that_cannot_be_decoded_fails_with_its_place_or_goes_where_it_is_told_to() {
    let topic = topic("poison", 1);
    let texts = [r#"{"page":"a"}"#, "{page", r#"{"page":"b"}"#];
    write(&broker(), &topic, texts.map(|text| Written::new(0, text)));
    let clicks = source(&topic).stop_at(StopAt::Latest).json::<Click>();
    let mut run = Run::open(&clicks, 1, None).unwrap();
    let error = loop {
        if let Err(error) = run.step() {
            break error.to_string();
        }
    };
    let place = format!("a record cannot be decoded\n  at topic {topic}, partition 0, offset 1\n");
    assert!(error.starts_with(&place) && error.contains(".on_poison(OnPoison::Skip)"), "{error}");
    assert_eq!(run.take(), [Click { page: "a".into() }]);

    let skipping = clicks.clone().on_poison(OnPoison::Skip);
    assert_eq!(all(&skipping, 1).len(), 2);
    assert_eq!(skipping.skipped().count(), 1);

    let both = all(&clicks.or_rejected(), 1);
    let rejected = both.iter().filter_map(|one| one.as_ref().err()).collect::<Vec<_>>();
    assert_eq!((both.len(), rejected.len()), (3, 1));
    assert_eq!(rejected[0].record.value.as_deref(), Some(b"{page".as_slice()));
    assert_eq!(rejected[0].position.as_ref().unwrap().first, 1);

    let bytes = all(&source(&topic).stop_at(StopAt::Latest).bytes(), 1);
    assert_eq!(bytes[1], b"{page");
    let own = source(&topic).stop_at(StopAt::Latest).decode_with(|message| Ok(message.offset()));
    assert_eq!(all(&own, 1), [0, 1, 2]);
}

#[test]
fn text_that_is_none_is_found_among_text_that_is() {
    let topic = topic("charset", 1);
    let bad = Written { value: Some(b"caf\xe9"), ..Written::new(0, "") };
    write(&broker(), &topic, [Written::new(0, "é"), bad, Written::new(0, "a longer text than fits inline")]);
    let source = source(&topic).stop_at(StopAt::Latest).on_poison(OnPoison::Skip);
    assert_eq!(all(&source, 1), ["é", "a longer text than fits inline"]);
    assert_eq!(source.skipped().count(), 1);
}

#[test]
fn only_what_is_committed_is_read_unless_everything_is_asked_for() {
    let topic = topic("isolation", 1);
    let producer = cluster::transaction(&broker(), &topic);
    cluster::send(&producer, &topic, [Written::new(0, "committed")]);
    rdkafka::producer::Producer::commit_transaction(&producer, Duration::from_secs(10)).unwrap();
    rdkafka::producer::Producer::begin_transaction(&producer).unwrap();
    cluster::send(&producer, &topic, [Written::new(0, "open")]);
    rdkafka::producer::Producer::flush(&producer, Duration::from_secs(10)).unwrap();
    let source = source(&topic).stop_at(StopAt::Latest);
    assert_eq!(all(&source, 1), ["committed"]);
    assert_eq!(all(&source.set("isolation", "read-uncommitted"), 1), ["committed", "open"]);
}

#[test]
fn a_job_with_an_end_reads_all_partitions_and_ends() {
    let topic = topic("bounded", 5);
    numbers(&topic, 0..1_000, 5);
    for parallelism in [1, 2, 7] {
        let env = StreamEnvironment::new();
        env.set_parallelism(parallelism);
        let read = env.source(source(&topic).stop_at(StopAt::Latest));
        let mut found = read.map(|text| text.parse::<u32>().unwrap()).execute_and_collect("bounded").unwrap();
        found.sort_unstable();
        assert_eq!(found, (0..1_000).collect::<Vec<_>>(), "with parallelism {parallelism}");
    }
}

#[test]
fn event_time_is_that_of_the_partition_furthest_behind_whichever_is_read_first() {
    let topic = topic("watermarks", 3);
    let texts: Vec<String> = (0..3_000).map(|n| n.to_string()).collect();
    // Each partition is an hour behind the one before it, and goes on for three seconds.
    let record = |n: usize| {
        let partition = n as i64 % 3;
        let time = Some(36_000_000 - 3_600_000 * partition + n as i64);
        Written { time, ..Written::new(partition as i32, &texts[n]) }
    };
    write(&broker(), &topic, (0..3_000).map(record));
    let env = StreamEnvironment::new();
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    env.source(source(&topic).watermarks(Duration::from_millis(1)))
        .map(|_| 1_u32)
        .key_by(|_| 0_u8)
        .window(millstream::TumblingEventTime::of(Duration::from_millis(500)))
        .reduce(|a, b| a + b)
        .map(move |count| {
            let _ = tell.lock().unwrap().send(count);
            count
        })
        .sink_to(millstream::connectors::discard::Discard::new());
    let job = env.start("watermarks").unwrap();
    let next = |windows: u32| -> u32 {
        (0..windows).map(|_| told.recv_timeout(Duration::from_secs(30)).unwrap()).sum()
    };
    // All windows of the last partition but the one that may still get records; none of the others.
    assert_eq!(next(5), 833);
    write(&broker(), &topic, [Written { time: Some(40_000_000), ..Written::new(2, "on") }]);
    assert_eq!(next(1), 167);
    assert_eq!(next(5), 833);
    assert!(told.try_recv().is_err());
    job.cancel();
    let _ = job.wait();
}

#[test]
fn a_stream_in_batches_receives_all_partitions() {
    let topic = topic("batches", 3);
    numbers(&topic, 0..30, 3);
    let context = millstream::rdd::Context::builder().parallelism(2).build().unwrap();
    let batches = millstream::StreamingContext::new(&context, Duration::from_millis(100));
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    batches.receiver_stream(source(&topic)).foreach_rdd(move |rdd| {
        for text in rdd.collect()? {
            let _ = tell.lock().unwrap().send(text);
        }
        Ok(())
    });
    batches.start().unwrap();
    let found: std::collections::BTreeSet<Text> =
        (0..30).map(|_| told.recv_timeout(Duration::from_secs(30)).unwrap()).collect();
    assert_eq!(found.len(), 30);
    batches.stop(millstream::dstream::Stop::Now).unwrap();
}

/// Steps until so many records came.
fn until<S: Source>(run: &mut Run<S>, count: usize) -> Vec<S::Record> {
    let (mut records, begun) = (Vec::new(), Instant::now());
    while records.len() < count {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} of {count} records came", records.len());
        run.step().unwrap();
        records.extend(run.take());
    }
    records
}

#[test]
fn partitions_and_topics_that_come_later_are_read_from_their_first_record_by_a_running_job() {
    let prefix = cluster::unique("growing");
    let first = format!("{prefix}-a");
    cluster::create(&broker(), &first, 1);
    numbers(&first, [0], 1);
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    let read = Kafka::read(broker()).pattern(format!("{prefix}-*")).set("discovery-interval", "200 ms");
    let folder = tempfile::tempdir().unwrap();
    let (collected, seen) = std::sync::mpsc::channel();
    let collected = std::sync::Mutex::new(collected);
    env.source(read)
        .map(move |text: Text| {
            let _ = collected.lock().unwrap().send(text.clone());
            text.as_str().to_owned()
        })
        .sink_to(millstream::connectors::text_files::sink::TextFilesSink::below(folder.path()));
    let job = env.start("growing").unwrap();
    let next = || seen.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(next(), "0");
    // While the first partition is still being read.
    cluster::widen(&broker(), &first, 2);
    write(&broker(), &first, [Written::new(1, "1")]);
    assert_eq!(next(), "1");
    let second = format!("{prefix}-b");
    cluster::create(&broker(), &second, 1);
    numbers(&second, [2], 1);
    assert_eq!(next(), "2");
    let begun = Instant::now();
    job.cancel();
    let _ = job.wait();
    assert!(begun.elapsed() < Duration::from_secs(1), "the cancel took {:?}", begun.elapsed());
}

#[test]
fn offsets_are_committed_with_a_checkpoint_for_who_watches() {
    let topic = topic("watched", 1);
    numbers(&topic, 0..5, 1);
    let source = source(&topic).set("group", &topic);
    let mut enumerator = source.enumerator(None).unwrap();
    let subtask = millstream::Subtask { index: 0, of: 1 };
    let mut reader = source.reader(subtask).unwrap();
    let gathered = std::sync::Arc::default();
    let mut gather = millstream_testkit::conformance::Gather(std::sync::Arc::clone(&gathered));
    let mut output = millstream::source::SourceOutput::new(&mut gather);
    let done = Cell::new(false);
    let begun = Instant::now();
    while gathered.lock().unwrap().len() < 5 {
        assert!(begun.elapsed() < Duration::from_secs(30));
        reader.poll(&mut output, Duration::from_millis(10)).unwrap();
        if let (false, millstream::source::NextSplit::Split(split)) =
            (done.get(), enumerator.next_split(subtask).unwrap())
        {
            reader.add_split(split).unwrap();
            done.set(true);
        }
    }
    reader.snapshot();
    reader.on_checkpoint_complete(millstream::CheckpointId(1)).unwrap();
    while cluster::committed(&broker(), &topic, &topic, 0) != Some(5) {
        assert!(begun.elapsed() < Duration::from_secs(30), "the offset was not committed");
    }
    while source.lag().partitions().get(&(topic.clone(), 0)) != Some(&0) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", source.lag());
        reader.poll(&mut output, Duration::from_millis(10)).unwrap();
    }
}

#[test]
fn a_job_that_has_read_all_has_told_the_group_so_when_it_ends() {
    let topic = topic("told", 2);
    numbers(&topic, 0..30, 2);
    let folder = tempfile::tempdir().unwrap();
    for parallelism in [1, 2] {
        let group = format!("{topic}-{parallelism}");
        let env = StreamEnvironment::new();
        env.set_parallelism(parallelism);
        // The last checkpoint is the only one.
        env.enable_checkpoints(CheckpointSettings {
            interval: Duration::from_secs(3_600),
            ..CheckpointSettings::in_folder(folder.path().join(&group))
        });
        let read = source(&topic).set("group", &group).stop_at(StopAt::Latest);
        env.source(read).sink_to(millstream::connectors::discard::Discard::new());
        env.execute("told").unwrap();
        let told = [0, 1].map(|partition| cluster::committed(&broker(), &group, &topic, partition));
        assert_eq!(told, [Some(15), Some(15)], "with parallelism {parallelism}");
    }
}

#[test]
fn a_restored_run_reads_on_behind_what_was_emitted() {
    let topic = topic("restored", 2);
    numbers(&topic, 0..4, 2);
    let source = source(&topic);
    let mut run = Run::open(&source, 2, None).unwrap();
    assert_eq!(until(&mut run, 4).len(), 4);
    let snapshot = run.snapshot();
    drop(run);
    numbers(&topic, 4..6, 2);
    let mut run = Run::open(&source, 1, Some(snapshot)).unwrap();
    let mut found = until(&mut run, 2);
    found.sort();
    assert_eq!(found, ["4", "5"]);
}
