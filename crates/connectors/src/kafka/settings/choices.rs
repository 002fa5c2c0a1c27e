//! Settings that are one of a few words.

use millstream_model::settings::Choices;

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
