//! The settings of webhooks as data: names, types, defaults, meanings.

use std::time::Duration;

use millstream_model::settings::{ByteSize, Choices, Setting, SettingsList};

use crate::tls;

/// How records are put into a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON array.
    JsonArray,
    /// A JSON value on each line.
    JsonLines,
}

impl Choices for Format {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("json-array", Self::JsonArray, "a JSON array, as application/json"),
        ("json-lines", Self::JsonLines, "a JSON value on each line, as application/x-ndjson"),
    ];
}

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
}

impl Choices for Method {
    const ALL: &'static [(&'static str, Self, &'static str)] =
        &[("post", Self::Post, "POST"), ("put", Self::Put, "PUT"), ("patch", Self::Patch, "PATCH")];
}

pub(super) static FORMAT: Setting<Format> =
    Setting::new("format", "How records are put into a request: as an array, or each on a line.")
        .default("json-array");
pub(super) static METHOD: Setting<Method> = Setting::new("method", "How a request is made.").default("post");
pub(super) static BATCH_RECORDS: Setting<u32> =
    Setting::new("batch-records", "The most records of one request.")
        .unit("records")
        .default("500")
        .at_least("1")
        .at_most("1000000")
        .elsewhere(&["batch-size", "sink.batch.max-size"]);
pub(super) static BATCH_BYTES: Setting<ByteSize> = Setting::new(
    "batch-bytes",
    "The most bytes of one request's records. One that is longer alone is sent alone.",
)
.default("1 MiB")
.at_least("1 B");
pub(super) static REQUEST_TIMEOUT: Setting<Duration> = Setting::new(
    "request-timeout",
    "How long a request may take, from connecting to the end of its answer, before it is made again.",
)
.default("30 s")
.at_least("1 ms")
.elsewhere(&["timeout"]);
pub(super) static RETRY_FIRST: Setting<Duration> = Setting::new(
    "retry-first-delay",
    "How long to wait before a request is made again; each further wait is twice as long. A server's Retry-After is kept to \
     where it asks for longer.",
)
.default("200 ms")
.at_least("1 ms");
pub(super) static RETRY_MAX: Setting<Duration> =
    Setting::new("retry-max-delay", "The longest of these waits.").default("30 s").at_least("1 ms");
pub(super) static GIVE_UP: Setting<Duration> = Setting::new(
    "give-up-after",
    "How long a batch may be answered with errors that may pass, or not be answered, before the job fails.",
)
.default("5 min")
.at_least("1 ms")
.elsewhere(&["retries", "max-retries"]);
pub(super) static IDEMPOTENCY_HEADER: Setting<String> = Setting::new(
    "idempotency-header",
    "The header with the key of a batch, which is the same whenever that batch is sent again by the same attempt of the job, so \
     that a server can drop repeats. After a restart batches are cut anew, with new keys.",
)
.default("Idempotency-Key");

/// The settings of a webhook.
pub static SINK_SETTINGS: SettingsList = SettingsList::new(
    "settings of a webhook",
    &[
        &[&FORMAT, &METHOD, &BATCH_RECORDS, &BATCH_BYTES],
        &[&REQUEST_TIMEOUT, &RETRY_FIRST, &RETRY_MAX, &GIVE_UP, &IDEMPOTENCY_HEADER],
        tls::CLIENT_OF_HTTPS,
    ],
);
