//! How much a channel's sender may send, and when its receiver says that it may send more.
//!
//! Answers for the bound of a channel between two processes, by the same rule as that of one inside of a process
//! (`runtime/src/channel`): at most its capacity in records, or one batch; at most [`MAX_CONTROLS`] or its capacity in
//! elements. Pure state machines: nothing is sent or waited for here.
//! Holds: what was sent and not taken is within the bound; a sender that waits is told in time: as soon as half of the
//! channel is taken, or, if it has said that it waits with a batch that is larger than that, once all of it is.

use crate::channel::MAX_CONTROLS;

/// What went through a channel since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Batches and control elements.
    pub(crate) elements: u64,
    /// Records.
    pub(crate) records: u64,
}

impl Passed {
    fn add(&mut self, records: u64) {
        self.elements += 1;
        self.records += records;
    }
}

fn max_elements(capacity: u64) -> u64 {
    capacity.max(MAX_CONTROLS as u64)
}

/// The sender's side.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    /// Absent until the receiver has opened the channel.
    capacity: Option<u64>,
    sent: Passed,
    taken: Passed,
}

impl Allowance {
    /// The receiver is there.
    pub(crate) fn open(&mut self, capacity: u64) {
        self.capacity = Some(capacity);
    }

    /// Whether an element of so many records may be sent now; it counts as sent then.
    pub(crate) fn take(&mut self, records: u64) -> bool {
        let Some(capacity) = self.capacity else { return false };
        let (held, elements) =
            (self.sent.records - self.taken.records, self.sent.elements - self.taken.elements);
        let fits = if records == 0 {
            elements < max_elements(capacity)
        } else {
            held == 0 || held + records <= capacity
        };
        if fits {
            self.sent.add(records);
        }
        fits
    }

    /// Whether the receiver has to be told that a batch of so many records waits.
    pub(crate) fn has_to_ask(&self, records: u64) -> bool {
        self.capacity.is_some_and(|capacity| records > 1 && records > capacity / 2)
    }

    /// The receiver has taken this much in all. False if it cannot be: more than was sent, or less than before.
    pub(crate) fn taken(&mut self, taken: Passed) -> bool {
        let possible = taken.records <= self.sent.records
            && taken.elements <= self.sent.elements
            && taken.records >= self.taken.records
            && taken.elements >= self.taken.elements;
        if possible {
            self.taken = taken;
        }
        possible
    }
}

/// The receiver's side.
#[derive(Debug)]
pub(crate) struct Ledger {
    capacity: u64,
    arrived: Passed,
    taken: Passed,
    /// What the sender was told last.
    told: Passed,
    /// The sender waits for the channel to be empty.
    wanted: bool,
}

impl Ledger {
    pub(crate) fn new(capacity: u64) -> Self {
        let nothing = Passed::default();
        Self { capacity, arrived: nothing, taken: nothing, told: nothing, wanted: false }
    }

    /// An element of so many records came. False if the sender was not allowed to send it.
    pub(crate) fn arrive(&mut self, records: u64) -> bool {
        let held = self.arrived.records - self.told.records;
        let elements = self.arrived.elements - self.told.elements;
        self.arrived.add(records);
        if records == 0 {
            elements < max_elements(self.capacity)
        } else {
            held == 0 || held + records <= self.capacity
        }
    }

    /// An element of so many records was taken. What the sender is to be told, if it is time.
    pub(crate) fn take(&mut self, records: u64) -> Option<Passed> {
        self.taken.add(records);
        let owed = self.taken.records - self.told.records;
        let owed_elements = self.taken.elements - self.told.elements;
        let is_time =
            (owed > 0 && owed >= self.capacity / 2) || owed_elements >= max_elements(self.capacity) / 2;
        if is_time { Some(self.tell()) } else { self.if_wanted() }
    }

    /// The sender waits with a large batch. What it is to be told, if it is time.
    pub(crate) fn want(&mut self) -> Option<Passed> {
        self.wanted = true;
        self.if_wanted()
    }

    fn if_wanted(&mut self) -> Option<Passed> {
        (self.wanted && self.taken == self.arrived).then(|| self.tell())
    }

    fn tell(&mut self) -> Passed {
        self.wanted = false;
        self.told = self.taken;
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is sent, in whatever order both sides get to run and however late the news is: the bound holds, and
        /// everything arrives in the end.
        #[test]
        fn the_bound_holds_and_nobody_waits_for_ever(
            capacity in 1_u64..40,
            elements in prop::collection::vec(0_u64..45, 1..200),
            order in prop::collection::vec(0_u8..3, 0..400),
        ) {
            let (mut allowance, mut ledger) = (Allowance::default(), Ledger::new(capacity));
            allowance.open(capacity);
            let (mut queue, mut news) = (Vec::new(), Vec::new());
            let mut to_send = elements.iter().copied().peekable();
            let mut order = order.into_iter();
            let mut taken = 0;
            let mut idle = 0;
            while taken < elements.len() {
                let step = order.next().unwrap_or((idle % 3) as u8);
                let done = match step {
                    0 => to_send.next_if(|records| {
                        let sent = allowance.take(*records);
                        if !sent && allowance.has_to_ask(*records) {
                            news.extend(ledger.want());
                        }
                        sent
                    }).map(|records| {
                        prop_assert!(ledger.arrive(records), "the receiver sees the same bound");
                        queue.push(records);
                        let held: u64 = queue.iter().sum();
                        prop_assert!(held <= capacity || queue.iter().filter(|n| **n > 0).count() == 1);
                        Ok(())
                    }).transpose()?.is_some(),
                    1 if !queue.is_empty() => {
                        news.extend(ledger.take(queue.remove(0)));
                        taken += 1;
                        true
                    }
                    2 if !news.is_empty() => { prop_assert!(allowance.taken(news.remove(0))); true }
                    _ => false,
                };
                idle = if done { 0 } else { idle + 1 };
                prop_assert!(idle < 400, "all wait for each other");
            }
        }
    }

    #[test]
    fn nothing_is_sent_before_the_receiver_is_there() {
        let mut allowance = Allowance::default();
        assert!(!allowance.take(0) && !allowance.take(1));
        allowance.open(1);
        assert!(allowance.take(1) && !allowance.take(1));
    }

    #[test]
    fn a_receiver_that_took_what_was_never_sent_is_noticed() {
        let mut allowance = Allowance::default();
        allowance.open(10);
        assert!(allowance.take(5));
        assert!(!allowance.taken(Passed { elements: 2, records: 5 }));
        assert!(allowance.taken(Passed { elements: 1, records: 5 }));
        assert!(!allowance.taken(Passed::default()));
    }

    #[test]
    fn a_sender_that_sends_without_credit_is_noticed() {
        let mut ledger = Ledger::new(4);
        assert!(ledger.arrive(3));
        assert!(!ledger.arrive(3));
    }
}
