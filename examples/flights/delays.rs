//! The answer: flights and delays of an airport in an hour.

use std::collections::BTreeMap;
use std::fmt;

use millstream::AggregateFunction;
use millstream::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::flight::Flight;

/// An airport and the first moment of an hour.
pub(crate) type Place = (String, Timestamp);

/// What is known of one airport in one hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delays {
    /// The airport; empty of no flights.
    pub(crate) airport: String,
    /// The first moment of the hour.
    pub(crate) hour: Timestamp,
    /// Flights that were scheduled.
    pub(crate) flights: u64,
    /// Of these, those that left.
    pub(crate) departed: u64,
    /// The sum of their delays, in minutes.
    pub(crate) minutes: i64,
}

impl Delays {
    /// Of one flight.
    pub(crate) fn of(flight: &Flight) -> Self {
        let hour = flight.scheduled.millis().div_euclid(3_600_000) * 3_600_000;
        Self {
            airport: flight.origin.clone(),
            hour: Timestamp::from_millis(hour),
            flights: 1,
            departed: u64::from(flight.delay.is_some()),
            minutes: flight.delay.unwrap_or(0),
        }
    }

    /// Which airport and hour.
    pub(crate) fn place(&self) -> Place {
        (self.airport.clone(), self.hour)
    }

    /// Both together; of one airport and hour.
    pub(crate) fn plus(self, other: Self) -> Self {
        if self.flights == 0 {
            return other;
        }
        Self {
            flights: self.flights + other.flights,
            departed: self.departed + other.departed,
            minutes: self.minutes + other.minutes,
            ..self
        }
    }

    /// Minutes, on average.
    pub(crate) fn mean(&self) -> f64 {
        if self.departed == 0 { 0.0 } else { self.minutes as f64 / self.departed as f64 }
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hour = self.hour.to_string();
        write!(
            f,
            "{} {} {:>3} flights, {:6.1} minutes late",
            self.airport,
            &hour[..13],
            self.flights,
            self.mean()
        )
    }
}

/// Sums the flights of a window.
pub(crate) struct SumDelays;

impl AggregateFunction<Flight> for SumDelays {
    type Acc = Delays;
    type Out = Delays;

    fn create_accumulator(&self) -> Delays {
        Delays::default()
    }

    fn add(&self, delays: &mut Delays, flight: Flight) {
        *delays = std::mem::take(delays).plus(Delays::of(&flight));
    }

    fn get_result(&self, delays: &Delays) -> Delays {
        delays.clone()
    }

    fn merge(&self, left: Delays, right: Delays) -> Delays {
        left.plus(right)
    }
}

/// Adds up by airport and hour.
pub(crate) fn add_to(totals: &mut BTreeMap<Place, Delays>, delays: Delays) {
    let total = totals.entry(delays.place()).or_default();
    *total = std::mem::take(total).plus(delays);
}
