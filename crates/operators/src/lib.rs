//! The operators that exist: steps, keyed aggregates, processes, event time, windows.
//!
//! Answers for what each operator does with its records, times and state. Not for how they are put into a job (crate
//! `api`) nor for how they are driven (crate `runtime`).
//! Holds: no operator passes the hashes of an exchange on, since what stands behind may be keyed otherwise.

pub mod clock;
pub mod event_time;
pub mod keyed;
mod rejects;
pub mod step;
pub mod window;
