//! The settings of TCP's sources and sinks as data: names, types, defaults, meanings.

use std::time::Duration;

use millstream_formats::lines::OnBadText;
use millstream_model::settings::{ByteSize, Choices, Setting, SettingsGroup, SettingsList};

use super::framing::Framing;
use crate::tls;

impl Choices for Framing {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("delimiter", Self::Delimiter, "a delimiter ends each record"),
        ("length-u8", Self::U8, "one byte has the record's length"),
        ("length-u16-be", Self::U16Big, "two bytes, the higher first"),
        ("length-u16-le", Self::U16Little, "two bytes, the lower first"),
        ("length-u32-be", Self::U32Big, "four bytes, the highest first"),
        ("length-u32-le", Self::U32Little, "four bytes, the lowest first"),
    ];
}

/// What becomes of a record that is to be text and is no UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadText {
    /// The job fails; of a source that listens, the connection is closed.
    Fail,
    /// Bad bytes become U+FFFD.
    Replace,
    /// The record is left out and counted.
    Skip,
}

impl Choices for BadText {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("fail", Self::Fail, "the job fails, or the client's connection is closed"),
        ("replace", Self::Replace, "bad bytes become U+FFFD"),
        ("skip", Self::Skip, "the record is left out and counted"),
    ];
}

impl From<BadText> for OnBadText {
    fn from(choice: BadText) -> Self {
        match choice {
            BadText::Fail => Self::Fail,
            BadText::Replace => Self::Replace,
            BadText::Skip => Self::Skip,
        }
    }
}

pub(super) static FRAMING: Setting<Framing> = Setting::new(
    "framing",
    "How one record is told from the next: by what ends it, or by its length in front of it.",
)
.default("delimiter");
pub(super) static DELIMITER: Setting<String> = Setting::new(
    "delimiter",
    "What ends a record: characters, of which \\n, \\r, \\t, \\0, \\\\ and \\xHH (a byte) are written so. At \\n a \\r before it \
     belongs to the end of a text as well.",
)
.default("\\n");
pub(super) static FRAME_MAX: Setting<ByteSize> = Setting::new(
    "frame-max",
    "The longest record. A longer one is an error rather than a buffer without bound.",
)
.default("64 MiB")
.at_least("1 B")
.at_most("1 GiB");
pub(super) static LISTEN_FRAME_MAX: Setting<ByteSize> = Setting::new(
    "frame-max",
    "The longest record. The connection of a client that sends a longer one is closed.",
)
.default("1 MiB")
.at_least("1 B")
.at_most("1 GiB");
pub(super) static BAD_TEXT: Setting<BadText> = Setting::new(
    "bad-text",
    "What becomes of a record that is no UTF-8, where records are text: the job fails, bad bytes are replaced, or it is left out.",
)
.default("fail");
pub(super) static LISTEN_BAD_TEXT: Setting<BadText> = Setting::new(
    "bad-text",
    "What becomes of a record that is no UTF-8, where records are text: its client's connection is closed (fail), bad bytes are \
     replaced, or it is left out.",
)
.default("fail");
pub(super) static ATTEMPTS: Setting<u32> = Setting::new(
    "reconnect-attempts",
    "How many attempts may follow one that failed, or a connection that ended. They are counted afresh once a connection has \
     served.",
)
.default("0");
pub(super) static FIRST_DELAY: Setting<Duration> = Setting::new(
    "reconnect-first-delay",
    "How long to wait before the first of them; each further wait is twice as long.",
)
.default("500 ms")
.at_least("1 ms");
pub(super) static MAX_DELAY: Setting<Duration> =
    Setting::new("reconnect-max-delay", "The longest wait.").default("30 s").at_least("1 ms");
pub(super) static WRITE_TIMEOUT: Setting<Duration> =
    Setting::new("write-timeout", "How long a server may take nothing before its connection counts as cut.")
        .default("60 s")
        .at_least("1 ms");
pub(super) static CONNECTIONS: Setting<usize> = Setting::new(
    "connections",
    "How many clients may be connected at once. One more takes the place of the oldest that has sent no record yet; where \
     there is none, it is closed.",
)
.default("128")
.at_least("1");
pub(super) static FRAME_TIMEOUT: Setting<Duration> = Setting::new(
    "frame-timeout",
    "How long a record may take from its first byte to its last, and the handshake of TLS.",
)
.default("30 s")
.at_least("1 ms");
pub(super) static IDLE_TIMEOUT: Setting<Duration> =
    Setting::new("idle-timeout", "How long a client may send nothing before its connection is closed.")
        .default("15 min")
        .at_least("1 ms");
pub(super) static MEMORY: Setting<ByteSize> = Setting::new(
    "memory",
    "The most memory for records that wait for the job. Beyond it clients are read no further, until there is room. Each \
     connection may have a record of up to frame-max besides.",
)
.default("64 MiB")
.at_least("64 KiB");
pub(super) static START_TIMEOUT: Setting<Duration> = Setting::new(
    "start-timeout",
    "How long, when the job starts, the address may be another process's before it fails.",
)
.default("30 s")
.at_least("1 ms");

const FRAMED: SettingsGroup = &[&FRAMING, &DELIMITER, &FRAME_MAX];
const RECONNECTED: SettingsGroup = &[&ATTEMPTS, &FIRST_DELAY, &MAX_DELAY];

/// The settings of a source that connects.
pub static SOURCE_SETTINGS: SettingsList =
    SettingsList::new("settings of a TCP source", &[FRAMED, &[&BAD_TEXT], RECONNECTED, tls::CLIENT]);
/// The settings of a source that listens.
pub static LISTEN_SETTINGS: SettingsList = SettingsList::new(
    "settings of a TCP source that listens",
    &[
        &[&FRAMING, &DELIMITER, &LISTEN_FRAME_MAX, &LISTEN_BAD_TEXT],
        &[&CONNECTIONS, &FRAME_TIMEOUT, &IDLE_TIMEOUT, &MEMORY, &START_TIMEOUT],
        tls::SERVER,
    ],
);
/// The settings of a sink.
pub static SINK_SETTINGS: SettingsList =
    SettingsList::new("settings of a TCP sink", &[FRAMED, &[&WRITE_TIMEOUT], RECONNECTED, tls::CLIENT]);
