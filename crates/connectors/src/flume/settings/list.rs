//! Each setting: its name, its type, its default, its meaning.

use std::path::PathBuf;
use std::time::Duration;

use millstream_model::settings::{ByteSize, Setting, SettingsGroup, SettingsList};

use super::choices::{Acknowledge, Choose, Compression, ListenProtocol, LogLost, SendProtocol};

pub(in crate::flume) static LISTEN_PROTOCOL: Setting<ListenProtocol> =
    Setting::new("protocol", "What the agents' sinks speak: their property `type`.").default("avro");
pub(in crate::flume) static COMPRESSION: Setting<Compression> =
    Setting::new("compression", "Whether connections of Avro are compressed; both sides must be set alike.")
        .default("none")
        .elsewhere(&["compression-type"]);
pub(in crate::flume) static CONNECTIONS: Setting<usize> = Setting::new(
    "connections",
    "How many agents may be connected at once. One more takes the place of the oldest connection over which no events have \
     come yet; where there is none, it is closed.",
)
.default("128")
.at_least("1")
.elsewhere(&["threads"]);
pub(in crate::flume) static FRAME_MAX: Setting<ByteSize> = Setting::new(
    "frame-max",
    "The largest request: a batch of an agent with all its events. A connection that announces more is closed.",
)
.default("16 MiB")
.at_least("1 KiB");
pub(in crate::flume) static LISTEN_REQUEST_TIMEOUT: Setting<Duration> = Setting::new(
    "request-timeout",
    "How long a request may take from its first byte to its last, and an answer until it is taken.",
)
.default("30 s")
.at_least("1 ms");
pub(in crate::flume) static IDLE_TIMEOUT: Setting<Duration> = Setting::new(
    "idle-timeout",
    "How long a connection may be without a request before it is closed; an agent opens it again when it has events.",
)
.default("15 min")
.at_least("1 ms");

pub(in crate::flume) static LOG: Setting<PathBuf> = Setting::new(
    "log",
    "A folder of this machine for the log: an agent's batch is acknowledged once it is there, on the disk. Without it, once a \
     checkpoint that has it is complete.",
);
pub(in crate::flume) static ACKNOWLEDGE: Setting<Acknowledge> =
    Setting::new("acknowledge", "When an agent is told that its events were taken.").default("safe");
pub(in crate::flume) static LOG_SEGMENT: Setting<ByteSize> =
    Setting::new("log-segment", "How large a file of the log becomes before the next is begun.")
        .default("64 MiB")
        .at_least("1 KiB");
pub(in crate::flume) static LOG_LIMIT: Setting<ByteSize> = Setting::new(
    "log-limit",
    "How large the log may become. Beyond it agents are told that their events were not taken, and keep them.",
)
.default("10 GiB")
.at_least("64 KiB");
pub(in crate::flume) static LOG_KEEP: Setting<usize> = Setting::new(
    "log-keep",
    "For how many of the last completed checkpoints the log keeps what follows them, so that the job can be started from each: \
     as many as the job retains.",
)
.unit("checkpoints")
.default("3")
.at_least("1");
pub(in crate::flume) static LOG_LOST: Setting<LogLost> = Setting::new(
    "log-lost",
    "What becomes of a start from a checkpoint whose place the log does not have (any more).",
)
.default("fail");
pub(in crate::flume) static MEMORY: Setting<ByteSize> = Setting::new(
    "memory",
    "The most memory for requests that are coming and for events that wait for the job, of one address.",
)
.default("64 MiB")
.at_least("64 KiB");
pub(in crate::flume) static ANSWER_WITHIN: Setting<Duration> = Setting::new(
    "answer-within",
    "How long a batch may wait for room in memory or in the log before its agent is told that it was not taken. Clearly less than \
     agent-timeout.",
)
.default("10 s")
.at_least("1 ms");
pub(in crate::flume) static PUSH_TIMEOUT: Setting<Duration> = Setting::new(
    "agent-timeout",
    "How long agents wait for an answer before they send a batch again: their property `request-timeout`. Without a log, \
     checkpoints must come more often.",
)
.default("20 s")
.at_least("1 ms");
pub(in crate::flume) static PULL_TIMEOUT: Setting<Duration> = Setting::new(
    "agent-timeout",
    "How long an agent's sink keeps a batch that it gave and that is not acknowledged before it gives it again: its property \
     `timeout`. Without a log, checkpoints must come more often.",
)
.default("60 s")
.at_least("1 ms");
pub(in crate::flume) static START_TIMEOUT: Setting<Duration> = Setting::new(
    "start-timeout",
    "How long, when the job starts, an address or a log may be another process's, or agents out of reach, before it fails.",
)
.default("30 s")
.at_least("1 ms");
pub(in crate::flume) static OUTAGE_TIMEOUT: Setting<Duration> = Setting::new(
    "outage-timeout",
    "How long agents may be out of reach, or refuse what they are sent, while the job runs before it fails.",
)
.default("5 min")
.at_least("1 ms");
pub(in crate::flume) static PULL_BATCH: Setting<u32> =
    Setting::new("batch-size", "How many events are asked for at once.")
        .unit("events")
        .default("1000")
        .at_least("1")
        .at_most("1000000")
        .elsewhere(&["maxBatchSize"]);
pub(in crate::flume) static REQUESTS: Setting<usize> = Setting::new(
    "requests",
    "How many batches may be under way at once from each agent, each over a connection of its own.",
)
.default("2")
.at_least("1")
.at_most("64")
.elsewhere(&["parallelism"]);
pub(in crate::flume) static PULL_REQUEST_TIMEOUT: Setting<Duration> = Setting::new(
    "request-timeout",
    "How long an agent that is asked for events may be silent before it is asked anew.",
)
.default("60 s")
.at_least("1 ms");

pub(in crate::flume) static SEND_PROTOCOL: Setting<SendProtocol> =
    Setting::new("protocol", "What the agents' sources understand: their property `type`.").default("avro");
pub(in crate::flume) static CHOOSE: Setting<Choose> =
    Setting::new("choose", "Which of several agents is sent the next batch.")
        .default("failover")
        .elsewhere(&["client.type", "host-selector", "processor.type"]);
pub(in crate::flume) static SEND_BATCH: Setting<u32> = Setting::new(
    "batch-size",
    "How many events are sent at once. An agent refuses more than its channel's transactionCapacity (100 by default).",
)
.unit("events")
.default("100")
.at_least("1")
.at_most("1000000");
pub(in crate::flume) static SEND_REQUEST_TIMEOUT: Setting<Duration> = Setting::new(
    "request-timeout",
    "How long an agent may take to answer before the batch is sent again, to another one where there are several.",
)
.default("20 s")
.at_least("1 ms");
pub(in crate::flume) static AGENT_PAUSE: Setting<Duration> = Setting::new(
    "agent-pause",
    "The longest time for which an agent that failed is left alone; the first is 100 ms, each further one twice as long.",
)
.default("30 s")
.at_least("1 ms")
.elsewhere(&["maxBackoff"]);

const LISTENING: SettingsGroup = &[
    &LISTEN_PROTOCOL,
    &COMPRESSION,
    &CONNECTIONS,
    &FRAME_MAX,
    &LISTEN_REQUEST_TIMEOUT,
    &IDLE_TIMEOUT,
    &PUSH_TIMEOUT,
];
const PULLING: SettingsGroup =
    &[&PULL_BATCH, &REQUESTS, &FRAME_MAX, &PULL_REQUEST_TIMEOUT, &PULL_TIMEOUT, &OUTAGE_TIMEOUT];
const TAKING: SettingsGroup = &[
    &LOG,
    &ACKNOWLEDGE,
    &LOG_SEGMENT,
    &LOG_LIMIT,
    &LOG_KEEP,
    &LOG_LOST,
    &MEMORY,
    &ANSWER_WITHIN,
    &START_TIMEOUT,
];
const SENDING: SettingsGroup = &[
    &SEND_PROTOCOL,
    &COMPRESSION,
    &CHOOSE,
    &SEND_BATCH,
    &SEND_REQUEST_TIMEOUT,
    &START_TIMEOUT,
    &OUTAGE_TIMEOUT,
    &AGENT_PAUSE,
];

/// The settings of a source that agents push to.
pub static LISTEN_SETTINGS: SettingsList =
    SettingsList::new("settings of a Flume source that listens", &[LISTENING, TAKING]);
/// The settings of a source that pulls.
pub static PULL_SETTINGS: SettingsList =
    SettingsList::new("settings of a Flume source that pulls", &[PULLING, TAKING]);
/// The settings of a sink.
pub static SINK_SETTINGS: SettingsList = SettingsList::new("settings of a Flume sink", &[SENDING]);
