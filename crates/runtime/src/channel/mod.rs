//! The bounded channels into one subtask.
//!
//! Answers for the order of what passes, for its bound, and for waking the other side. Not for choosing the receiver
//! (`exchange`) nor for what a barrier means (`alignment`).
//! Holds: what was sent before a barrier is received before it; a channel holds at most its capacity in records, or
//! one element; a sender that is blocked is woken when there is room or when the job stops.

mod alignment;
mod channels;
mod exchange;
mod gauge;
mod inbox;
mod meter;

pub use alignment::{Alignment, Progress};
pub(crate) use channels::Channels;
pub(crate) use exchange::{Break, Broke, Exchange};
pub use gauge::Gauge;
pub use inbox::{Inbox, InboxSender, MAX_CONTROLS, OnTaken, Received};
pub use meter::{Meter, Reading, Wait};
