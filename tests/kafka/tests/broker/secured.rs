//! TLS, and users with passwords.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use millstream::CheckpointId;
use millstream::batch::Batch;
use millstream::connectors::kafka::{Kafka, KafkaSource, StopAt, Texts};
use millstream::sink::Sink;
use millstream_testkit::broker::OwnBroker;
use millstream_testkit::conformance::{Run, open_writer};

use crate::cluster::{self, Written, write};

fn openssl(folder: &Path, arguments: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args(arguments.split(' ')).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(openssl.status().unwrap().success(), "{arguments}");
}

/// Keys for a broker on loopback, and the certificate that vouches for it.
fn make_keys(folder: &Path) {
    openssl(folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem");
    openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=broker -keyout broker.key -out broker.csr");
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    let sign = "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names";
    openssl(folder, &format!("{sign} -out broker.crt"));
    let parts = ["broker.key", "broker.crt", "ca.pem"];
    let all: String = parts.iter().map(|part| fs::read_to_string(folder.join(part)).unwrap()).collect();
    fs::write(folder.join("broker.pem"), all).unwrap();
    // A client that the broker knows by its certificate.
    openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=client -keyout client.key -out client.csr");
    openssl(
        folder,
        "x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out client.crt",
    );
}

/// A broker with several listeners.
struct Secured {
    broker: OwnBroker,
    /// For TLS, for passwords, for both, and for TLS with a certificate of the client's.
    tls: String,
    plain: String,
    both: String,
    mutual: String,
    /// The folder with the certificates.
    folder: String,
    /// The certificate that vouches for the broker.
    ca: String,
}

/// Eve has a password and no rights; all others may do everything.
fn secured() -> Secured {
    let held = [0; 4].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let [tls, plain, both, mutual] = [0, 1, 2, 3].map(|index| held[index].local_addr().unwrap().to_string());
    let (mut ca, mut at_folder) = (String::new(), String::new());
    let more = |folder: &Path| {
        make_keys(folder);
        let at = folder.display();
        (ca, at_folder) = (format!("{at}/ca.pem"), at.to_string());
        let listeners = format!("TLS://{tls},PLAIN://{plain},BOTH://{both},MUTUAL://{mutual}");
        format!(
            "listeners+={listeners}\nadvertised.listeners+={listeners}\n\
             listener.security.protocol.map+=TLS:SSL,PLAIN:SASL_PLAINTEXT,BOTH:SASL_SSL,MUTUAL:SSL\n\
             inter.broker.listener.name=PLAINTEXT\n\
             authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             super.users=User:ANONYMOUS;User:alice;User:bob;User:CN=client\n\
             listener.name.mutual.ssl.client.auth=required\n\
             ssl.keystore.type=PEM\nssl.keystore.location={at}/broker.pem\n\
             ssl.truststore.type=PEM\nssl.truststore.location={at}/ca.pem\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN\n\
             listener.name.plain.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
             required user_bob=\"bob-secret\" user_eve=\"eve-secret\";\n\
             listener.name.plain.sasl.enabled.mechanisms=PLAIN\n\
             listener.name.both.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.both.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
        )
    };
    let user = "SCRAM-SHA-512=[name=alice,password=alice-secret]";
    let mut broker = OwnBroker::with(more, &["--add-scram", user]);
    drop(held);
    broker.start();
    Secured { broker, tls, plain, both, mutual, folder: at_folder, ca }
}

fn read(source: &KafkaSource<Texts>) -> Result<usize, String> {
    let source = source.clone().topics(["secured"]).stop_at(StopAt::Latest);
    let mut run = Run::open(&source, 1, None).map_err(|error| error.to_string())?;
    while run.step().map_err(|error| error.to_string())? {}
    Ok(run.take().len())
}

#[test]
fn certificates_and_passwords_open_the_door_and_wrong_ones_are_told_at_once_without_the_secret() {
    let Secured { broker, tls, plain, both, mutual, folder, ca } = secured();
    cluster::create(&broker.address(), "secured", 1);
    write(&broker.address(), "secured", [Written::new(0, "x")]);

    let over_tls = Kafka::read(&tls).set("security", "ssl");
    assert_eq!(read(&over_tls.clone().set("tls-ca", &ca)), Ok(1));
    let error = read(&over_tls).unwrap_err();
    assert!(error.starts_with("Kafka refused") && error.contains("certificate verify failed"), "{error}");

    let over_mutual = Kafka::read(&mutual).set("security", "ssl").set("tls-ca", &ca);
    let known = over_mutual.clone().set("tls-certificate", &format!("{folder}/client.crt"));
    assert_eq!(read(&known.set("tls-key", &format!("{folder}/client.key"))), Ok(1));
    let error = read(&over_mutual).unwrap_err();
    assert!(error.starts_with("Kafka refused") && error.contains("certificate"), "{error}");

    let by_password = Kafka::read(&plain).set("security", "sasl-plaintext").set("sasl-mechanism", "PLAIN");
    let bob = by_password.set("sasl-user", "bob");
    assert_eq!(read(&bob.clone().set("sasl-password", "bob-secret")), Ok(1));
    let error = read(&bob.clone().set("sasl-password", "hush-hush")).unwrap_err();
    assert!(error.starts_with("Kafka refused") && !error.contains("hush-hush"), "{error}");

    let by_both = Kafka::read(&both).set("security", "sasl-ssl").set("tls-ca", &ca);
    let alice = by_both.set("sasl-mechanism", "SCRAM-SHA-512").set("sasl-user", "alice");
    assert_eq!(read(&alice.set("sasl-password", "alice-secret")), Ok(1));

    let sink = |password: &str| {
        let sink = Kafka::write::<u32>(&both).topic("secured").set("security", "sasl-ssl").set("tls-ca", &ca);
        let sink = sink.set("sasl-mechanism", "SCRAM-SHA-512").set("sasl-user", "alice");
        let mut writer = open_writer(&sink.set("sasl-password", password), Vec::new()).unwrap();
        let written = writer.write(&mut Batch::from(vec![1]));
        written.and_then(|()| writer.on_end()).map_err(|error| error.to_string())
    };
    assert_eq!(sink("alice-secret"), Ok(()));
    let error = sink("hush-hush").unwrap_err();
    assert!(error.starts_with("Kafka refused") && !error.contains("hush-hush"), "{error}");
    assert_eq!(cluster::read(&broker.address(), "secured").len(), 2);
}

#[test]
fn who_has_no_right_to_a_topic_is_told_so_at_once() {
    let Secured { broker, plain, .. } = secured();
    cluster::create(&broker.address(), "secured", 1);
    write(&broker.address(), "secured", [Written::new(0, "x")]);
    let as_eve = [
        ("security", "sasl-plaintext"),
        ("sasl-mechanism", "PLAIN"),
        ("sasl-user", "eve"),
        ("sasl-password", "eve-secret"),
    ];
    let source = as_eve.iter().fold(Kafka::read(&plain), |source, (name, value)| source.set(name, value));
    let error = read(&source).unwrap_err();
    assert!(error.starts_with("Kafka refused") && error.contains("uthorization failed"), "{error}");
    let sink = Kafka::write::<u32>(&plain).topic("secured");
    let sink = as_eve.iter().fold(sink, |sink, (name, value)| sink.set(name, value));
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    let written = writer.write(&mut Batch::from(vec![1])).and_then(|()| writer.on_end());
    let error = written.unwrap_err().to_string();
    assert!(error.starts_with("Kafka refused what was to be written"), "{error}");
    assert!(error.contains("uthorization failed") && error.contains("rights"), "{error}");
}

#[test]
fn exactly_once_gets_in_by_certificates_and_passwords_too() {
    let Secured { broker, tls, plain, both, mutual, folder, ca } = secured();
    cluster::create(&broker.address(), "secured", 1);
    let certificate = [format!("{folder}/client.crt"), format!("{folder}/client.key")];
    let over_tls = ["ssl", "", "", ""];
    let by_password = ["sasl-plaintext", "PLAIN", "bob", "bob-secret"];
    let by_both = ["sasl-ssl", "SCRAM-SHA-512", "alice", "alice-secret"];
    let ways = [
        (&tls, over_tls, false),
        (&mutual, over_tls, true),
        (&plain, by_password, false),
        (&both, by_both, false),
    ];
    let sink = |servers: &str, way: [&str; 4], is_known: bool| {
        let mut sink =
            Kafka::write::<u32>(servers).topic("secured").set("tls-ca", &ca).exactly_once("secured");
        let names = ["security", "sasl-mechanism", "sasl-user", "sasl-password"];
        for (name, value) in names.iter().zip(way).filter(|(_, value)| !value.is_empty()) {
            sink = sink.set(name, value);
        }
        let [certificate, key] = &certificate;
        if is_known { sink.set("tls-certificate", certificate).set("tls-key", key) } else { sink }
    };
    for (count, (servers, way, is_known)) in (1..).zip(ways) {
        let sink = sink(servers, way, is_known);
        let mut writer = open_writer(&sink, Vec::new()).unwrap();
        writer.write(&mut Batch::from(vec![count])).unwrap();
        let staged = writer.prepare(CheckpointId(1)).unwrap();
        sink.committer().unwrap().unwrap().commit(staged).unwrap();
        assert_eq!(cluster::read(&broker.address(), "secured").len(), count as usize);
    }
    let refused = |servers: &str, way: [&str; 4]| {
        let opened = open_writer(&sink(servers, way, false), Vec::new());
        opened.err().map(|failure| failure.to_string()).unwrap_or_default()
    };
    let error = refused(&both, ["sasl-ssl", "SCRAM-SHA-512", "alice", "hush-hush"]);
    assert!(error.contains("refused user and password") && !error.contains("hush-hush"), "{error}");
    let error = refused(&plain, ["sasl-plaintext", "PLAIN", "bob", "hush-hush"]);
    assert!(error.contains("refused user and password") && !error.contains("hush-hush"), "{error}");
    let error = refused(&plain, ["sasl-plaintext", "PLAIN", "eve", "eve-secret"]);
    assert!(
        error.starts_with("Kafka refused a transaction") && error.contains("uthorization failed"),
        "{error}"
    );
    let error = refused(&both, ["sasl-ssl", "OAUTHBEARER", "alice", "alice-secret"]);
    assert!(error.contains("not to be had with the sasl-mechanism OAUTHBEARER"), "{error}");
}
