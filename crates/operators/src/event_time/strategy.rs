//! How records get times, and how watermarks follow from them.

use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_model::time::{Timestamp, millis};

/// Makes watermarks out of the records of one subtask.
pub trait WatermarkGenerator<T>: 'static {
    /// Takes note of a record and its time.
    fn on_event(&mut self, record: &T, time: Timestamp);

    /// Takes note of a batch; one dynamic call, within which [`WatermarkGenerator::on_event`] is a plain one.
    fn on_batch(&mut self, records: &[T], times: &[Timestamp]) {
        for (record, time) in records.iter().zip(times) {
            self.on_event(record, *time);
        }
    }

    /// The watermark by now, if there is one; asked after each batch. One that goes back is not emitted.
    fn current_watermark(&mut self) -> Option<Timestamp>;
}

type MakeGenerator<T> = Arc<dyn Fn() -> Box<dyn WatermarkGenerator<T>> + Send + Sync>;
type Stamp<T> = Arc<dyn Fn(&mut Batch<T>) + Send + Sync>;

/// Says where times come from and how late records may be.
///
/// ```
/// use millstream_model::time::{Timestamp, seconds};
/// use millstream_operators::event_time::WatermarkStrategy;
///
/// let strategy = WatermarkStrategy::<(i64, String)>::bounded_out_of_orderness(seconds(5))
///     .with_timestamp_assigner(|record, _| Timestamp::from_millis(record.0))
///     .with_idleness(seconds(30));
/// # let _ = strategy;
/// ```
pub struct WatermarkStrategy<T> {
    pub(super) generator: Option<MakeGenerator<T>>,
    pub(super) stamp: Option<Stamp<T>>,
    pub(super) idleness: Option<Duration>,
}

impl<T> Clone for WatermarkStrategy<T> {
    fn clone(&self) -> Self {
        Self { generator: self.generator.clone(), stamp: self.stamp.clone(), idleness: self.idleness }
    }
}

impl<T: 'static> WatermarkStrategy<T> {
    /// Times never go back: no record is late.
    pub fn monotonous() -> Self {
        Self::bounded_out_of_orderness(Duration::ZERO)
    }

    /// A record is at most `bound` older than the newest before it; the watermark is the newest time less `bound`
    /// less a millisecond.
    pub fn bounded_out_of_orderness(bound: Duration) -> Self {
        Self::for_generator(move || BoundedOutOfOrderness { newest: Timestamp::MIN, bound })
    }

    /// No watermark but the last one, at the end of a bounded input.
    pub fn no_watermarks() -> Self {
        Self { generator: None, stamp: None, idleness: None }
    }

    /// Watermarks by a generator of one's own; each subtask makes one.
    pub fn for_generator<G: WatermarkGenerator<T>>(make: impl Fn() -> G + Send + Sync + 'static) -> Self {
        Self { generator: Some(Arc::new(move || Box::new(make()))), stamp: None, idleness: None }
    }

    /// Gives each record the time that `assign` finds; its second argument is the time that the source gave, or
    /// [`Timestamp::MIN`].
    #[must_use]
    pub fn with_timestamp_assigner(
        mut self,
        assign: impl Fn(&T, Timestamp) -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        self.stamp = Some(Arc::new(move |batch| batch.stamp(&assign)));
        self
    }

    /// An input without a record for this long (found after at most twice as long) is idle: event time goes on
    /// without it.
    #[must_use]
    pub fn with_idleness(mut self, timeout: Duration) -> Self {
        self.idleness = Some(timeout.max(millis(1)));
        self
    }
}

/// The newest time less a bound.
struct BoundedOutOfOrderness {
    newest: Timestamp,
    bound: Duration,
}

impl<T> WatermarkGenerator<T> for BoundedOutOfOrderness {
    #[inline]
    fn on_event(&mut self, _: &T, time: Timestamp) {
        self.newest = self.newest.max(time);
    }

    fn current_watermark(&mut self) -> Option<Timestamp> {
        (self.newest > Timestamp::MIN).then(|| self.newest - self.bound - millis(1))
    }
}
