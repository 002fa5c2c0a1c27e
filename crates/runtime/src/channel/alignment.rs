//! What the control elements of several channels amount to.
//!
//! Answers for the watermark over all channels, for when a barrier is complete, for idleness and for the end. A pure
//! state machine: it blocks nothing itself.
//! Holds: the watermark it gives never goes back; a barrier is complete once it has come through every channel.

use millstream_dataflow::operator::Barrier;
use millstream_model::time::Timestamp;

#[derive(Clone, Copy)]
struct Channel {
    watermark: Timestamp,
    idle: bool,
    ended: bool,
    has_barrier: bool,
}

/// What a control element, together with those before it, amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing yet.
    None,
    /// Event time has come this far.
    Watermark(Timestamp),
    /// All channels that have not ended are idle; by then, event time has come to what the furthest of them said, if
    /// that is news.
    Idle(Option<Timestamp>),
    /// A barrier, while others are still to come: with exactly-once, this channel is to wait from now on.
    Wait,
    /// As [`Progress::Wait`], but the channels that waited for an older barrier are to be read again.
    WaitAnew,
    /// The barrier has come through all channels: take the snapshot, then read all of them again.
    Aligned(Barrier),
    /// All channels have ended.
    End,
}

/// The control side of a subtask's channels.
pub struct Alignment {
    channels: Vec<Channel>,
    watermark: Timestamp,
    idle: bool,
    barrier: Option<Barrier>,
    /// The number of the last barrier that was complete.
    aligned: Option<u64>,
}

impl Alignment {
    /// For this many channels.
    pub fn new(channels: usize) -> Self {
        let channel = Channel { watermark: Timestamp::MIN, idle: false, ended: false, has_barrier: false };
        Self {
            channels: vec![channel; channels],
            watermark: Timestamp::MIN,
            idle: false,
            barrier: None,
            aligned: None,
        }
    }

    /// Records came: the channel is not idle.
    pub fn on_records(&mut self, channel: usize) {
        self.channels[channel].idle = false;
        self.idle = false;
    }

    /// A watermark came.
    pub fn on_watermark(&mut self, channel: usize, watermark: Timestamp) -> Progress {
        let entry = &mut self.channels[channel];
        entry.idle = false;
        entry.watermark = entry.watermark.max(watermark);
        self.idle = false;
        self.advance()
    }

    /// The channel is idle: the others need not wait for it.
    pub fn on_idle(&mut self, channel: usize) -> Progress {
        self.channels[channel].idle = true;
        self.on_silence()
    }

    /// No record follows on the channel.
    pub fn on_end(&mut self, channel: usize) -> Progress {
        self.channels[channel].ended = true;
        if self.channels.iter().all(|channel| channel.ended) { Progress::End } else { self.on_silence() }
    }

    /// A channel fell silent, for now or for good.
    fn on_silence(&mut self) -> Progress {
        if !self.channels.iter().all(|channel| channel.idle || channel.ended) {
            return self.advance();
        }
        if std::mem::replace(&mut self.idle, true) {
            return Progress::None;
        }
        // In whatever order they fell silent, all that they had said has been said.
        let furthest = self.channels.iter().map(|channel| channel.watermark).max();
        let news = furthest.filter(|furthest| *furthest > self.watermark);
        self.watermark = news.unwrap_or(self.watermark);
        Progress::Idle(news)
    }

    /// A barrier came. A newer one supersedes one that is not complete; an older one is of no use any more.
    pub fn on_barrier(&mut self, channel: usize, barrier: Barrier) -> Progress {
        let number = barrier.checkpoint.0;
        if self.aligned.is_some_and(|last| number <= last)
            || self.barrier.is_some_and(|current| current.checkpoint.0 > number)
        {
            return Progress::None;
        }
        let superseded = self.barrier.is_some_and(|current| current != barrier);
        if self.barrier != Some(barrier) {
            self.barrier = Some(barrier);
            self.channels.iter_mut().for_each(|channel| channel.has_barrier = false);
        }
        self.channels[channel].has_barrier = true;
        if self.channels.iter().all(|channel| channel.has_barrier) {
            self.channels.iter_mut().for_each(|channel| channel.has_barrier = false);
            self.barrier = None;
            self.aligned = Some(number);
            return Progress::Aligned(barrier);
        }
        if superseded { Progress::WaitAnew } else { Progress::Wait }
    }

    /// The least watermark over the channels that count, if it is news.
    fn advance(&mut self) -> Progress {
        let live = self.channels.iter().filter(|channel| !channel.idle && !channel.ended);
        let least = match live.map(|channel| channel.watermark).min() {
            Some(least) => least,
            // Silence is judged elsewhere.
            None => return Progress::None,
        };
        if least > self.watermark {
            self.watermark = least;
            return Progress::Watermark(least);
        }
        Progress::None
    }
}

#[cfg(test)]
mod tests;
