//! Settings described as data: a name, a type, a default, a unit, a meaning; and their values, each with its origin.
//!
//! Answers for parsing text into values, for refusing what is unknown or malformed in a message that says what would be
//! right, for which of several values holds, and for showing a list of settings to people. Not for where the text is read
//! from (a file, the environment, arguments: the crates with I/O), nor for any list in particular: a job's settings, a
//! connector's options, a table's, each describes its own.
//! Holds: a value that was taken is of its setting's type and within its bounds.
//!
//! ```
//! use std::time::Duration;
//! use millstream_model::settings::{Origin, Setting, SettingsList, Values};
//!
//! static RATE: Setting<u32> = Setting::new("rate", "The most lines to read in a second.").unit("lines/s").at_least("1");
//! static PATIENCE: Setting<Duration> = Setting::new("patience", "How long to wait for a line.").default("5 s");
//! static OPTIONS: SettingsList = SettingsList::new("reader options", &[&[&RATE, &PATIENCE]]);
//!
//! let mut values = Values::of(&OPTIONS);
//! values.set("rate", "100", Origin::Program)?;
//! assert_eq!(values.get(&RATE)?, Some(100));
//! assert_eq!(values.get(&PATIENCE)?, Some(Duration::from_secs(5)));
//! let error = values.set("patiense", "1 s", Origin::Program).unwrap_err().to_string();
//! assert!(error.contains("did you mean `patience`?"));
//! # Ok::<(), millstream_model::error::Failure>(())
//! ```

mod length;
mod list;
mod setting;
mod show;
#[cfg(test)]
mod tests;
mod value;
mod values;
mod variables;

pub use length::{ByteSize, shown_duration};
pub use list::{SettingsGroup, SettingsList};
pub use setting::{Described, Setting};
pub use value::{Choices, SettingValue};
pub use values::{Origin, Values};
pub use variables::{is_told, setting_of, variable};
