//! The settings of the Kafka source and sink as data: names, types, defaults, meanings.
//!
//! Answers for what librdkafka is told for each. Not for its own hundred properties, which are handed to it as they are.
//! Holds: a secret is shown by nothing.

mod choices;
mod chosen;
mod list;
#[cfg(test)]
mod tests;

pub use choices::{Compression, Isolation, Security};
pub(super) use chosen::{Chosen, Credentials};
pub(super) use list::{
    DELIVERY_TIMEOUT, DISCOVERY_INTERVAL, GROUP, OUTAGE_TIMEOUT, START_TIMEOUT, TRANSACTION_TIMEOUT,
};
pub use list::{SINK_SETTINGS, SOURCE_SETTINGS};
