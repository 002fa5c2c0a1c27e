//! Whatever goes wrong says who, where, why and what to do: each test reads a whole message of a whole job.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is missing")]

mod checkpoints;
mod disk;
mod files;
mod functions;
mod settings;
mod sockets;
mod state_types;
