//! Settings given from outside of a program: in a file, in the environment, as arguments.
//!
//! Answers for where settings are read from and for which of several holds: the program's default, less than the file,
//! less than the environment, less than an argument. Not for what the settings are: a list says that
//! ([`JOB_SETTINGS`] that of jobs).
//! Holds: whatever cannot be understood is refused, with its place; nothing is passed over.

mod file;
mod read;
#[cfg(test)]
mod tests;

pub use millstream_model::settings::{
    ByteSize, Choices, Described, Origin, Setting, SettingValue, SettingsList, Values,
};
pub use millstream_runtime::settings::JOB_SETTINGS;
pub(crate) use read::{Outside, Read, read};
