//! All channels into one subtask behind one lock, so that the subtask sleeps and wakes once.
//!
//! Answers for waking: the receiver when it sleeps and something came that it may take; a sender when it sleeps and its
//! own channel has room. Nobody else is woken, and nobody who is awake.
//! Holds: who goes to sleep has said so under the lock, and who changes what is slept for looks under the same lock.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Instant;

use millstream_dataflow::exchange::{ChannelSender, Element};
use millstream_model::error::{Failure, Result};

use super::{Gauge, Meter, Wait};
use crate::sync::{Condvar, Mutex, MutexGuard, now, wait_until};

/// Control elements that may wait in one channel; there are few of them, and they bound it too.
pub const MAX_CONTROLS: usize = 16;

#[derive(Default)]
struct Channel {
    queue: VecDeque<Element>,
    records: usize,
    blocked: bool,
    /// The records of the element that a sleeping sender wants to put in.
    wanted: Option<usize>,
}

impl Channel {
    fn has_room(&self, records: usize, capacity: usize) -> bool {
        if records == 0 {
            self.queue.len() < MAX_CONTROLS.max(capacity)
        } else {
            self.records == 0 || self.records + records <= capacity
        }
    }

    /// Whether to wake the sender now: once half of the channel is free, so that it does not go to sleep again after
    /// one batch.
    fn take_sleeper(&mut self, capacity: usize) -> bool {
        let Some(records) = self.wanted else { return false };
        let wakes = self.has_room(records, capacity) && self.records <= capacity / 2;
        if wakes {
            self.wanted = None;
        }
        wakes
    }
}

struct State {
    channels: Vec<Channel>,
    next: usize,
    receiver_sleeps: bool,
    cancelled: bool,
}

/// Told how many records an element had (none for a control element) once it is taken out of a channel.
pub type OnTaken = Box<dyn Fn(usize) + Send + Sync>;

/// The receiving side.
pub struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
    /// For each channel, whose sender is one thread.
    room: Vec<Condvar>,
    /// For each channel that comes from another process, who gives its sender credit.
    taken: Vec<OnceLock<OnTaken>>,
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

fn records_of(element: &Element) -> usize {
    if let Element::Batch(batch) = element { batch.len() } else { 0 }
}

impl Inbox {
    /// `channels` channels of `capacity` records each.
    pub fn new(channels: usize, capacity: usize, gauge: Arc<Gauge>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                channels: (0..channels).map(|_| Channel::default()).collect(),
                next: 0,
                receiver_sleeps: false,
                cancelled: false,
            }),
            arrived: Condvar::new(),
            room: (0..channels).map(|_| Condvar::new()).collect(),
            taken: (0..channels).map(|_| OnceLock::new()).collect(),
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
                let wakes = state.channels[channel].take_sleeper(self.capacity);
                drop(state);
                let records = records_of(&element);
                self.gauge.remove(records);
                if wakes {
                    self.room[channel].notify_one();
                }
                if let Some(taken) = self.taken[channel].get() {
                    taken(records);
                }
                return Ok(Received::Element(channel, element));
            }
            if deadline.is_some_and(|deadline| deadline <= now()) {
                return Ok(Received::Nothing);
            }
            state.receiver_sleeps = true;
            state = wait_until(&self.arrived, &self.state, state, deadline);
            state.receiver_sleeps = false;
        }
    }

    /// Stops or resumes taking from a channel; its sender blocks once it is full. For the receiver.
    pub fn set_blocked(&self, channel: usize, blocked: bool) {
        if let Some(channel) = self.lock().channels.get_mut(channel) {
            channel.blocked = blocked;
        }
    }

    /// Takes from all channels again. For the receiver.
    pub fn unblock_all(&self) {
        self.lock().channels.iter_mut().for_each(|channel| channel.blocked = false);
    }

    /// Wakes everybody with the news that nothing passes any more: the job stops, or the receiver has left.
    pub fn cancel(&self) {
        self.lock().cancelled = true;
        self.arrived.notify_all();
        self.room.iter().for_each(|room| room.notify_all());
    }

    /// How many records a channel may hold.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Has `taken` called, by the receiver's thread, whenever it has taken an element out of `channel`. Once a channel,
    /// before anything is offered.
    pub fn on_taken(&self, channel: usize, taken: OnTaken) {
        if let Some(cell) = self.taken.get(channel) {
            // A second one would be a second sender, which a channel has not.
            let _ = cell.set(taken);
        }
    }

    /// Puts an element into a channel without waiting; `false` if there is no room. For elements from another process,
    /// whose sender has waited for credit there.
    ///
    /// # Errors
    /// If the job was cancelled, or there is no such channel.
    pub fn offer(&self, channel: usize, element: Element) -> Result<bool> {
        let records = records_of(&element);
        let state = self.lock();
        match state.channels.get(channel) {
            _ if state.cancelled => Err(Failure::cancelled()),
            None => Err(Failure::internal(format!("there is no channel {channel}"))),
            Some(into) if !into.has_room(records, self.capacity) => Ok(false),
            Some(_) => {
                self.put(state, channel, element);
                Ok(true)
            }
        }
    }

    /// Puts an element into a channel that has room, and wakes the receiver if that is of use to it.
    fn put(&self, mut state: MutexGuard<'_, State>, channel: usize, element: Element) {
        let into = &mut state.channels[channel];
        let records = records_of(&element);
        into.queue.push_back(element);
        into.records += records;
        self.gauge.add(records);
        let of_use = !into.blocked;
        let wakes = of_use && std::mem::take(&mut state.receiver_sleeps);
        drop(state);
        if wakes {
            self.arrived.notify_one();
        }
    }

    fn send(&self, channel: usize, element: Element, meter: &Meter) -> Result<()> {
        let records = records_of(&element);
        let (mut state, mut waiting) = (self.lock(), None);
        loop {
            if state.cancelled {
                return Err(Failure::cancelled());
            }
            let Some(into) = state.channels.get_mut(channel) else {
                return Err(Failure::internal(format!("there is no channel {channel}")));
            };
            if into.has_room(records, self.capacity) {
                self.put(state, channel, element);
                return Ok(());
            }
            into.wanted = Some(records);
            waiting.get_or_insert_with(|| meter.wait(Wait::Room));
            state = wait_until(&self.room[channel], &self.state, state, None);
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
            channel.records -= records_of(&element);
            state.next = (index + 1) % count;
            return Some((index, element));
        }
    }
    None
}

/// The sending side of one channel of an inbox. A channel has one sender.
pub struct InboxSender {
    inbox: Arc<Inbox>,
    channel: usize,
    meter: Arc<Meter>,
}

impl InboxSender {
    /// A sender into channel number `channel`; the time that it waits is told to `meter`.
    pub fn new(inbox: Arc<Inbox>, channel: usize, meter: Arc<Meter>) -> Self {
        Self { inbox, channel, meter }
    }
}

impl ChannelSender for InboxSender {
    fn send(&mut self, element: Element) -> Result<()> {
        self.inbox.send(self.channel, element, &self.meter)
    }
}

#[cfg(test)]
#[cfg(feature = "model")]
mod model;
#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests;
