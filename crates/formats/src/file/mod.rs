//! What a format and whoever opens files for it have to agree on.
//!
//! Answers for the two contracts: reading a part of a file from a position on ([`ReadFormat`]), and making the bytes of a new file out
//! of records ([`WriteFormat`]). Not for where files are, which there are, nor when they become visible: that is the
//! connector's, which knows no format by name.
//! Holds: each record of a file belongs to exactly one of the parts that the file is cut into, however it is cut.

mod outlet;
mod read;
mod write;

pub(crate) use outlet::Outlet;
pub use read::{Input, Part, PartReader, ReadFormat, Stream};
pub use write::{FileEncoder, WriteFormat};
