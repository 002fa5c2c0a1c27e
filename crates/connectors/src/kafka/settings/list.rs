//! Each setting: its name, its type, its default, its meaning.

use std::path::PathBuf;
use std::time::Duration;

use millstream_model::settings::{ByteSize, Setting, SettingsGroup, SettingsList};

use super::choices::{Compression, Isolation, Security};

pub(in crate::kafka) static CLIENT_ID: Setting<String> =
    Setting::new("client-id", "The name under which brokers log what this job asks of them.")
        .default("millstream")
        .elsewhere(&["client.id"]);
pub(in crate::kafka) static START_TIMEOUT: Setting<Duration> = Setting::new(
    "start-timeout",
    "How long brokers may be out of reach when the job starts before it fails.",
)
.default("30 s")
.at_least("1 ms");
pub(in crate::kafka) static OUTAGE_TIMEOUT: Setting<Duration> = Setting::new(
    "outage-timeout",
    "How long brokers may be out of reach while the job runs before it fails; until then it waits and goes on.",
)
.default("5 min")
.at_least("1 ms");
pub(super) static SECURITY: Setting<Security> = Setting::new("security", "How connections are secured.")
    .default("plaintext")
    .elsewhere(&["security.protocol"]);
pub(super) static SASL_MECHANISM: Setting<String> =
    Setting::new("sasl-mechanism", "How the password is shown: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.")
        .elsewhere(&["sasl.mechanism", "sasl.mechanisms"]);
pub(super) static SASL_USER: Setting<String> =
    Setting::new("sasl-user", "The user's name.").elsewhere(&["sasl.username", "sasl.jaas.config"]);
pub(super) static SASL_PASSWORD: Setting<String> =
    Setting::new("sasl-password", "The user's password; it is never shown.").elsewhere(&["sasl.password"]);
pub(super) static TLS_CA: Setting<PathBuf> =
    Setting::new("tls-ca", "A PEM file with the certificates that vouch for brokers.")
        .elsewhere(&["ssl.ca.location", "ssl.truststore.location"]);
pub(super) static TLS_CERTIFICATE: Setting<PathBuf> =
    Setting::new("tls-certificate", "A PEM file with the certificate that this job shows to brokers.")
        .elsewhere(&["ssl.certificate.location", "ssl.keystore.location"]);
pub(super) static TLS_KEY: Setting<PathBuf> =
    Setting::new("tls-key", "A PEM file with the key of that certificate.").elsewhere(&["ssl.key.location"]);

pub(in crate::kafka) static GROUP: Setting<String> = Setting::new(
    "group",
    "The consumer group that offsets are committed to with each checkpoint, for who watches from outside. The job itself \
     goes on from its checkpoint. Without a group nothing is committed.",
)
.elsewhere(&["group.id"]);
pub(super) static ISOLATION: Setting<Isolation> =
    Setting::new("isolation", "Which records of transactions are read.")
        .default("read-committed")
        .elsewhere(&["isolation.level"]);
pub(in crate::kafka) static DISCOVERY_INTERVAL: Setting<Duration> =
    Setting::new("discovery-interval", "How often new topics and partitions are looked for; 0: not at all.")
        .default("10 s")
        .elsewhere(&["partition.discovery.interval.ms", "topic.metadata.refresh.interval.ms"]);
pub(super) static FETCH_BUFFER: Setting<ByteSize> =
    Setting::new("fetch-buffer", "The most that a subtask fetches ahead, of all its partitions together.")
        .default("16 MiB")
        .at_least("1 MiB")
        .elsewhere(&["queued.max.messages.kbytes", "max.partition.fetch.bytes", "fetch.max.bytes"]);
pub(super) static FETCH_MIN: Setting<ByteSize> =
    Setting::new("fetch-min", "How much a broker gathers before it answers, as long as fetch-wait allows.")
        .default("1 B")
        .at_least("1 B")
        .elsewhere(&["fetch.min.bytes"]);
pub(super) static FETCH_WAIT: Setting<Duration> =
    Setting::new("fetch-wait", "How long a broker waits for fetch-min.")
        .default("100 ms")
        .elsewhere(&["fetch.max.wait.ms", "fetch.wait.max.ms"]);

pub(in crate::kafka) static DELIVERY_TIMEOUT: Setting<Duration> = Setting::new(
    "delivery-timeout",
    "How long a record may wait for its broker's acknowledgement before the job fails.",
)
.default("2 min")
.at_least("1 ms")
.elsewhere(&["delivery.timeout.ms", "message.timeout.ms"]);
pub(in crate::kafka) static TRANSACTION_TIMEOUT: Setting<Duration> = Setting::new(
    "transaction-timeout",
    "How long a transaction may be open before the broker throws it away: longer than from one checkpoint to the next, with \
     the time that a restart takes; at most what the broker allows (transaction.max.timeout.ms).",
)
.default("15 min")
.at_least("1 s")
.elsewhere(&["transaction.timeout.ms"]);
pub(super) static LINGER: Setting<Duration> =
    Setting::new("linger", "How long a record waits for others to be sent with it.")
        .default("5 ms")
        .elsewhere(&["linger.ms", "queue.buffering.max.ms"]);
pub(super) static COMPRESSION: Setting<Compression> =
    Setting::new("compression", "How records are compressed.")
        .default("none")
        .elsewhere(&["compression.type", "compression.codec"]);
pub(super) static SEND_BUFFER: Setting<ByteSize> =
    Setting::new("send-buffer", "The most that waits to be sent, of one subtask.")
        .default("32 MiB")
        .at_least("1 MiB")
        .elsewhere(&["buffer.memory", "queue.buffering.max.kbytes"]);
pub(super) static BATCH_SIZE: Setting<ByteSize> =
    Setting::new("batch-size", "The most that is sent to a partition with one request.")
        .default("1000000 B")
        .at_least("1 B")
        .elsewhere(&["batch.size"]);
pub(super) static RECORD_MAX: Setting<ByteSize> =
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

/// The settings of [`crate::kafka::KafkaSource`].
pub static SOURCE_SETTINGS: SettingsList =
    SettingsList::new("settings of a Kafka source", &[CONNECTION, READING]);
/// The settings of [`crate::kafka::KafkaSink`].
pub static SINK_SETTINGS: SettingsList =
    SettingsList::new("settings of a Kafka sink", &[CONNECTION, WRITING]);
