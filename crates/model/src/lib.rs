//! The words of Millstream: record, text, time, key, id, error, settings.

pub mod key;
pub mod text;
