//! Worker interpreters: the protocol, the worker's end and the driver's.
//!
//! A worker is a Python process with this module in it. Its standard input is one end of a pair of sockets; the other
//! is its driver's. It runs one task at a time. While it does, it is the one who asks: for blocks, and to have
//! partitions kept.
//!
//! ```text
//! driver                                   worker
//!   Hello(protocol, setup)        ->
//!                                 <-        Ready(protocol, Python version)
//!   Task(header, attachments)     ->
//!                                 <-        Fetch(block)                     any number of times
//!   Block(bytes) | Missing(why)   ->
//!                                 <-        Keep(place, bytes)
//!                                 <-        Done(blocks, updates) | Failed(fault)
//! ```
//!
//! Holds: none outlives the other's interest. A driver that is gone, however it died, is a closed socket (and another
//! parent), which a thread of the worker's waits for while user code runs; a worker that is gone is an end of its
//! stream, which fails the task that ran in it, and no other.

mod frame;
mod pool;
mod process;
mod server;

pub(crate) use frame::{Frame, Kind, PROTOCOL, Parts};
pub(crate) use pool::Workers;
pub(crate) use process::{Launch, WorkerProcess, check_version};
pub(crate) use server::{serve, take_stdin, watch};
