//! The words of Millstream: record, text, time, key, id, error, settings.
//!
//! Answers for the small types that every other crate speaks in. Not for behaviour: nothing here does I/O,
//! owns a thread or knows a graph.
//! Holds: no type here depends on another crate of the workspace.

pub mod error;
pub mod id;
pub mod key;
pub mod record;
pub mod settings;
pub mod text;
pub mod time;
