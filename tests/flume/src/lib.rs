//! What the programs that tests start as processes of their own share with the tests.
//!
//! Answers for where the agent is. Not for starting it: `cargo xtask test --only flume` does.

/// What is known of the agent, by the name of the environment variable.
///
/// # Panics
/// Where there is none: these tests are never skipped.
#[allow(clippy::panic, reason = "a test without its agent has failed")]
pub fn fact(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run these tests by `cargo xtask test --only flume`, which starts an agent")
    })
}

/// The programs of the book's page.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/book/flume.md")]
pub struct Page;
