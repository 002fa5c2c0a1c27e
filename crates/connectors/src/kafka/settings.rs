//! The settings of the Kafka source and sink as data: names, types, defaults, meanings.
//!
//! Answers for what librdkafka is told for each. Not for its own hundred properties, which are handed to it as they are.
//! Holds: a secret is shown by nothing.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::settings::{
    ByteSize, Choices, Described, Origin, Setting, SettingValue, SettingsGroup, SettingsList, Values,
};

use super::native::Properties;

/// How a connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    Plaintext,
    /// TLS.
    Ssl,
    /// A user and a password, over a connection that everybody can read.
    SaslPlaintext,
    /// A user and a password, over TLS.
    SaslSsl,
}

impl Choices for Security {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("plaintext", Self::Plaintext, "not secured"),
        ("ssl", Self::Ssl, "TLS"),
        ("sasl-plaintext", Self::SaslPlaintext, "user and password, not encrypted"),
        ("sasl-ssl", Self::SaslSsl, "user and password over TLS"),
    ];
}

/// Which records of transactions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Those of transactions that are committed, in order: reading waits for one that is open.
    ReadCommitted,
    /// All.
    ReadUncommitted,
}

impl Choices for Isolation {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("read-committed", Self::ReadCommitted, "what is committed"),
        ("read-uncommitted", Self::ReadUncommitted, "everything"),
    ];
}

/// How records are made smaller on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// LZ4.
    Lz4,
    /// Snappy.
    Snappy,
}

impl Choices for Compression {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("none", Self::None, "not compressed"),
        ("gzip", Self::Gzip, "gzip"),
        ("lz4", Self::Lz4, "LZ4"),
        ("snappy", Self::Snappy, "Snappy"),
    ];
}

pub(super) static CLIENT_ID: Setting<String> =
    Setting::new("client-id", "The name under which brokers log what this job asks of them.")
        .default("millstream")
        .elsewhere(&["client.id"]);
pub(super) static START_TIMEOUT: Setting<Duration> = Setting::new(
    "start-timeout",
    "How long brokers may be out of reach when the job starts before it fails.",
)
.default("30 s")
.at_least("1 ms");
pub(super) static OUTAGE_TIMEOUT: Setting<Duration> = Setting::new(
    "outage-timeout",
    "How long brokers may be out of reach while the job runs before it fails; until then it waits and goes on.",
)
.default("5 min")
.at_least("1 ms");
static SECURITY: Setting<Security> = Setting::new("security", "How connections are secured.")
    .default("plaintext")
    .elsewhere(&["security.protocol"]);
static SASL_MECHANISM: Setting<String> =
    Setting::new("sasl-mechanism", "How the password is shown: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.")
        .elsewhere(&["sasl.mechanism", "sasl.mechanisms"]);
static SASL_USER: Setting<String> =
    Setting::new("sasl-user", "The user's name.").elsewhere(&["sasl.username", "sasl.jaas.config"]);
static SASL_PASSWORD: Setting<String> =
    Setting::new("sasl-password", "The user's password; it is never shown.").elsewhere(&["sasl.password"]);
static TLS_CA: Setting<PathBuf> =
    Setting::new("tls-ca", "A PEM file with the certificates that vouch for brokers.")
        .elsewhere(&["ssl.ca.location", "ssl.truststore.location"]);
static TLS_CERTIFICATE: Setting<PathBuf> =
    Setting::new("tls-certificate", "A PEM file with the certificate that this job shows to brokers.")
        .elsewhere(&["ssl.certificate.location", "ssl.keystore.location"]);
static TLS_KEY: Setting<PathBuf> =
    Setting::new("tls-key", "A PEM file with the key of that certificate.").elsewhere(&["ssl.key.location"]);

pub(super) static GROUP: Setting<String> = Setting::new(
    "group",
    "The consumer group that offsets are committed to with each checkpoint, for who watches from outside. The job itself \
     goes on from its checkpoint. Without a group nothing is committed.",
)
.elsewhere(&["group.id"]);
static ISOLATION: Setting<Isolation> = Setting::new("isolation", "Which records of transactions are read.")
    .default("read-committed")
    .elsewhere(&["isolation.level"]);
pub(super) static DISCOVERY_INTERVAL: Setting<Duration> =
    Setting::new("discovery-interval", "How often new topics and partitions are looked for; 0: not at all.")
        .default("10 s")
        .elsewhere(&["partition.discovery.interval.ms", "topic.metadata.refresh.interval.ms"]);
static FETCH_BUFFER: Setting<ByteSize> =
    Setting::new("fetch-buffer", "The most that a subtask fetches ahead, of all its partitions together.")
        .default("16 MiB")
        .at_least("1 MiB")
        .elsewhere(&["queued.max.messages.kbytes", "max.partition.fetch.bytes", "fetch.max.bytes"]);
static FETCH_MIN: Setting<ByteSize> =
    Setting::new("fetch-min", "How much a broker gathers before it answers, as long as fetch-wait allows.")
        .default("1 B")
        .at_least("1 B")
        .elsewhere(&["fetch.min.bytes"]);
static FETCH_WAIT: Setting<Duration> = Setting::new("fetch-wait", "How long a broker waits for fetch-min.")
    .default("100 ms")
    .elsewhere(&["fetch.max.wait.ms", "fetch.wait.max.ms"]);

pub(super) static DELIVERY_TIMEOUT: Setting<Duration> = Setting::new(
    "delivery-timeout",
    "How long a record may wait for its broker's acknowledgement before the job fails.",
)
.default("2 min")
.at_least("1 ms")
.elsewhere(&["delivery.timeout.ms", "message.timeout.ms"]);
pub(super) static TRANSACTION_TIMEOUT: Setting<Duration> = Setting::new(
    "transaction-timeout",
    "How long a transaction may be open before the broker throws it away: longer than from one checkpoint to the next, with \
     the time that a restart takes; at most what the broker allows (transaction.max.timeout.ms).",
)
.default("15 min")
.at_least("1 s")
.elsewhere(&["transaction.timeout.ms"]);
static LINGER: Setting<Duration> =
    Setting::new("linger", "How long a record waits for others to be sent with it.")
        .default("5 ms")
        .elsewhere(&["linger.ms", "queue.buffering.max.ms"]);
static COMPRESSION: Setting<Compression> = Setting::new("compression", "How records are compressed.")
    .default("none")
    .elsewhere(&["compression.type", "compression.codec"]);
static SEND_BUFFER: Setting<ByteSize> =
    Setting::new("send-buffer", "The most that waits to be sent, of one subtask.")
        .default("32 MiB")
        .at_least("1 MiB")
        .elsewhere(&["buffer.memory", "queue.buffering.max.kbytes"]);
static BATCH_SIZE: Setting<ByteSize> =
    Setting::new("batch-size", "The most that is sent to a partition with one request.")
        .default("1000000 B")
        .at_least("1 B")
        .elsewhere(&["batch.size"]);
static RECORD_MAX: Setting<ByteSize> =
    Setting::new("record-max", "The largest record; brokers and topics have limits of their own.")
        .default("1000000 B")
        .at_least("1000 B")
        .elsewhere(&["max.request.size", "message.max.bytes"]);

const CONNECTION: SettingsGroup = &[
    &CLIENT_ID,
    &START_TIMEOUT,
    &OUTAGE_TIMEOUT,
    &SECURITY,
    &SASL_MECHANISM,
    &SASL_USER,
    &SASL_PASSWORD,
    &TLS_CA,
    &TLS_CERTIFICATE,
    &TLS_KEY,
];
const READING: SettingsGroup =
    &[&GROUP, &ISOLATION, &DISCOVERY_INTERVAL, &FETCH_BUFFER, &FETCH_MIN, &FETCH_WAIT];
const WRITING: SettingsGroup =
    &[&DELIVERY_TIMEOUT, &TRANSACTION_TIMEOUT, &LINGER, &COMPRESSION, &SEND_BUFFER, &BATCH_SIZE, &RECORD_MAX];

/// The settings of [`super::KafkaSource`].
pub static SOURCE_SETTINGS: SettingsList =
    SettingsList::new("settings of a Kafka source", &[CONNECTION, READING]);
/// The settings of [`super::KafkaSink`].
pub static SINK_SETTINGS: SettingsList =
    SettingsList::new("settings of a Kafka sink", &[CONNECTION, WRITING]);

/// The values of one source or sink, with librdkafka's own properties behind them.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) servers: String,
    values: Values,
    properties: Properties,
    /// The first thing that was wrong, told when the job starts.
    refused: Option<String>,
}

impl Chosen {
    pub(super) fn new(servers: String, list: &'static SettingsList) -> Self {
        Self { servers, values: Values::of(list), properties: Vec::new(), refused: None }
    }

    pub(super) fn set(&mut self, name: &str, text: &str) {
        if let Err(failure) = self.values.set(name, text, Origin::Program) {
            let secret = name == SASL_PASSWORD.name();
            let told = if secret { format!("setting `{name}` cannot be used") } else { failure.to_string() };
            self.refused.get_or_insert(told);
        }
    }

    pub(super) fn property(&mut self, name: &str, value: &str) {
        self.properties.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn get<T: SettingValue>(&self, setting: &Setting<T>) -> Result<T> {
        self.values
            .get(setting)?
            .ok_or_else(|| Failure::internal(format!("setting `{}` has no default", setting.name())))
    }

    pub(super) fn given<T: SettingValue>(&self, setting: &Setting<T>) -> Result<Option<T>> {
        self.values.given(setting)
    }

    /// Whether connections are anything but plain.
    pub(super) fn is_secured(&self) -> Result<bool> {
        Ok(self.get(&SECURITY)? != Security::Plaintext)
    }

    /// Refuses what was set wrongly, and addresses that are none.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(refused) = &self.refused {
            return Err(Failure::user(refused.clone()));
        }
        for server in self.servers.split(',') {
            let parts = server.trim().rsplit_once(':');
            let is_address =
                parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
            if !is_address {
                return Err(Failure::user(format!("`{}` is no address of a Kafka broker", server.trim()))
                    .advice("give host and port of one or more: localhost:9092 or one:9092,two:9092"));
            }
        }
        let security = self.get(&SECURITY)?;
        let is_sasl = matches!(security, Security::SaslPlaintext | Security::SaslSsl);
        let user = (self.given(&SASL_USER)?.is_some(), self.given(&SASL_PASSWORD)?.is_some());
        if is_sasl && user != (true, true) {
            return Err(Failure::user("the setting `security` asks for a user and a password")
                .advice("give the settings sasl-user, sasl-password and sasl-mechanism"));
        }
        if security != Security::Plaintext && !cfg!(feature = "kafka-tls") {
            return Err(Failure::user("this program was built without TLS and SASL for Kafka")
                .advice("build it with the feature `kafka-tls`"));
        }
        Ok(())
    }

    /// What librdkafka is told of both sources and sinks.
    fn connection(&self) -> Result<Properties> {
        let mut own = vec![
            ("bootstrap.servers".into(), self.servers.clone()),
            ("client.id".into(), self.get(&CLIENT_ID)?),
            // Attempts follow soon on each other, so that a broker that is back is found soon.
            ("reconnect.backoff.max.ms".into(), "1000".into()),
        ];
        let mut add = |name: &str, value: Option<String>| {
            own.extend(value.map(|value| (name.to_owned(), value)));
        };
        if self.is_secured()? {
            let name = match self.get(&SECURITY)? {
                Security::Plaintext => "plaintext",
                Security::Ssl => "ssl",
                Security::SaslPlaintext => "sasl_plaintext",
                Security::SaslSsl => "sasl_ssl",
            };
            let path = |path: PathBuf| path.display().to_string();
            add("security.protocol", Some(name.into()));
            add("sasl.mechanism", self.given(&SASL_MECHANISM)?);
            add("sasl.username", self.given(&SASL_USER)?);
            add("sasl.password", self.given(&SASL_PASSWORD)?);
            add("ssl.ca.location", self.given(&TLS_CA)?.map(path));
            add("ssl.certificate.location", self.given(&TLS_CERTIFICATE)?.map(path));
            add("ssl.key.location", self.given(&TLS_KEY)?.map(path));
        }
        Ok(own)
    }

    /// What librdkafka is told of a source.
    pub(super) fn reading(&self) -> Result<Properties> {
        let isolation = match self.get(&ISOLATION)? {
            Isolation::ReadCommitted => "read_committed",
            Isolation::ReadUncommitted => "read_uncommitted",
        };
        let buffer = self.get(&FETCH_BUFFER)?.0;
        let mut own = self.connection()?;
        for (name, value) in [
            // The library asks for one; nothing joins it.
            ("group.id", self.given(&GROUP)?.unwrap_or_else(|| "millstream".into())),
            ("enable.auto.commit", "false".into()),
            ("enable.auto.offset.store", "false".into()),
            ("enable.partition.eof", "true".into()),
            ("auto.offset.reset", "error".into()),
            ("allow.auto.create.topics", "false".into()),
            ("isolation.level", isolation.into()),
            ("queued.min.messages", "1000000".into()),
            ("queued.max.messages.kbytes", (buffer >> 10).to_string()),
            ("max.partition.fetch.bytes", (buffer / 4).to_string()),
            ("fetch.min.bytes", self.get(&FETCH_MIN)?.0.to_string()),
            ("fetch.wait.max.ms", self.get(&FETCH_WAIT)?.as_millis().to_string()),
            ("check.crcs", "false".into()),
        ] {
            own.push((name.into(), value));
        }
        own.extend(self.properties.iter().cloned());
        Ok(own)
    }

    /// What librdkafka is told of a sink.
    pub(super) fn writing(&self) -> Result<Properties> {
        let compression = self.get(&COMPRESSION)?;
        let compression = Compression::ALL.iter().find(|(_, known, _)| *known == compression);
        let mut own = self.connection()?;
        for (name, value) in [
            ("enable.idempotence", "true".to_owned()),
            ("message.timeout.ms", self.get(&DELIVERY_TIMEOUT)?.as_millis().to_string()),
            ("linger.ms", self.get(&LINGER)?.as_millis().to_string()),
            ("compression.type", compression.map_or("none", |(name, ..)| name).into()),
            ("queue.buffering.max.kbytes", (self.get(&SEND_BUFFER)?.0 >> 10).to_string()),
            ("queue.buffering.max.messages", "1000000".into()),
            ("batch.size", self.get(&BATCH_SIZE)?.0.to_string()),
            ("message.max.bytes", self.get(&RECORD_MAX)?.0.to_string()),
            ("delivery.report.only.error", "true".into()),
            // As Kafka's own producer does it, so that a key is in the same partition whoever wrote it.
            ("partitioner", "murmur2_random".into()),
        ] {
            own.push((name.into(), value));
        }
        own.extend(self.properties.iter().cloned());
        Ok(own)
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets.
        f.debug_struct("Chosen").field("servers", &self.servers).finish_non_exhaustive()
    }
}
