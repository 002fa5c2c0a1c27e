//! State: what operators remember between records, and how it is written down and read back.
//!
//! Answers for the layout by key group in memory, for snapshots that do not stop the stream, and for their encoding.
//! Not for where snapshots are kept (crate `millstream-state`) nor for when they are taken (the runtime).

pub mod encoding;
