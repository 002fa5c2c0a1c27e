//! The values that one source or sink was given, and what librdkafka is told for them.
//!
//! Holds: a secret is shown by nothing.

use std::fmt;
use std::path::PathBuf;

use millstream_model::error::{Failure, Result};
use millstream_model::settings::{Choices, Setting, SettingValue, SettingsList};

use super::choices::{Compression, Isolation, Security};
use super::list::{
    BATCH_SIZE, CLIENT_ID, COMPRESSION, DELIVERY_TIMEOUT, FETCH_BUFFER, FETCH_MIN, FETCH_WAIT, GROUP,
    ISOLATION, LINGER, RECORD_MAX, SASL_MECHANISM, SASL_PASSWORD, SASL_USER, SECURITY, SEND_BUFFER, TLS_CA,
    TLS_CERTIFICATE, TLS_KEY,
};
use crate::chosen;
use crate::kafka::native::Properties;

/// The values of one source or sink, with librdkafka's own properties behind them.
#[derive(Clone)]
pub(in crate::kafka) struct Chosen {
    pub(in crate::kafka) servers: String,
    values: chosen::Chosen,
    properties: Properties,
}

/// What lets a connection in. It is shown by nothing.
#[cfg_attr(not(feature = "kafka-tls"), expect(dead_code, reason = "connections are plain in this build"))]
pub(in crate::kafka) struct Credentials {
    pub(in crate::kafka) is_encrypted: bool,
    /// Who vouches for brokers.
    pub(in crate::kafka) ca: Option<PathBuf>,
    /// The client's own certificate, and its key.
    pub(in crate::kafka) certificate: Option<PathBuf>,
    pub(in crate::kafka) key: Option<PathBuf>,
    /// Mechanism, user, password.
    pub(in crate::kafka) login: Option<(String, String, String)>,
}

impl Chosen {
    pub(in crate::kafka) fn new(servers: String, list: &'static SettingsList) -> Self {
        Self { servers, values: chosen::Chosen::new(list), properties: Vec::new() }
    }

    pub(in crate::kafka) fn set(&mut self, name: &str, text: &str) {
        self.values.set(name, text);
    }

    pub(in crate::kafka) fn property(&mut self, name: &str, value: &str) {
        self.properties.push((name.to_owned(), value.to_owned()));
    }

    pub(in crate::kafka) fn get<T: SettingValue>(&self, setting: &Setting<T>) -> Result<T> {
        self.values.get(setting)
    }

    pub(in crate::kafka) fn given<T: SettingValue>(&self, setting: &Setting<T>) -> Result<Option<T>> {
        self.values.given(setting)
    }

    /// Whether connections are anything but plain.
    pub(in crate::kafka) fn is_secured(&self) -> Result<bool> {
        Ok(self.get(&SECURITY)? != Security::Plaintext)
    }

    /// What lets a connection in.
    pub(in crate::kafka) fn credentials(&self) -> Result<Credentials> {
        let security = self.get(&SECURITY)?;
        let login = match security {
            Security::Plaintext | Security::Ssl => None,
            Security::SaslPlaintext | Security::SaslSsl => {
                let part = |setting| self.given(setting).map(Option::unwrap_or_default);
                Some((part(&SASL_MECHANISM)?, part(&SASL_USER)?, part(&SASL_PASSWORD)?))
            }
        };
        Ok(Credentials {
            is_encrypted: matches!(security, Security::Ssl | Security::SaslSsl),
            ca: self.given(&TLS_CA)?,
            certificate: self.given(&TLS_CERTIFICATE)?,
            key: self.given(&TLS_KEY)?,
            login,
        })
    }

    /// Refuses what was set wrongly, and addresses that are none.
    pub(in crate::kafka) fn check(&self) -> Result<()> {
        self.values.check()?;
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
    pub(in crate::kafka) fn reading(&self) -> Result<Properties> {
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
    pub(in crate::kafka) fn writing(&self) -> Result<Properties> {
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
