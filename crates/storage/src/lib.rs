//! Places to keep bytes: local folders, memory, S3, HDFS, behind one interface.
//!
//! A location is a path or a URL; opening it gives a [`Storage`], whose calls block and are the same for all kinds of
//! places. Where stores differ in what they can do in one step, the difference is bridged here: publishing a file
//! whole or not at all, changing a small file by agreement with other processes, a lease.
//!
//! Answers for time limits on every request (the HDFS client has none), for asking again what failed outside, and for
//! errors that name the file. Not for what is in files, nor for which files there are.
//! Holds: who reads a file reads it whole; what was lost or cut off is an error, never a short file.
//!
//! The clients of S3 and HDFS are behind the features `s3` and `hdfs`.

mod calls;
mod conditional;
mod error;
#[cfg(feature = "hdfs")]
mod hdfs;
mod lease;
mod local;
mod location;
mod objects;
mod open;
mod reader;
#[cfg(feature = "s3")]
mod s3;
mod settings;
mod storage;
mod upload;

pub use conditional::{ConditionalStore, Outcome, Version};
pub use error::StorageError;
pub use lease::Lease;
pub use location::Location;
pub use reader::Reader;
pub use settings::{STORAGE_SETTINGS, StorageSettings};
pub use storage::{Entry, Published, Renamed, Storage};
pub use upload::{StagedUpload, Upload};
