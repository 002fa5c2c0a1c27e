//! The question to the finished file.

use std::collections::BTreeMap;

use millstream::rdd::Context;
use millstream::{Failure, Result};

use crate::delays::{Delays, Place};
use crate::flight::Flight;

/// Delays by airport and hour of all flights in the file.
pub(crate) fn ask(path: &str) -> Result<BTreeMap<Place, Delays>> {
    let context = Context::builder().parallelism(2).build()?;
    let flights = context.text_file(path)?.flat_map(|line| Flight::parse(&line).ok().flatten());
    let delays = flights.map(|flight| {
        let delays = Delays::of(&flight);
        (delays.place(), delays)
    });
    let totals: BTreeMap<Place, Delays> = delays.reduce_by_key(Delays::plus).collect()?.into_iter().collect();
    if totals.is_empty() {
        return Err(Failure::user(format!("{path} has no flights")));
    }
    Ok(totals)
}
