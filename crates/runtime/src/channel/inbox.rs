//! All channels into one subtask behind one lock, so that the subtask sleeps and wakes once.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use millstream_dataflow::exchange::{ChannelSender, Element};
use millstream_model::error::{Failure, Result};

use super::Gauge;

/// Control elements that may wait in one channel; there are few of them, and they bound it too.
const MAX_CONTROLS: usize = 16;

struct Channel {
    queue: VecDeque<Element>,
    records: usize,
    blocked: bool,
}

impl Channel {
    fn has_room(&self, records: usize, capacity: usize) -> bool {
        if records == 0 {
            self.queue.len() < MAX_CONTROLS.max(capacity)
        } else {
            self.records == 0 || self.records + records <= capacity
        }
    }
}

struct State {
    channels: Vec<Channel>,
    next: usize,
    receiver_waits: bool,
    senders_wait: usize,
    cancelled: bool,
}

/// The receiving side.
pub struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
    room: Condvar,
    capacity: usize,
    gauge: Arc<Gauge>,
}

/// What came of waiting.
#[derive(Debug)]
pub enum Received {
    /// An element, and the channel it came through.
    Element(usize, Element),
    /// Nothing until the time given.
    Nothing,
}

impl Inbox {
    /// `channels` channels of `capacity` records each.
    pub fn new(channels: usize, capacity: usize, gauge: Arc<Gauge>) -> Arc<Self> {
        let channel = || Channel { queue: VecDeque::new(), records: 0, blocked: false };
        Arc::new(Self {
            state: Mutex::new(State {
                channels: (0..channels).map(|_| channel()).collect(),
                next: 0,
                receiver_waits: false,
                senders_wait: 0,
                cancelled: false,
            }),
            arrived: Condvar::new(),
            room: Condvar::new(),
            capacity,
            gauge,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No user code runs under the lock, so its state is whole even if a thread died.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next element of a channel that is not blocked, in turn; waits until `deadline` (`None`: without end).
    ///
    /// # Errors
    /// If the job was cancelled.
    pub fn receive(&self, deadline: Option<Instant>) -> Result<Received> {
        let mut state = self.lock();
        loop {
            if state.cancelled {
                return Err(Failure::cancelled());
            }
            if let Some((channel, element)) = take_next(&mut state) {
                if let Element::Batch(batch) = &element {
                    self.gauge.remove(batch.len());
                }
                // Not with each element: a sender that is woken for one only falls asleep again behind it.
                if state.senders_wait > 0 && state.channels[channel].records <= self.capacity / 2 {
                    self.room.notify_all();
                }
                return Ok(Received::Element(channel, element));
            }
            state.receiver_waits = true;
            state = match deadline {
                None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        state.receiver_waits = false;
                        return Ok(Received::Nothing);
                    }
                    self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.receiver_waits = false;
        }
    }

    /// Stops or resumes taking from a channel; its sender blocks once it is full.
    pub fn set_blocked(&self, channel: usize, blocked: bool) {
        if let Some(channel) = self.lock().channels.get_mut(channel) {
            channel.blocked = blocked;
        }
    }

    /// Wakes everybody with the news that the job stops.
    pub fn cancel(&self) {
        self.lock().cancelled = true;
        self.arrived.notify_all();
        self.room.notify_all();
    }

    fn send(&self, channel: usize, element: Element) -> Result<()> {
        let records = if let Element::Batch(batch) = &element { batch.len() } else { 0 };
        let mut state = self.lock();
        loop {
            if state.cancelled {
                return Err(Failure::cancelled());
            }
            let Some(into) = state.channels.get_mut(channel) else {
                return Err(Failure::internal(format!("there is no channel {channel}")));
            };
            if into.has_room(records, self.capacity) {
                into.queue.push_back(element);
                into.records += records;
                self.gauge.add(records);
                if state.receiver_waits {
                    self.arrived.notify_one();
                }
                return Ok(());
            }
            state.senders_wait += 1;
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.senders_wait -= 1;
        }
    }
}

fn take_next(state: &mut State) -> Option<(usize, Element)> {
    let count = state.channels.len();
    for step in 0..count {
        let index = (state.next + step) % count;
        let channel = &mut state.channels[index];
        if channel.blocked {
            continue;
        }
        if let Some(element) = channel.queue.pop_front() {
            if let Element::Batch(batch) = &element {
                channel.records -= batch.len();
            }
            state.next = (index + 1) % count;
            return Some((index, element));
        }
    }
    None
}

/// The sending side of one channel of an inbox.
pub struct InboxSender {
    inbox: Arc<Inbox>,
    channel: usize,
}

impl InboxSender {
    /// A sender into channel number `channel`.
    pub fn new(inbox: Arc<Inbox>, channel: usize) -> Self {
        Self { inbox, channel }
    }
}

impl ChannelSender for InboxSender {
    fn send(&mut self, element: Element) -> Result<()> {
        self.inbox.send(self.channel, element)
    }
}

#[cfg(test)]
mod tests;
