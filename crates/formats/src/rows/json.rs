//! JSON lines: a value on each.

use millstream_model::error::{Failure, Result};
use serde::de::DeserializeOwned;

/// The value on a line.
///
/// # Errors
/// If it is no JSON, or of another shape than `T`: the message has the column, counted in bytes from 1.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Flight { delay: u32 }
///
/// let flight: Flight = millstream_formats::rows::json_row(r#"{"delay": 12}"#)?;
/// assert_eq!(flight.delay, 12);
/// let error = millstream_formats::rows::json_row::<Flight>(r#"{"delay": "late"}"#).err().unwrap();
/// assert_eq!(error.what(), "column 16: invalid type: string \"late\", expected u32");
/// # Ok::<(), millstream_model::error::Failure>(())
/// ```
pub fn row<T: DeserializeOwned>(line: &str) -> Result<T> {
    serde_json::from_str(line).map_err(|error| {
        let text = error.to_string();
        // Its line is always the first: that of the file is told by whoever reads it.
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        Failure::user(format!("column {}: {what}", error.column()))
    })
}
