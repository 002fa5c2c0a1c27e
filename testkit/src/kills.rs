//! Processes that are made to be killed, at moments that a seed says.
//!
//! Answers for a program's death by SIGKILL, and for its not outliving the test. Not for what is checked afterwards.
//! Holds: a process that has ended by itself fails the test with what it said; the same seed gives the same moments.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is missing")]

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that runs until it is killed; it is, at the latest when this is dropped.
pub struct Victim(Child);

impl Victim {
    /// Starts it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        Self(command.stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Kills it.
    ///
    /// # Panics
    /// If it has ended by itself: it has failed.
    pub fn kill(mut self) {
        if self.0.try_wait().unwrap().is_some() {
            let mut error = String::new();
            self.0.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            panic!("the job has ended: {error}");
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Numbers by chance, the same for the same seed.
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Waits for a moment shorter than `most`: what is waited for is time itself.
    pub fn moment(&mut self, most: Duration) {
        let until = Instant::now() + Duration::from_millis(self.below(most.as_millis() as u64));
        while Instant::now() < until {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

/// How many kills a test is to do: `short`, or as many times that as `MILLSTREAM_KILL_FACTOR` says.
///
/// # Panics
/// If that is no number.
pub fn kills(short: u64) -> u64 {
    short * std::env::var("MILLSTREAM_KILL_FACTOR").map_or(1, |factor| factor.parse::<u64>().unwrap())
}
