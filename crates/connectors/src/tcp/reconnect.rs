//! Trying to connect again.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};

use super::settings::{ATTEMPTS, FIRST_DELAY, MAX_DELAY};
use crate::chosen::Chosen;
use crate::tls::advice;

/// How long one attempt may take: short enough that a job can be cancelled within a second.
const CONNECT: Duration = Duration::from_millis(500);

/// How long the other side may take to agree on encryption.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// How often, and after which waits, a connection is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// How many attempts may follow one that failed, or a connection that was cut; 0: none. They are counted afresh once
    /// a connection has served.
    pub attempts: u32,
    /// How long to wait before the first of them; each further wait is twice as long.
    pub first_delay: Duration,
    /// The longest wait.
    pub max_delay: Duration,
}

impl Reconnect {
    /// With what the settings say.
    pub(super) fn with(self, chosen: &Chosen) -> Result<Self> {
        Ok(Self {
            attempts: chosen.given(&ATTEMPTS)?.unwrap_or(self.attempts),
            first_delay: chosen.given(&FIRST_DELAY)?.unwrap_or(self.first_delay),
            max_delay: chosen.given(&MAX_DELAY)?.unwrap_or(self.max_delay),
        })
    }
}

impl Default for Reconnect {
    /// No attempt after the first; if there are to be some: after half a second, up to 30 seconds.
    fn default() -> Self {
        Self { attempts: 0, first_delay: Duration::from_millis(500), max_delay: Duration::from_secs(30) }
    }
}

/// The host of `host:port`.
///
/// # Errors
/// If it is none.
pub(super) fn host(address: &str) -> Result<&str> {
    let parts = address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
    if let Some((host, Ok(_))) = parts
        && !host.is_empty()
    {
        return Ok(host);
    }
    Err(Failure::user(format!("`{address}` is no address to connect to"))
        .advice("give host and port, such as localhost:9999 or [::1]:9999"))
}

/// The attempts made so far, and when the next is due.
pub(super) struct Attempts {
    settings: Reconnect,
    failed: u32,
    due: Instant,
    /// What had passed when a connection was cut, as messages say it: `17 lines`.
    cut_after: Option<String>,
}

impl Attempts {
    pub(super) fn new(settings: Reconnect) -> Self {
        Self { settings, failed: 0, due: Instant::now(), cut_after: None }
    }

    /// How long it is until the next attempt.
    pub(super) fn wait(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    /// Notes that a connection has served: attempts are counted afresh.
    pub(super) fn succeeded(&mut self) {
        self.failed = 0;
        self.cut_after = None;
    }

    /// Notes that the connection was cut after so much; `false` if it is not to be tried again.
    pub(super) fn cut(&mut self, after: String) -> bool {
        self.cut_after = Some(after);
        self.failed()
    }

    fn failed(&mut self) -> bool {
        let doubled = self.settings.first_delay.saturating_mul(1 << self.failed.min(20));
        self.due = Instant::now() + doubled.min(self.settings.max_delay);
        self.failed += 1;
        self.failed <= self.settings.attempts
    }

    /// Tries once; `None` if it failed and attempts are left.
    ///
    /// # Errors
    /// If none is left.
    pub(super) fn connect(&mut self, address: &str) -> Result<Option<TcpStream>> {
        match dial(address) {
            Ok(stream) => Ok(Some(stream)),
            Err(error) if self.failed() => {
                let (attempt, of) = (self.failed, self.settings.attempts.saturating_add(1));
                tracing::warn!(address, attempt, of, next_in = ?self.wait(), %error, "no connection, trying again");
                Ok(None)
            }
            Err(error) => Err(self.gave_up(address, error)),
        }
    }

    /// That no attempt is left, since `error`.
    pub(super) fn gave_up(&self, address: &str, error: std::io::Error) -> Failure {
        let of_tls = advice(&error);
        let failure = self.without_more(address, error);
        match of_tls {
            Some(advice) => failure.advice(advice),
            None => failure,
        }
    }

    fn without_more(&self, address: &str, error: std::io::Error) -> Failure {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "none"));
        let many = |count| if count == 1 { "1 attempt".to_owned() } else { format!("{count} attempts") };
        let again =
            "or let it be tried more often: .reconnect(Reconnect { attempts: 10, ..Reconnect::default() })";
        let Some(after) = &self.cut_after else {
            return Failure::external(format!(
                "no connection to host {host}, port {port}, after {}",
                many(self.failed)
            ))
            .because(error)
            .advice(format!("start the server first (to try out: `nc -lk {port}`), {again}"));
        };
        let retried = match self.failed.saturating_sub(1) {
            0 => ", and is not to be opened again".to_owned(),
            retries => format!(", and {} to open it again failed", many(retries)),
        };
        Failure::external(format!(
            "the connection to host {host}, port {port}, was cut after {after}{retried}"
        ))
        .because(error)
        .advice(format!("see why the server went away, {again}"))
    }
}

fn dial(address: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_the_one_before_up_to_the_longest_and_the_first_again_after_a_success() {
        let seconds = Duration::from_secs;
        let settings = Reconnect { attempts: 6, first_delay: seconds(100), max_delay: seconds(1_000) };
        let mut attempts = Attempts::new(settings);
        let waits = |attempts: &mut Attempts| {
            assert!(attempts.failed());
            // A little of the wait is over already.
            attempts.wait().as_secs().next_multiple_of(100)
        };
        let found: Vec<u64> = (0..5).map(|_| waits(&mut attempts)).collect();
        assert_eq!(found, [100, 200, 400, 800, 1_000]);
        attempts.succeeded();
        assert_eq!(waits(&mut attempts), 100);
    }

    #[test]
    fn no_attempt_is_made_beyond_the_limit() {
        let mut attempts = Attempts::new(Reconnect { attempts: 2, ..Reconnect::default() });
        assert_eq!([(); 3].map(|()| attempts.failed()), [true, true, false]);
    }
}
