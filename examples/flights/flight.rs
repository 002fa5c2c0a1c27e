//! A line of the file, read.

use millstream::BoxError;
use millstream::time::{Timestamp, minutes};
use serde::{Deserialize, Serialize};

/// What the question needs of a flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flight {
    /// `EWR`, `JFK` or `LGA`.
    pub(crate) origin: String,
    /// When it should have left, by the airport's clock.
    pub(crate) scheduled: Timestamp,
    /// Minutes that it left later (or, below zero, earlier); `None` if it was cancelled.
    pub(crate) delay: Option<i64>,
}

impl Flight {
    /// Reads a line; `None` for the header.
    pub(crate) fn parse(line: &str) -> Result<Option<Self>, BoxError> {
        let fields: Vec<&str> = line.split(',').collect();
        let [year, month, day, departed, planned, delay, ..] = fields[..] else {
            return Err(format!("{} columns instead of 19", fields.len()).into());
        };
        if year == "year" {
            return Ok(None);
        }
        let origin = fields.get(12).ok_or_else(|| format!("{} columns instead of 19", fields.len()))?;
        let number = |name: &str, text: &str| -> Result<i64, BoxError> {
            text.parse().map_err(|_| format!("column {name}: \"{text}\" is no number").into())
        };
        let midnight =
            days_since_1970(number("year", year)?, number("month", month)?, number("day", day)?) * 86_400_000;
        let clock = |name: &str, text: &str| -> Result<i64, BoxError> {
            let hhmm = number(name, text)?;
            if !(0..=2400).contains(&hhmm) || hhmm % 100 > 59 {
                return Err(format!("column {name}: \"{text}\" is no time of day (expected HHMM)").into());
            }
            Ok(midnight + (hhmm / 100 * 60 + hhmm % 100) * 60_000)
        };
        // The date is that of the departure: a flight that left after midnight was scheduled on the day before.
        let (scheduled, delay) = if departed == "NA" {
            (Timestamp::from_millis(clock("sched_dep_time", planned)?), None)
        } else {
            let delay = number("dep_delay", delay)?;
            let left = Timestamp::from_millis(clock("dep_time", departed)?);
            let scheduled = if delay < 0 {
                left + minutes(delay.unsigned_abs())
            } else {
                left - minutes(delay.unsigned_abs())
            };
            (scheduled, Some(delay))
        };
        Ok(Some(Self { origin: (*origin).to_owned(), scheduled, delay }))
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469
}
