//! Settings and names that are wrong, and what is said of them.

use std::net::TcpListener;

use millstream::connectors::kafka::{Kafka, KafkaSource, StartAt, StopAt, Texts, TopicPartition};
use millstream::source::Source;

use crate::cluster::{broker, topic};

fn refusal(source: &KafkaSource<Texts>) -> String {
    source.enumerator(None).err().expect("a refusal").to_string()
}

#[test]
fn settings_that_are_none_are_refused_with_what_would_be_right() {
    let source = Kafka::read("localhost:9092").topics(["x"]);
    let error = refusal(&source.clone().set("isolaton", "read-committed"));
    assert!(error.contains("did you mean `isolation`?"), "{error}");
    let error = refusal(&source.clone().set("group.id", "g"));
    assert!(error.contains("did you mean `group`?"), "{error}");
    let error = refusal(&source.clone().set("discovery-interval", "often"));
    assert!(error.contains("but must be a duration"), "{error}");
    let error = refusal(&source.clone().property("fetch.max.byte", "1"));
    assert!(error.contains("fetch.max.byte"), "{error}");
    let error = refusal(&source.clone().start_at(StartAt::Committed));
    assert!(error.contains(".set(\"group\""), "{error}");
    let error = refusal(&Kafka::read("localhost").topics(["x"]));
    assert!(error.starts_with("`localhost` is no address of a Kafka broker"), "{error}");
    let error = refusal(&Kafka::read("localhost:9092"));
    assert!(error.starts_with("a Kafka source was not told what to read"), "{error}");
    let error = refusal(&Kafka::read("localhost:9092").topics(["a b"]));
    assert!(error.starts_with("`a b` is no name of a topic"), "{error}");
}

#[test]
fn a_secret_is_in_no_message() {
    let source = Kafka::read("localhost:9092")
        .topics(["x"])
        .set("security", "sasl-plaintext")
        .set("sasl-user", "bob")
        .set("sasl-password", "hush");
    let shown =
        format!("{source:?} {}", source.enumerator(None).err().map(|e| e.to_string()).unwrap_or_default());
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn a_missing_topic_and_an_offset_that_is_not_there_are_told_of() {
    let servers = broker();
    let error = refusal(&Kafka::read(&servers).topics(["nowhere"]));
    assert!(error.starts_with(&format!("there is no topic `nowhere` at {servers}\n")), "{error}");
    let topic = topic("short", 1);
    let far = StartAt::Offsets(vec![(TopicPartition::new(&topic, 0), 7)]);
    let error = refusal(&Kafka::read(&servers).topics([&topic]).start_at(far));
    assert!(
        error.contains("partition 0, has no offset 7 to start at\n  it has those from 0 up to 0"),
        "{error}"
    );
    let none = Kafka::read(&servers).partitions([TopicPartition::new(&topic, 5)]).stop_at(StopAt::Latest);
    assert!(refusal(&none).starts_with("no partition of a topic is there to be read"));
}

#[test]
fn a_server_that_speaks_something_else_is_no_broker() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut connection, _)) = listener.accept() {
            let _ = std::io::Write::write_all(&mut connection, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let source = Kafka::read(address.to_string()).topics(["x"]).set("start-timeout", "300 ms");
    let mut run = match millstream_testkit::conformance::Run::open(&source, 1, None) {
        Err(error) => return assert!(error.to_string().contains("no Kafka broker at"), "{error}"),
        Ok(run) => run,
    };
    let error = loop {
        if let Err(error) = run.step() {
            break error.to_string();
        }
    };
    assert!(error.contains("no Kafka broker at") && error.contains("host and port are theirs"), "{error}");
}
