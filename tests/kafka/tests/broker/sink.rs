//! What the sink writes, and when it is seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use millstream::batch::Batch;
use millstream::connectors::kafka::{Kafka, KafkaSink, StopAt};
use millstream::operator::{Cancelled, Wakeup};
use millstream::sink::{Sink, WriterContext, WriterOf};
use millstream::{CheckpointId, CheckpointSettings, Restart, StreamEnvironment, Subtask};
use millstream_testkit::conformance::{Run, check_sink, open_writer};

use crate::cluster::{Written, broker, read, topic, write};

fn visible(topic: String) -> Box<dyn Fn() -> Vec<String>> {
    Box::new(move || read(&broker(), &topic))
}

#[test]
fn at_least_once_keeps_what_it_promises() {
    let make = || {
        let topic = topic("at-least-once", 2);
        (Kafka::write::<u32>(broker()).topic(&topic), visible(topic))
    };
    check_sink(make, &[1, 2, 3, 4], u32::to_string);
}

fn exactly_once(topic: &str) -> KafkaSink<u32> {
    Kafka::write(broker()).topic(topic).exactly_once(topic)
}

#[test]
fn exactly_once_keeps_what_it_promises() {
    let make = || {
        let topic = topic("exactly-once", 2);
        (exactly_once(&topic), visible(topic))
    };
    check_sink(make, &[1, 2, 3, 4], u32::to_string);
}

#[test]
fn a_partition_is_chosen_of_those_that_there_are() {
    let topic = topic("chosen", 3);
    let sink = Kafka::write::<u32>(broker()).topic(&topic).choose_partition(|n, of| *n as i32 % of);
    let mut writer = writer(&sink, 0, 1);
    writer.write(&mut Batch::from((0..30).collect::<Vec<_>>())).unwrap();
    writer.prepare(CheckpointId(1)).unwrap();
    let read = Kafka::read(broker()).topics([&topic]).stop_at(StopAt::Latest).records();
    let mut run = Run::open(&read, 1, None).unwrap();
    while run.step().unwrap() {}
    let records = run.take();
    assert_eq!(records.len(), 30);
    for record in records {
        let number: i32 = String::from_utf8(record.value.unwrap()).unwrap().parse().unwrap();
        assert_eq!(record.partition, number % 3);
    }
    let wrong = Kafka::write::<u32>(broker()).topic(&topic).choose_partition(|_, of| of);
    let error = self::writer(&wrong, 0, 1).write(&mut Batch::from(vec![1])).unwrap_err().to_string();
    let what = format!("partition 3 was chosen of topic `{topic}`, which has 3");
    assert!(error.starts_with(&what) && error.contains("choose from 0 to 2"), "{error}");
}

fn writer(sink: &KafkaSink<u32>, index: u32, of: u32) -> WriterOf<KafkaSink<u32>> {
    let context = WriterContext {
        subtask: Subtask { index, of },
        wakeup: Wakeup::default(),
        cancelled: Cancelled::default(),
    };
    sink.writer(context, Vec::new()).unwrap()
}

#[test]
fn what_an_attempt_of_another_parallelism_left_open_holds_up_no_reader_once_the_job_is_back() {
    let topic = topic("lingering", 1);
    let sink = exactly_once(&topic);
    let mut gone = writer(&sink, 4, 5);
    gone.write(&mut Batch::from(vec![1])).unwrap();
    gone.prepare(CheckpointId(1)).unwrap();
    drop(gone);
    let begun = Instant::now();
    let mut back = writer(&sink, 0, 2);
    back.write(&mut Batch::from(vec![2])).unwrap();
    let staged = back.prepare(CheckpointId(2)).unwrap();
    sink.committer().unwrap().unwrap().commit(staged).unwrap();
    assert_eq!(read(&broker(), &topic), ["2"]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_process_that_was_thought_dead_can_write_nothing_more() {
    let topic = topic("zombie", 1);
    let sink = exactly_once(&topic);
    let mut zombie = writer(&sink, 0, 1);
    zombie.write(&mut Batch::from(vec![1])).unwrap();
    zombie.flush().unwrap();
    let mut back = writer(&sink, 0, 1);
    let begun = Instant::now();
    let error = loop {
        assert!(begun.elapsed() < Duration::from_secs(30), "the zombie goes on writing");
        let written = zombie.write(&mut Batch::from(vec![1]));
        if let Err(error) = written.and_then(|()| zombie.prepare(CheckpointId(1)).map(drop)) {
            break error.to_string();
        }
    };
    assert!(
        error.contains("another process") || error.contains("no longer open") || error.contains("prefix"),
        "{error}"
    );
    back.write(&mut Batch::from(vec![2])).unwrap();
    let staged = back.prepare(CheckpointId(2)).unwrap();
    sink.committer().unwrap().unwrap().commit(staged).unwrap();
    assert_eq!(read(&broker(), &topic), ["2"]);
}

#[test]
fn a_transaction_that_the_broker_threw_away_is_an_error_and_not_silence() {
    let topic = topic("thrown-away", 1);
    let sink = exactly_once(&topic).set("transaction-timeout", "1 s");
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    writer.write(&mut Batch::from(vec![1])).unwrap();
    let staged = writer.prepare(CheckpointId(1)).unwrap();
    // The reader waits at the open transaction until the broker has thrown it away.
    let source =
        Kafka::read(broker()).topics([&topic]).stop_at(StopAt::Latest).set("isolation", "read-committed");
    let begun = Instant::now();
    let high = || {
        let all = source.clone().set("isolation", "read-uncommitted").records();
        let mut run = Run::open(&all, 1, None).unwrap();
        while run.step().unwrap() {}
        run.take().len()
    };
    assert_eq!(high(), 1);
    let error = loop {
        assert!(begun.elapsed() < Duration::from_secs(60), "it was not thrown away");
        std::thread::park_timeout(Duration::from_millis(100));
        if begun.elapsed() < Duration::from_secs(4) {
            continue;
        }
        break sink.committer().unwrap().unwrap().commit(staged.clone()).unwrap_err().to_string();
    };
    assert!(error.contains("was thrown away before it could be committed: its records are lost"), "{error}");
}

#[test]
fn keys_headers_topics_and_times_go_along() {
    let (first, second) = (topic("to-first", 1), topic("to-second", 1));
    let other = second.clone();
    let sink = Kafka::write_encoded::<u32>(broker()).topic(&first).encode_with(move |n, out| {
        out.value().extend(n.to_string().as_bytes());
        out.key().extend(b"k");
        out.add_header("trace", "7");
        out.set_time(millstream::time::Timestamp::from_millis(1_234));
        if *n == 2 {
            out.set_topic(other.clone());
            out.delete();
        }
        Ok(())
    });
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    writer.write(&mut Batch::from(vec![1, 2])).unwrap();
    writer.on_end().unwrap();
    let records = |topic: &str| {
        let source = Kafka::read(broker()).topics([topic]).stop_at(StopAt::Latest).records();
        let mut run = Run::open(&source, 1, None).unwrap();
        while run.step().unwrap() {}
        run.take()
    };
    let found = records(&first);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key.as_deref(), Some(b"k".as_slice()));
    assert_eq!(found[0].headers, [("trace".to_owned(), Some(b"7".to_vec()))]);
    assert_eq!(found[0].time, Some(millstream::time::Timestamp::from_millis(1_234)));
    assert_eq!(records(&second)[0].value, None);
}

#[test]
fn a_message_that_is_too_large_is_told_with_topic_and_size() {
    let topic = topic("large", 1);
    let large = "x".repeat(2_000_000);
    let write = |sink: KafkaSink<String>| {
        let mut writer = open_writer(&sink, Vec::new()).unwrap();
        let written = writer.write(&mut Batch::from(vec![large.clone()]));
        written.and_then(|()| writer.on_end()).unwrap_err().to_string()
    };
    let sink = Kafka::write::<String>(broker()).topic(&topic);
    let error = write(sink.clone());
    let start = format!("a record of 2000000 bytes cannot be sent to topic `{topic}`\n");
    assert!(error.starts_with(&start) && error.contains("record-max"), "{error}");
    // The client lets it pass, the topic does not.
    let error = write(sink.set("record-max", "4 MB").set("batch-size", "4 MB"));
    assert!(error.contains(&topic) && error.contains("max.message.bytes"), "{error}");
}

#[test]
fn a_job_that_fails_and_starts_again_in_its_process_doubles_nothing() {
    let (input, output) = (topic("again-in", 2), topic("again-out", 2));
    let texts: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
    write(&broker(), &input, (0..2_000).map(|n| Written::new(n as i32 % 2, &texts[n])));
    let folder = tempfile::tempdir().unwrap();
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(20),
        ..CheckpointSettings::in_folder(folder.path())
    });
    env.set_restart(Restart::FixedDelay { attempts: 20, delay: Duration::from_millis(1) });
    let failures = Arc::new(AtomicU32::new(0));
    let count = failures.clone();
    env.source(Kafka::read(broker()).topics([&input]).stop_at(StopAt::Latest))
        .map(move |text| {
            // Slow enough for checkpoints in between.
            std::thread::park_timeout(Duration::from_micros(200));
            if text == "1500" && count.fetch_add(1, Ordering::Relaxed) < 3 {
                panic!("not yet");
            }
            text
        })
        .sink_to(Kafka::write(broker()).topic(&output).exactly_once(&output));
    env.execute("again").unwrap();
    assert_eq!(failures.load(Ordering::Relaxed), 4);
    let mut found: Vec<u32> = read(&broker(), &output).iter().map(|text| text.parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, (0..2_000).collect::<Vec<_>>());
}

#[test]
fn timeouts_that_would_lose_records_are_refused_at_start() {
    let topic = topic("timeouts", 1);
    let folder = tempfile::tempdir().unwrap();
    let env = StreamEnvironment::new();
    env.enable_checkpoints(CheckpointSettings::in_folder(folder.path()));
    let short =
        Kafka::write::<u64>(broker()).topic(&topic).exactly_once(&topic).set("transaction-timeout", "9 min");
    env.from_sequence(1, 2).sink_to(short);
    let error = env.execute("timeouts").unwrap_err().to_string();
    assert!(
        error.contains("a checkpoint may take 10 min, but a Kafka transaction is thrown away after 9 min"),
        "{error}"
    );
    let long = exactly_once(&topic).set("transaction-timeout", "16 min");
    let error = open_writer(&long, Vec::new()).err().unwrap().to_string();
    assert!(error.contains("transaction.max.timeout.ms"), "{error}");
}

#[test]
fn settings_of_a_sink_that_are_wrong_are_refused() {
    let refusal = |sink: KafkaSink<u32>| open_writer(&sink, Vec::new()).err().unwrap().to_string();
    let sink = Kafka::write::<u32>("localhost:9092");
    assert!(refusal(sink.clone()).starts_with("a Kafka sink was not told its topic"));
    let error = refusal(sink.clone().topic("x").set("linger.ms", "1"));
    assert!(error.contains("did you mean `linger`?"), "{error}");
    let error = refusal(sink.topic("x").exactly_once(""));
    assert!(error.contains("the prefix of a Kafka sink's transactions is empty"), "{error}");
}

#[test]
fn the_commit_step_of_a_sink_with_nothing_in_flight_is_short() {
    let topic = topic("commit", 1);
    let sink = exactly_once(&topic);
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    let mut committer = sink.committer().unwrap().unwrap();
    let mut took = Vec::new();
    for n in 0..10 {
        writer.write(&mut Batch::from(vec![n])).unwrap();
        let staged = writer.prepare(CheckpointId(u64::from(n))).unwrap();
        let begun = Instant::now();
        committer.commit(staged).unwrap();
        took.push(begun.elapsed());
    }
    took.sort();
    println!("a commit takes {:?} in the middle, {:?} at most", took[5], took[9]);
    assert_eq!(read(&broker(), &topic).len(), 10);
}
