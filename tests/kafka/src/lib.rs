//! What the programs that tests start as processes of their own share with the tests.
//!
//! Answers for where the broker is. Not for starting it: `cargo xtask test --only kafka` does.

/// The address of the broker that was started for the tests.
///
/// # Panics
/// Where there is none: these tests are never skipped.
#[allow(clippy::panic, reason = "a test without its broker has failed")]
pub fn broker() -> String {
    fact("MILLSTREAM_KAFKA")
}

/// What is known of the broker, by the name of the environment variable.
///
/// # Panics
/// As [`broker`].
#[allow(clippy::panic, reason = "a test without its broker has failed")]
pub fn fact(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run these tests by `cargo xtask test --only kafka`, which starts a broker")
    })
}

/// The programs of the book's page.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/book/kafka.md")]
pub struct Page;
