//! Settings that are one of a few words.

use millstream_model::settings::Choices;

/// What agents speak to a source that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenProtocol {
    /// What the sink of type `avro` speaks.
    Avro,
    /// What the sink of type `thrift` speaks, in either of its encodings.
    Thrift,
}

impl Choices for ListenProtocol {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("avro", Self::Avro, "what sinks of type avro speak"),
        ("thrift", Self::Thrift, "what sinks of type thrift speak, compact or binary"),
    ];
}

/// What the source of an agent understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendProtocol {
    /// A source of type `avro`.
    Avro,
    /// A source of type `thrift` without the property `protocol`.
    Thrift,
    /// A source of type `thrift` with `protocol=binary`.
    ThriftBinary,
}

impl Choices for SendProtocol {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("avro", Self::Avro, "a source of type avro"),
        ("thrift", Self::Thrift, "a source of type thrift"),
        ("thrift-binary", Self::ThriftBinary, "a source of type thrift with protocol=binary"),
    ];
}

/// Whether connections are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// They are not.
    None,
    /// As `compression-type=deflate` has it.
    Deflate,
}

impl Choices for Compression {
    const ALL: &'static [(&'static str, Self, &'static str)] =
        &[("none", Self::None, "not compressed"), ("deflate", Self::Deflate, "compression-type=deflate")];
}

/// When an agent is told that its events were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// Once they are in the log on the disk, or, without a log, in a completed checkpoint.
    Safe,
    /// Once they are received: a kill loses what was not processed yet.
    Received,
}

impl Choices for Acknowledge {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("safe", Self::Safe, "once in the log, or in a completed checkpoint"),
        ("received", Self::Received, "at once; a kill may lose them"),
    ];
}

/// What becomes of a start from a checkpoint whose place the log does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLost {
    /// The job fails.
    Fail,
    /// It goes on with what there is.
    GoOn,
}

impl Choices for LogLost {
    const ALL: &'static [(&'static str, Self, &'static str)] =
        &[("fail", Self::Fail, "the job fails"), ("go-on", Self::GoOn, "it goes on with what there is")];
}

/// Which of several agents is sent the next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choose {
    /// The first of the list that can be reached.
    Failover,
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
}

impl Choices for Choose {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("failover", Self::Failover, "the first of the list that takes it"),
        ("round-robin", Self::RoundRobin, "each in turn"),
        ("random", Self::Random, "any of them"),
    ];
}
