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
    /// All channels are idle.
    Idle,
    /// The first barrier of a checkpoint: with exactly-once, this channel is to wait from now on.
    Wait,
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
}

impl Alignment {
    /// For this many channels.
    pub fn new(channels: usize) -> Self {
        let channel = Channel { watermark: Timestamp::MIN, idle: false, ended: false, has_barrier: false };
        Self { channels: vec![channel; channels], watermark: Timestamp::MIN, idle: false, barrier: None }
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
        if self.channels.iter().all(|channel| channel.idle || channel.ended) {
            let was = std::mem::replace(&mut self.idle, true);
            return if was { Progress::None } else { Progress::Idle };
        }
        self.advance()
    }

    /// No record follows on the channel.
    pub fn on_end(&mut self, channel: usize) -> Progress {
        self.channels[channel].ended = true;
        if self.channels.iter().all(|channel| channel.ended) { Progress::End } else { self.advance() }
    }

    /// A barrier came. A newer one supersedes one that is not complete.
    pub fn on_barrier(&mut self, channel: usize, barrier: Barrier) -> Progress {
        if self.barrier.is_some_and(|current| current.checkpoint > barrier.checkpoint) {
            return Progress::None;
        }
        if self.barrier != Some(barrier) {
            self.barrier = Some(barrier);
            self.channels.iter_mut().for_each(|channel| channel.has_barrier = false);
        }
        self.channels[channel].has_barrier = true;
        if self.channels.iter().all(|channel| channel.has_barrier) {
            self.channels.iter_mut().for_each(|channel| channel.has_barrier = false);
            self.barrier = None;
            return Progress::Aligned(barrier);
        }
        Progress::Wait
    }

    /// The least watermark over the channels that count, if it is news.
    fn advance(&mut self) -> Progress {
        let live = self.channels.iter().filter(|channel| !channel.idle && !channel.ended);
        let least = match live.map(|channel| channel.watermark).min() {
            Some(least) => least,
            // Only ended or idle channels are left: what the ended ones came to.
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
