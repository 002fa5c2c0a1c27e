//! The settings of a streaming program.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use millstream_connectors::tcp::Reconnect;
use millstream_runtime::microbatch::{Clock, HoldLimits, ManualClock};

use super::context::StreamingContext;
use crate::rdd::Context;

/// Makes a [`StreamingContext`] with settings.
///
/// ```
/// use millstream::connectors::tcp::Reconnect;
/// use millstream::dstream::StreamingContext;
/// use millstream::rdd::Context;
/// use millstream::time::seconds;
///
/// let batches = StreamingContext::builder(&Context::new()?, seconds(1))
///     .held_records(100_000)
///     .held_bytes(64 << 20)
///     .reconnect(Reconnect { attempts: 3, ..Reconnect::default() })
///     .build();
/// # Ok::<(), millstream::Failure>(())
/// ```
pub struct StreamingContextBuilder {
    context: Context,
    pub(super) interval: Duration,
    pub(super) clock: Clock,
    pub(super) printer: Box<dyn Write + Send>,
    pub(super) longest_queue: usize,
    pub(super) limits: HoldLimits,
    pub(super) reconnect: Reconnect,
}

impl fmt::Debug for StreamingContextBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingContextBuilder")
            .field("interval", &self.interval)
            .field("limits", &self.limits)
            .field("queued_batches", &self.longest_queue)
            .finish_non_exhaustive()
    }
}

impl StreamingContextBuilder {
    pub(super) fn new(context: &Context, interval: Duration) -> Self {
        Self {
            context: context.clone(),
            interval,
            clock: Clock::default(),
            printer: Box::new(std::io::stdout()),
            longest_queue: 1000,
            limits: HoldLimits { records: 4 << 20, bytes: 256 << 20 },
            reconnect: Reconnect { attempts: 10, ..Reconnect::default() },
        }
    }

    /// The most records that each receiver holds: what it took in and no batch has done with. At this limit it reads no
    /// further, so that its peer waits too. 4,194,304 by default, at least 1.
    #[must_use]
    pub fn held_records(mut self, records: usize) -> Self {
        self.limits.records = records;
        self
    }

    /// The most bytes that each receiver holds, as [`held_records`](Self::held_records); the text of a line counts with
    /// 16 bytes more, any other record with its size on the stack. 256 MiB by default; a single record may be larger.
    #[must_use]
    pub fn held_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How many batches may wait to be processed; when so many do, the next is cut late rather than never. 1,000 by
    /// default, at least 1.
    #[must_use]
    pub fn queued_batches(mut self, batches: usize) -> Self {
        self.longest_queue = batches;
        self
    }

    /// How [`socket_text_stream`](StreamingContext::socket_text_stream) tries again when it has no connection: 10 times
    /// by default, after half a second first and then after twice as long each time, up to 30 seconds.
    #[must_use]
    pub fn reconnect(mut self, settings: Reconnect) -> Self {
        self.reconnect = settings;
        self
    }

    /// Where [`print`](super::DStream::print) writes; standard output by default.
    #[must_use]
    pub fn output(mut self, output: impl Write + Send + 'static) -> Self {
        self.printer = Box::new(output);
        self
    }

    /// A clock that is moved by hand, for tests.
    #[must_use]
    pub fn manual_clock(mut self, clock: &ManualClock) -> Self {
        self.clock = clock.clock();
        self
    }

    /// The context. What is wrong with the settings is told at the start.
    pub fn build(self) -> StreamingContext {
        let context = self.context.clone();
        StreamingContext::with(context, self)
    }
}
