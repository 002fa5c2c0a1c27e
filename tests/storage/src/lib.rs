//! What the programs that tests start as processes of their own share with the tests.
//!
//! Answers for where the servers are. Not for starting them: `cargo xtask test --only storage` does.

/// What is known of the servers, by the name of the environment variable.
///
/// # Panics
/// Where there are none: these tests are never skipped.
#[allow(clippy::panic, reason = "a test without its servers has failed")]
pub fn fact(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run these tests by `cargo xtask test --only storage`, which starts the servers")
    })
}
