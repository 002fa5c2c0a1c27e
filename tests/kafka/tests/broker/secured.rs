//! TLS, and users with passwords.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use millstream::batch::Batch;
use millstream::connectors::kafka::{Kafka, KafkaSource, StopAt, Texts};
use millstream_testkit::conformance::{Run, open_writer};

use crate::cluster::{self, Written, write};
use crate::own_broker::OwnBroker;

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
}

/// A broker with listeners for TLS, for passwords, and for both; their addresses, and the certificate's file.
fn secured() -> (OwnBroker, [String; 3], String) {
    let held = [0; 3].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let [tls, plain, both] = [0, 1, 2].map(|index| held[index].local_addr().unwrap().to_string());
    let mut ca = String::new();
    let more = |folder: &Path| {
        make_keys(folder);
        let at = folder.display();
        ca = format!("{at}/ca.pem");
        let listeners = format!("TLS://{tls},PLAIN://{plain},BOTH://{both}");
        format!(
            "listeners+={listeners}\nadvertised.listeners+={listeners}\n\
             listener.security.protocol.map+=TLS:SSL,PLAIN:SASL_PLAINTEXT,BOTH:SASL_SSL\n\
             inter.broker.listener.name=PLAINTEXT\n\
             ssl.keystore.type=PEM\nssl.keystore.location={at}/broker.pem\n\
             ssl.truststore.type=PEM\nssl.truststore.location={at}/ca.pem\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN\n\
             listener.name.plain.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
             required user_bob=\"bob-secret\";\n\
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
    (broker, [tls, plain, both], ca)
}

fn read(source: &KafkaSource<Texts>) -> Result<usize, String> {
    let source = source.clone().topics(["secured"]).stop_at(StopAt::Latest);
    let mut run = Run::open(&source, 1, None).map_err(|error| error.to_string())?;
    while run.step().map_err(|error| error.to_string())? {}
    Ok(run.take().len())
}

#[test]
fn certificates_and_passwords_open_the_door_and_wrong_ones_are_told_at_once_without_the_secret() {
    let (broker, [tls, plain, both], ca) = secured();
    cluster::create(&broker.address(), "secured", 1);
    write(&broker.address(), "secured", [Written::new(0, "x")]);

    let over_tls = Kafka::read(&tls).set("security", "ssl");
    assert_eq!(read(&over_tls.clone().set("tls-ca", &ca)), Ok(1));
    let error = read(&over_tls).unwrap_err();
    assert!(error.starts_with("Kafka refused") && error.contains("certificate verify failed"), "{error}");

    let by_password = Kafka::read(&plain).set("security", "sasl-plaintext").set("sasl-mechanism", "PLAIN");
    let bob = by_password.set("sasl-user", "bob");
    assert_eq!(read(&bob.clone().set("sasl-password", "bob-secret")), Ok(1));
    let error = read(&bob.set("sasl-password", "hush-hush")).unwrap_err();
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
