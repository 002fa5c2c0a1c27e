//! The settings of generators as data.

use millstream_model::settings::{Setting, SettingsList};

pub(super) static COUNT: Setting<u64> = Setting::new(
    "count",
    "How many records there are. Without it, and where the program gives none, they have no end.",
)
.unit("records")
.elsewhere(&["number-of-rows"]);
pub(super) static RATE: Setting<f64> = Setting::new(
    "rate",
    "How many records a second there are at most, over all subtasks. Without it, as many as the job can take.",
)
.unit("records/s")
.at_least("0.000001")
.elsewhere(&["rows-per-second", "rowsPerSecond"]);

/// The settings of a generator.
pub static SETTINGS: SettingsList = SettingsList::new("settings of a generator", &[&[&COUNT, &RATE]]);
