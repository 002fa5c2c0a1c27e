//! Where operators read the time of day.
//!
//! Answers for one place to set another clock, as tests do. Not for being woken up: that is
//! [`millstream_dataflow::operator::Wakeup`]'s.

use std::fmt;
use std::sync::Arc;

use millstream_model::time::Timestamp;

/// A clock for processing time: this machine's, or one that was given.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Default for Clock {
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

impl Clock {
    /// A clock that shows what `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time it is.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
