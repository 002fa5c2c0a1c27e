//! Brokers that are not there, go away, come back, or say nothing.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use millstream::connectors::discard::Discard;
use millstream::connectors::generator::Generator;
use millstream::connectors::kafka::{Kafka, KafkaSource, StopAt, Texts, TopicPartition};
use millstream::{CheckpointSettings, JobHandle, RestoreFrom, StreamEnvironment, Text};
use millstream_testkit::broker::OwnBroker;
use millstream_testkit::conformance::Run;

use crate::cluster::{self, Written, write};

/// A job that tells what it reads.
fn job(source: KafkaSource<Texts>) -> (JobHandle, Receiver<Text>) {
    let env = StreamEnvironment::new();
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    env.source(source)
        .map(move |text: Text| {
            let _ = tell.lock().unwrap().send(text.clone());
            text
        })
        .sink_to(Discard::new());
    (env.start("outage").unwrap(), told)
}

#[test]
fn a_job_outlives_a_broker_that_is_killed_and_started_again_and_is_cancelled_while_it_is_silent() {
    let mut broker = OwnBroker::started();
    cluster::create(&broker.address(), "restarted", 1);
    write(&broker.address(), "restarted", [Written::new(0, "before")]);
    let (job, told) = job(Kafka::read(broker.address()).topics(["restarted"]));
    let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(next(), "before");
    broker.kill();
    broker.start();
    write(&broker.address(), "restarted", [Written::new(0, "after")]);
    assert_eq!(next(), "after");
    broker.freeze();
    let begun = Instant::now();
    job.cancel();
    let _ = job.wait();
    assert!(begun.elapsed() < Duration::from_secs(1), "the cancel took {:?}", begun.elapsed());
}

#[test]
fn a_job_that_writes_is_cancelled_at_once_while_its_broker_is_silent() {
    let broker = OwnBroker::started();
    cluster::create(&broker.address(), "silent", 1);
    let write = Kafka::write::<u64>(broker.address()).topic("silent").set("send-buffer", "1 MiB");
    let jobs = [write.clone(), write.exactly_once("silent")].map(|sink| {
        let env = StreamEnvironment::new();
        let (tell, told) = channel();
        let tell = Mutex::new(tell);
        let written = env.source(Generator::new(|n| n, None)).map(move |n| {
            if n == 1_000 {
                let _ = tell.lock().unwrap().send(());
            }
            n
        });
        written.sink_to(sink);
        (env.start("silent").unwrap(), told)
    });
    jobs.iter().for_each(|(_, told)| told.recv_timeout(Duration::from_secs(60)).unwrap());
    broker.freeze();
    for (job, _) in jobs {
        let begun = Instant::now();
        job.cancel();
        let _ = job.wait();
        assert!(begun.elapsed() < Duration::from_secs(1), "the cancel took {:?}", begun.elapsed());
    }
}

#[test]
fn a_job_that_commits_is_cancelled_at_once_while_its_broker_is_silent() {
    let broker = OwnBroker::started();
    let (servers, folder) = (broker.address(), tempfile::tempdir().unwrap());
    cluster::create(&servers, "uncommitted", 1);
    let start = || {
        let env = StreamEnvironment::new();
        env.enable_checkpoints(CheckpointSettings {
            interval: Duration::from_millis(50),
            restore: RestoreFrom::Latest,
            ..CheckpointSettings::in_folder(folder.path())
        });
        env.source(Generator::new(|n| n, None).rate(20.0))
            .sink_to(Kafka::write::<u64>(&servers).topic("uncommitted").exactly_once("uncommitted"));
        env.start("uncommitted").unwrap()
    };
    let first = start();
    // The first of its transactions may be empty.
    let complete = || {
        std::fs::read_dir(folder.path()).unwrap().flatten().any(|entry| {
            let name = entry.file_name().into_string().unwrap();
            name.strip_prefix("checkpoint-")
                .is_some_and(|number| number.parse::<u32>().is_ok_and(|number| number > 9))
        })
    };
    let begun = Instant::now();
    while !complete() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no checkpoint is complete");
    }
    first.cancel();
    let _ = first.wait();
    broker.freeze();
    // What the last checkpoint staged is committed again before anything else.
    let again = start();
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_millis(300) {
        std::thread::park_timeout(Duration::from_millis(300));
    }
    let begun = Instant::now();
    again.cancel();
    let failure = again.wait().unwrap_err();
    assert!(failure.is_cancelled(), "{failure}");
    assert!(begun.elapsed() < Duration::from_secs(1), "the cancel took {:?}", begun.elapsed());
}

#[test]
fn a_broker_that_comes_late_is_waited_for() {
    let mut broker = OwnBroker::stopped();
    let source = Kafka::read(broker.address()).pattern("late").set("discovery-interval", "200 ms");
    let (job, told) = job(source.set("start-timeout", "2 min"));
    broker.start();
    cluster::create(&broker.address(), "late", 1);
    write(&broker.address(), "late", [Written::new(0, "there")]);
    assert_eq!(told.recv_timeout(Duration::from_secs(60)).unwrap(), "there");
    job.cancel();
    let _ = job.wait();
}

#[test]
fn a_broker_that_stays_away_is_given_up_after_the_set_time() {
    let mut broker = OwnBroker::started();
    cluster::create(&broker.address(), "away", 1);
    write(&broker.address(), "away", [Written::new(0, "x")]);
    // One that looks for partitions, and one that has found all it will read.
    let source = Kafka::read(broker.address()).topics(["away"]).set("outage-timeout", "1 s");
    let far = StopAt::Offsets(vec![(TopicPartition::new("away", 0), 1_000)]);
    let jobs = [source.clone().set("discovery-interval", "200 ms"), source.stop_at(far)].map(job);
    jobs.iter().for_each(|(_, told)| assert_eq!(told.recv_timeout(Duration::from_secs(60)).unwrap(), "x"));
    broker.kill();
    for (job, _) in jobs {
        let error = job.wait().unwrap_err().to_string();
        let what = format!("no Kafka broker at {} gave an answer for 1 s\n  caused by: ", broker.address());
        assert!(error.contains(&what) && error.contains("outage-timeout"), "{error}");
    }
}

#[test]
fn a_topic_that_is_deleted_under_the_job_is_told_of() {
    let servers = cluster::broker();
    let topic = cluster::topic("deleted", 1);
    write(&servers, &topic, [Written::new(0, "x")]);
    let source = Kafka::read(&servers).topics([&topic]).set("discovery-interval", "100 ms");
    let (job, told) = job(source);
    assert_eq!(told.recv_timeout(Duration::from_secs(30)).unwrap(), "x");
    cluster::delete(&servers, &topic);
    let error = job.wait().unwrap_err().to_string();
    assert!(error.contains(&format!("topic `{topic}` is no longer there: it was deleted")), "{error}");
}

#[test]
fn a_broker_that_is_not_there_is_given_up_after_the_set_time_with_its_address() {
    let broker = OwnBroker::stopped();
    let source = Kafka::read(broker.address()).topics(["x"]).set("start-timeout", "300 ms");
    let error = match Run::open(&source, 1, None) {
        Err(error) => error.to_string(),
        Ok(mut run) => loop {
            if let Err(error) = run.step() {
                break error.to_string();
            }
        },
    };
    let start = format!("no Kafka broker at {} gave an answer for 300 ms\n  caused by: ", broker.address());
    assert!(error.starts_with(&start) && error.contains("Connection refused"), "{error}");
}
