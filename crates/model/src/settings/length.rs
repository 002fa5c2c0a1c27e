//! Numbers with a unit: lengths of time, sizes.
//!
//! Holds: a number without a unit is none, but for 0; what is shown reads back as the same.

use std::fmt;
use std::time::Duration;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Units of time in nanoseconds; the first name of each is the one shown.
const TIMES: [(&[&str], u64); 7] = [
    (&["d", "day", "days"], 86_400_000_000_000),
    (&["h", "hour", "hours"], 3_600_000_000_000),
    (&["min", "m", "minute", "minutes"], 60_000_000_000),
    (&["s", "sec", "second", "seconds"], 1_000_000_000),
    (&["ms", "milli", "millis", "millisecond", "milliseconds"], 1_000_000),
    (&["us", "µs", "micro", "micros", "microsecond", "microseconds"], 1_000),
    (&["ns", "nano", "nanos", "nanosecond", "nanoseconds"], 1),
];

/// The number at the begin of a text, and the unit behind it.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text);
    if number == "0" && unit.is_empty() {
        return Some(Duration::ZERO);
    }
    let (_, nanos) = TIMES.iter().find(|(names, _)| names.contains(&unit))?;
    match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(*nanos).map(Duration::from_nanos),
        Err(_) => Duration::try_from_secs_f64(number.parse::<f64>().ok()? * (*nanos as f64 / 1e9)).ok(),
    }
}

pub(super) fn size(text: &str) -> Option<ByteSize> {
    let (number, unit) = split(text);
    let number: u64 = number.parse().ok()?;
    if number == 0 && unit.is_empty() {
        return Some(ByteSize(0));
    }
    let (_, bytes) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*bytes).map(ByteSize)
}

/// A duration as a setting is written: in the largest unit that gives a whole number.
///
/// ```
/// use std::time::Duration;
/// use millstream_model::settings::shown_duration;
/// assert_eq!(shown_duration(Duration::from_millis(1_500)), "1500 ms");
/// assert_eq!(shown_duration(Duration::from_secs(600)), "10 min");
/// ```
pub fn shown_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let whole = |(_, unit): &&(&[&str], u64)| nanos.is_multiple_of(u128::from(*unit));
    match TIMES.iter().find(whole) {
        Some((names, unit)) if nanos > 0 => format!("{} {}", nanos / u128::from(*unit), names[0]),
        _ => "0 s".into(),
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = SIZES[..5].iter().rfind(|(_, unit)| self.0 > 0 && self.0.is_multiple_of(*unit));
        let (name, unit) = whole.unwrap_or(&SIZES[0]);
        write!(f, "{} {name}", self.0 / unit)
    }
}
