//! Reading partitions, many records with one call.

use std::time::Duration;

use rdkafka_sys as sys;

use super::client::{Client, Kind, Properties, millis};
use super::error::{Code, KafkaError, text};
use super::message::Message;
use super::partitions::{List, Partition};

/// How many records one call takes at most.
const MOST: usize = 4096;

/// What a poll gives, in order.
pub(in crate::kafka) enum Polled<'a> {
    /// Records of one partition, one behind the other.
    Run(&'a [Message<'a>]),
    /// A partition is read up to this offset, behind which there is nothing for now.
    End(Partition),
    /// A partition cannot be read.
    Failed(Partition, KafkaError),
}

/// Reads the partitions that it is given.
pub(in crate::kafka) struct Consumer {
    // Before the client: they must be freed first.
    queue: Queue,
    /// Where answers to commits come.
    commits: Queue,
    /// How many of them have not come.
    unanswered: usize,
    client: Client,
    fetched: Vec<*mut sys::rd_kafka_message_t>,
}

// SAFETY: the pointers in `fetched` are null but during a call; handles may be used from any thread.
unsafe impl Send for Consumer {}

struct Queue(*mut sys::rd_kafka_queue_t);

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: made or got by `Consumer::new`, and given back here alone.
        unsafe { sys::rd_kafka_queue_destroy(self.0) }
    }
}

/// Records that are given back to the library in the end, whatever happens in between.
struct Fetched<'a>(&'a mut [*mut sys::rd_kafka_message_t]);

impl Drop for Fetched<'_> {
    fn drop(&mut self) {
        for message in &mut *self.0 {
            // SAFETY: fetched, and destroyed here alone.
            unsafe { sys::rd_kafka_message_destroy(*message) };
            *message = std::ptr::null_mut();
        }
    }
}

impl Consumer {
    pub(in crate::kafka) fn new(properties: &Properties) -> Result<Self, KafkaError> {
        let client = Client::new(Kind::Consumer, properties)?;
        // SAFETY: the handle is a consumer; all it has to say goes to the one queue that is polled.
        let queue = unsafe {
            KafkaError::check(sys::rd_kafka_poll_set_consumer(client.handle()))?;
            Queue(sys::rd_kafka_queue_get_consumer(client.handle()))
        };
        // SAFETY: the handle is alive; the queue is freed before it.
        let commits = Queue(unsafe { sys::rd_kafka_queue_new(client.handle()) });
        Ok(Self { queue, commits, unanswered: 0, client, fetched: vec![std::ptr::null_mut(); MOST] })
    }

    pub(in crate::kafka) fn client(&self) -> &Client {
        &self.client
    }

    /// Reads this partition too, from its offset on.
    pub(in crate::kafka) fn add(&self, partition: Partition) -> Result<(), KafkaError> {
        let list = List::of(&[partition])?;
        // SAFETY: the list outlives the call, which copies it.
        KafkaError::take(unsafe { sys::rd_kafka_incremental_assign(self.client.handle(), list.pointer()) })
    }

    /// Reads this partition no more.
    pub(in crate::kafka) fn remove(&self, partition: Partition) -> Result<(), KafkaError> {
        let list = List::of(&[partition])?;
        // SAFETY: the list outlives the call, which copies it.
        KafkaError::take(unsafe { sys::rd_kafka_incremental_unassign(self.client.handle(), list.pointer()) })
    }

    /// Tells the group how far these partitions are read, without waiting for the answer: see [`Consumer::answer`].
    pub(in crate::kafka) fn commit(&mut self, partitions: &[Partition]) -> Result<(), KafkaError> {
        let list = List::of(partitions)?;
        let (handle, queue) = (self.client.handle(), self.commits.0);
        // SAFETY: the list outlives the call, which copies it; the queue lives as long as the handle is used.
        KafkaError::check(unsafe {
            sys::rd_kafka_commit_queue(handle, list.pointer(), queue, None, std::ptr::null_mut())
        })?;
        self.unanswered += 1;
        Ok(())
    }

    /// The answer to the earliest commit that has none yet; `None` if there is no such commit, or no answer in this time.
    pub(in crate::kafka) fn answer(&mut self, patience: Duration) -> Option<Result<(), KafkaError>> {
        if self.unanswered == 0 {
            return None;
        }
        // SAFETY: the queue is alive; the event is freed here, after its last use.
        let answer = unsafe {
            let event = sys::rd_kafka_queue_poll(self.commits.0, millis(patience));
            if event.is_null() {
                return None;
            }
            let answer = KafkaError::check(sys::rd_kafka_event_error(event));
            sys::rd_kafka_event_destroy(event);
            answer
        };
        self.unanswered -= 1;
        Some(answer)
    }

    /// The offset behind the last record of a partition, as far as the last fetch has told; `None` before the first.
    pub(in crate::kafka) fn known_end(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = super::partitions::c_string(topic).ok()?;
        let (mut low, mut high) = (0, 0);
        let handle = self.client.handle();
        // SAFETY: the places outlive the call.
        let code = unsafe {
            sys::rd_kafka_get_watermark_offsets(handle, topic.as_ptr(), partition, &mut low, &mut high)
        };
        (code == Code::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }

    /// Puts up to `most` messages behind the `held` ones that were fetched; how many.
    fn fetch(&mut self, held: usize, patience: Duration, most: usize) -> usize {
        let room = &mut self.fetched[held..held + most];
        // SAFETY: there is room for `most` messages; as many as the call says were put there.
        let count = unsafe {
            sys::rd_kafka_consume_batch_queue(self.queue.0, millis(patience), room.as_mut_ptr(), most)
        };
        usize::try_from(count).unwrap_or(0).min(most)
    }

    /// Hands over what is there, waiting no longer than `patience` for the first; whether there was anything.
    pub(in crate::kafka) fn poll<E>(
        &mut self,
        patience: Duration,
        mut take: impl FnMut(Polled<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        // A call waits until there are as many as it asks for, or its time is over: only the first record is waited for.
        let mut count = self.fetch(0, Duration::ZERO, MOST);
        if count == 0 && !patience.is_zero() {
            count = self.fetch(0, patience, 1);
            if count > 0 {
                count += self.fetch(count, Duration::ZERO, MOST - count);
            }
        }
        let fetched = Fetched(&mut self.fetched[..count]);
        let mut run: Vec<Message<'_>> = Vec::with_capacity(count);
        for &pointer in &*fetched.0 {
            // SAFETY: alive until `fetched` is dropped, which is after `run`.
            let message = unsafe { &*pointer };
            if message.err == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                // SAFETY: as above, and it has no error.
                let message = unsafe { Message::new(pointer) };
                let follows = |last: &Message<'_>| {
                    last.topic_place() == message.topic_place() && last.partition() == message.partition()
                };
                if !run.last().is_none_or(follows) {
                    take(Polled::Run(&run))?;
                    run.clear();
                }
                run.push(message);
                continue;
            }
            if !run.is_empty() {
                take(Polled::Run(&run))?;
                run.clear();
            }
            // SAFETY: a topic may be null; if not, it has a name; the text belongs to the message.
            let (topic, said) = unsafe {
                let topic = message.rkt;
                let name =
                    if topic.is_null() { String::new() } else { text(sys::rd_kafka_topic_name(topic)) };
                (name, text(sys::rd_kafka_message_errstr(pointer)))
            };
            let partition = Partition { topic, partition: message.partition, offset: message.offset };
            if message.err == Code::RD_KAFKA_RESP_ERR__PARTITION_EOF {
                take(Polled::End(partition))?;
            } else {
                let mut error = KafkaError::of(message.err);
                if !said.is_empty() {
                    error.text = said;
                }
                take(Polled::Failed(partition, error))?;
            }
        }
        if !run.is_empty() {
            take(Polled::Run(&run))?;
        }
        drop(run);
        drop(fetched);
        Ok(count > 0)
    }
}
