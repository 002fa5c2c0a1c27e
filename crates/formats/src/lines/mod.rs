//! Lines of text out of bytes.
//!
//! Answers for how lines are cut and written, for what becomes of a line that is not UTF-8, and for where each line stood. Not for
//! reading files or sockets.
//! Holds: each line is handed out once, in order, with its number; the position moves only over whole lines.

mod cutter;
mod delimiter;
mod encoder;
mod part;
mod settings;
#[cfg(test)]
mod tests;

pub use cutter::{LineCutter, Until};
pub use delimiter::Delimiter;
pub use encoder::{LineEncoder, TextLines};
pub use part::PartLines;
pub use settings::{LineSettings, OnBadText, SkippedLines};
