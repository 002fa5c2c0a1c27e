//! The producer of the next transaction, made by a thread while the current one is written.
//!
//! Answers for taking over its transactional id ahead of time. Not for which id that is.
//! Holds: once this is dropped, the id is taken over no more, but by what is on its way to a broker that is silent: whoever
//! goes on with the id is not put out by who came before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millstream_dataflow::operator::Cancelled;
use millstream_model::error::{Failure, Result};

use crate::kafka::native::{Code, KafkaError, Producer, Properties};

/// How long one wait for brokers is, between two looks at whether the producer is still wanted.
const STEP: Duration = Duration::from_millis(200);
/// How long whoever lets go of this waits for the thread: longer than a broker that answers needs.
const GRACE: Duration = Duration::from_millis(400);

pub(super) struct Following {
    /// `None` once it is taken.
    thread: Option<JoinHandle<Result<Producer, KafkaError>>>,
    is_abandoned: Arc<AtomicBool>,
}

impl Following {
    /// Begins to make a producer, for no longer than `limit`.
    pub(super) fn begin(properties: Properties, limit: Duration) -> Result<Self> {
        let is_abandoned = Arc::<AtomicBool>::default();
        let told = is_abandoned.clone();
        let make = move || make(&properties, limit, &told);
        let thread = std::thread::Builder::new()
            .name("kafka-producer".into())
            .spawn(make)
            .map_err(|error| Failure::external("no thread can be started").because(error))?;
        Ok(Self { thread: Some(thread), is_abandoned })
    }

    /// The producer, waited for.
    pub(super) fn take(mut self, cancelled: &Cancelled) -> Result<Result<Producer, KafkaError>> {
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            cancelled.wait(Duration::from_millis(1))?;
        }
        let Some(thread) = self.thread.take() else {
            return Err(Failure::internal("the producer of a transaction was taken twice"));
        };
        thread.join().map_err(|_| Failure::internal("making a Kafka producer panicked"))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
        let Some(thread) = &self.thread else { return };
        let until = Instant::now() + GRACE;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn make(properties: &Properties, limit: Duration, is_abandoned: &AtomicBool) -> Result<Producer, KafkaError> {
    let producer = Producer::new(properties)?;
    let begun = Instant::now();
    let is_over = || is_abandoned.load(Ordering::Relaxed) || begun.elapsed() >= limit;
    // The client then knows its brokers, and need not wait for a timer to find the coordinator.
    while producer.client().topics(None, STEP).is_err() && !is_over() {
        producer.client().serve(Duration::ZERO);
    }
    if is_abandoned.load(Ordering::Relaxed) {
        return Err(KafkaError::of(Code::RD_KAFKA_RESP_ERR__DESTROY));
    }
    loop {
        match producer.init_transactions(STEP) {
            Ok(()) => return Ok(producer),
            Err(error) if !error.retriable || is_over() => {
                producer.client().serve(Duration::ZERO);
                let heard = producer.client().take_error();
                return Err(if error.is_timeout() { heard.unwrap_or(error) } else { error });
            }
            Err(_) => {}
        }
    }
}
