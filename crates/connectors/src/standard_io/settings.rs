//! The settings of standard input as data.

use millstream_model::settings::{ByteSize, Setting, SettingsList};

pub use crate::tcp::settings::BadText;

pub(super) static LINE_MAX: Setting<ByteSize> = Setting::new(
    "line-max",
    "The longest line. A longer one is an error rather than a buffer without bound.",
)
.default("64 MiB")
.at_least("1 B")
.at_most("1 GiB");
pub(super) static BAD_TEXT: Setting<BadText> = Setting::new(
    "bad-text",
    "What becomes of a line that is no UTF-8: the job fails, bad bytes are replaced, or it is left out.",
)
.default("fail");

/// The settings of standard input.
pub static INPUT_SETTINGS: SettingsList =
    SettingsList::new("settings of standard input", &[&[&LINE_MAX, &BAD_TEXT]]);
