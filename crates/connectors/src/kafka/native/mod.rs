//! The C library librdkafka, behind calls that are safe.
//!
//! Answers for handles being freed once, for memory that the library owns not being used after it is given back, and for its
//! errors as values. Not for what a source or a sink does with it.
//! Holds: `unsafe` is in this folder only; no callback of the library runs code that can panic.
#![allow(unsafe_code, reason = "a C library is called")]

mod client;
mod consumer;
mod error;
mod message;
mod partitions;
mod producer;

pub(super) use client::{Client, Kind, Properties};
pub(super) use consumer::{Consumer, Polled};
pub(super) use error::{Code, KafkaError};
pub use message::{Headers, Message};
pub(super) use partitions::{Partition, Watermarks};
pub(super) use producer::{Outgoing, Producer};
