//! The words of Millstream: record, text, time, key, id, error, settings.

pub mod error;
pub mod key;
