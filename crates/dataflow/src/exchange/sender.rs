//! The sending side of an exchange: one buffer for each receiver.
//!
//! Answers for filling batches for each receiver and for sending control elements to all of them behind the records.
//! Holds: when a control element is sent, no record that came before it is still in a buffer; only records that are
//! combined stay longer, which are for results at the end: until a barrier or the end.

use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::{AnyBatch, ChannelSender, Combine, Element, KeySelector, Partitioning, Route};
use crate::batch::Batch;
use crate::operator::{ChainContext, Control, Downstream, Mode};

/// How many records with different keys are combined before they are sent.
const COMBINED: usize = 1 << 17;

/// Shares records out among channels.
pub struct ExchangeSender<T> {
    partitioning: Partitioning<T>,
    channels: Vec<Box<dyn ChannelSender>>,
    buffers: Vec<Batch<T>>,
    route: Route,
    table: Vec<u16>,
    hashes: Vec<u64>,
    /// Where records of one key become one, for as long as that pays.
    combine: Option<Box<dyn Combine<T>>>,
    /// How many records came into it since it was last emptied.
    taken: usize,
    subtask: Subtask,
    batch_size: usize,
    flush_each: bool,
    next: usize,
    random: u64,
}

impl<T: Record> ExchangeSender<T> {
    /// A sender into `channels`, in batches of up to `batch_size` records; with `flush_each` nothing waits for a batch
    /// to fill.
    pub fn new(
        partitioning: Partitioning<T>,
        channels: Vec<Box<dyn ChannelSender>>,
        route: Route,
        batch_size: usize,
        flush_each: bool,
    ) -> Self {
        let keyed = matches!(partitioning, Partitioning::Keyed(_) | Partitioning::Combined(..));
        let table = if keyed { route.table() } else { Vec::new() };
        Self {
            buffers: channels.iter().map(|_| Batch::default()).collect(),
            partitioning,
            channels,
            route,
            table,
            hashes: Vec::new(),
            combine: None,
            taken: 0,
            subtask: Subtask { index: 0, of: 1 },
            batch_size: batch_size.max(1),
            flush_each,
            next: 0,
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }

    #[cold]
    fn flush_one(&mut self, to: usize) -> Result<()> {
        if !self.buffers[to].is_empty() {
            let fresh = if self.table.is_empty() {
                Batch::with_capacity(self.batch_size)
            } else {
                Batch::with_keyed_capacity(self.batch_size)
            };
            let batch = std::mem::replace(&mut self.buffers[to], fresh);
            self.channels[to].send(Element::Batch(AnyBatch::new(batch)))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        (0..self.channels.len()).try_for_each(|to| self.flush_one(to))
    }

    fn send_all(&mut self, mut element: impl FnMut() -> Element) -> Result<()> {
        self.flush()?;
        self.channels.iter_mut().try_for_each(|channel| channel.send(element()))
    }

    /// Puts a whole batch behind what waits for one receiver.
    fn append(&mut self, to: usize, batch: &mut Batch<T>) -> Result<()> {
        while self.buffers[to].len() + batch.len() > self.batch_size {
            let room = self.batch_size - self.buffers[to].len();
            if room > 0 {
                let mut front = batch.take_front(room);
                self.buffers[to].append(&mut front);
            }
            self.flush_one(to)?;
        }
        self.buffers[to].append(batch);
        if self.buffers[to].len() >= self.batch_size {
            self.flush_one(to)?;
        }
        Ok(())
    }

    /// Puts each record where `choose` says.
    fn scatter(
        &mut self,
        batch: &mut Batch<T>,
        mut choose: impl FnMut(&mut Self, &T) -> Result<usize>,
    ) -> Result<()> {
        let timed = batch.is_timed();
        for (record, time) in batch.drain_timed() {
            let to = choose(self, &record)?;
            if timed {
                self.buffers[to].push_at(record, time);
            } else {
                self.buffers[to].push(record);
            }
            if self.buffers[to].len() >= self.batch_size {
                self.flush_one(to)?;
            }
        }
        Ok(())
    }

    #[inline(always)] // It is the loop's body, once for each of its two forms.
    fn push_keyed(&mut self, record: T, time: Option<Timestamp>, hash: u64) -> Result<()> {
        let to = usize::from(self.table[self.route.group(hash)]);
        let buffer = &mut self.buffers[to];
        buffer.push_keyed(record, time, hash);
        if buffer.len() >= self.batch_size { self.flush_one(to) } else { Ok(()) }
    }

    fn scatter_keyed(&mut self, batch: &mut Batch<T>, select: &KeySelector<T>) -> Result<()> {
        self.hashes.clear();
        select(batch.records(), &mut self.hashes);
        if let Some(combine) = &mut self.combine {
            self.taken += batch.len();
            combine
                .take(batch, &self.hashes)
                .map_err(|failure| failure.in_operator(&self.route.name, &self.route.uid, self.subtask))?;
            return if combine.len() >= COMBINED { self.send_combined() } else { Ok(()) };
        }
        let hashes = std::mem::take(&mut self.hashes);
        if batch.is_timed() {
            for ((record, time), &hash) in batch.drain_timed().zip(&hashes) {
                self.push_keyed(record, Some(time), hash)?;
            }
        } else {
            for (record, &hash) in batch.drain().zip(&hashes) {
                self.push_keyed(record, None, hash)?;
            }
        }
        self.hashes = hashes;
        Ok(())
    }

    /// Sends what was combined. If it is more than half of what came, combining is given up.
    fn send_combined(&mut self) -> Result<()> {
        let Some(mut combine) = self.combine.take() else { return Ok(()) };
        let pays = combine.len() < self.taken / 2;
        self.taken = 0;
        for (hash, record) in combine.drain() {
            self.push_keyed(record, None, hash)?;
        }
        self.combine = pays.then_some(combine);
        Ok(())
    }

    /// Marsaglia's xorshift: the order need not be secret, only even.
    fn random(&mut self) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % self.channels.len() as u64) as usize
    }
}

impl<T: Record> Downstream<T> for ExchangeSender<T> {
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()> {
        self.subtask = context.subtask;
        self.next = context.subtask.index as usize % self.channels.len().max(1);
        self.random = self.random.wrapping_mul(2 * u64::from(context.subtask.index) + 1);
        if let (Partitioning::Combined(_, make), Mode::Batch) = (&self.partitioning, context.mode) {
            self.combine = Some(make());
        }
        Ok(())
    }

    fn batch(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let receivers = self.channels.len();
        match self.partitioning.clone() {
            Partitioning::Global => self.append(0, batch)?,
            Partitioning::Unset | Partitioning::Forward if receivers == 1 => self.append(0, batch)?,
            Partitioning::Broadcast => {
                for to in 0..receivers {
                    self.append(to, &mut batch.clone())?;
                }
            }
            Partitioning::Keyed(select) | Partitioning::Combined(select, _) => {
                self.scatter_keyed(batch, &select)?
            }
            Partitioning::Unset | Partitioning::Forward | Partitioning::Rebalance | Partitioning::Rescale => {
                self.scatter(batch, |sender, _| {
                    sender.next = (sender.next + 1) % receivers;
                    Ok(sender.next)
                })?
            }
            Partitioning::Shuffle => self.scatter(batch, |sender, _| Ok(sender.random()))?,
            Partitioning::Custom(choose) => {
                self.scatter(batch, |_, record| match choose(record, receivers) {
                    to if to < receivers => Ok(to),
                    to => Err(Failure::user(format!(
                        "the custom partitioner chose subtask {to}, but there are {receivers} (0 to {})",
                        receivers - 1
                    ))
                    .advice("give an index below the number of subtasks, the function's second argument")),
                })?
            }
        }
        batch.clear();
        if self.flush_each { self.flush() } else { Ok(()) }
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        match control {
            Control::Watermark(time) => {
                let time = *time;
                self.send_all(|| Element::Watermark(time))
            }
            Control::Idle => self.send_all(|| Element::Idle),
            Control::Barrier(pass) => {
                let barrier = pass.barrier;
                self.send_combined()?;
                self.send_all(|| Element::Barrier(barrier))
            }
            Control::Tick(_) => Ok(()),
            Control::Flush => self.flush(),
            Control::End => {
                self.send_combined()?;
                self.send_all(|| Element::End)
            }
        }
    }
}
