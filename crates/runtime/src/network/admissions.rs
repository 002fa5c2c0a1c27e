//! Who is waited for with records: the attempts that are registered, and the processes that have come in.
//!
//! Answers for which process of which attempt gets in. Not for sockets, tokens or proofs (crate `network`).
//! Holds: only the attempt that was registered last gets in, each of its processes once.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};
use millstream_network::socket::Socket;
use millstream_network::{
    Answer, Called, Guest, Hello, Host, Purpose, Refusal, Security, Strangers, Token, call, first_of,
};

use super::NetworkSettings;

/// Another process of the job, connected.
pub struct Peer {
    /// Its number among the processes of the attempt.
    pub process: u32,
    /// Where it is.
    pub address: SocketAddr,
    pub(crate) socket: Socket,
}

/// What is registered at a listener: whom it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The attempt.
    pub attempt: u64,
    /// What program and graph amount to.
    pub fingerprint: String,
    /// The number of this process.
    pub process: u32,
}

/// Whether one who said `hello`, and has proved the token, may come in; `expected` is what is registered for the job.
fn judge(hello: &Hello, expected: Option<&Expected>) -> Answer {
    let Some(expected) = expected else { return Answer::Refused(Refusal::UnknownJob) };
    let current = expected.attempt;
    Answer::Refused(match hello.attempt.cmp(&current) {
        std::cmp::Ordering::Less => Refusal::StaleAttempt { current },
        std::cmp::Ordering::Greater => Refusal::NotYet { current },
        std::cmp::Ordering::Equal if hello.fingerprint != expected.fingerprint => {
            Refusal::OtherProgram { here: expected.fingerprint.clone() }
        }
        std::cmp::Ordering::Equal => return Answer::Welcome { process: expected.process },
    })
}

struct Registered {
    expected: Expected,
    present: HashSet<u32>,
    peers: Sender<Peer>,
    /// Tells registrations of one job apart.
    number: u64,
}

struct Registry {
    token: Token,
    jobs: Mutex<(HashMap<String, Registered>, u64)>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, (HashMap<String, Registered>, u64)> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges who says `hello`, and marks it as present if it may come in.
    fn admit(&self, hello: &Hello) -> Answer {
        let mut jobs = self.lock();
        let registered = jobs.0.get_mut(&hello.job);
        let answer = judge(hello, registered.as_ref().map(|registered| &registered.expected));
        match (&answer, registered) {
            (Answer::Welcome { .. }, Some(there)) => match there.present.insert(hello.process) {
                true => answer,
                false => Answer::Refused(Refusal::Twice),
            },
            _ => answer,
        }
    }
}

impl Host for Registry {
    fn token(&self, _purpose: &Purpose) -> Option<Token> {
        Some(self.token.clone())
    }

    fn judge(&self, purpose: &Purpose) -> Answer {
        match purpose {
            Purpose::Data(hello) => self.admit(hello),
            Purpose::Control(_) => Answer::Refused(Refusal::OtherPurpose),
        }
    }

    fn release(&self, purpose: &Purpose) {
        let Purpose::Data(hello) = purpose else { return };
        let mut jobs = self.lock();
        if let Some(there) =
            jobs.0.get_mut(&hello.job).filter(|there| there.expected.attempt == hello.attempt)
        {
            there.present.remove(&hello.process);
        }
    }

    fn welcome(&self, Guest { purpose, address, socket }: Guest) {
        let Purpose::Data(hello) = purpose else { return };
        let jobs = self.lock();
        // Whoever waited may have gone, or be at another attempt: then the connection is closed here.
        let waiting = jobs.0.get(&hello.job).filter(|there| there.expected.attempt == hello.attempt);
        if let Some(there) = waiting {
            let _ = there.peers.send(Peer { process: hello.process, address, socket });
        }
    }
}

/// Waits for the other processes of one attempt at a job. When it is dropped, nobody gets in any more.
pub struct Admissions {
    job: String,
    number: u64,
    registry: Arc<Registry>,
    peers: Receiver<Peer>,
}

impl Admissions {
    /// The next process that connects; `None` if nobody does for so long.
    pub fn next(&self, patience: Duration) -> Option<Peer> {
        self.peers.recv_timeout(patience).ok()
    }
}

impl Drop for Admissions {
    fn drop(&mut self) {
        let mut jobs = self.registry.lock();
        if jobs.0.get(&self.job).is_some_and(|registered| registered.number == self.number) {
            jobs.0.remove(&self.job);
        }
    }
}

/// Where the other processes of jobs connect.
pub struct Listener {
    registry: Arc<Registry>,
    inner: millstream_network::Listener,
}

impl Listener {
    /// Listens at `address` (with port 0 at any free one). Beyond loopback this asks for TLS, or for `insecure`.
    ///
    /// # Errors
    /// If the address cannot be had, or would be open to strangers.
    pub fn bind(address: &str, security: Security, settings: NetworkSettings) -> Result<Self> {
        settings.check()?;
        let registry = Arc::new(Registry { token: security.token.clone(), jobs: Mutex::default() });
        let strangers = Strangers { patience: settings.handshake_timeout, most: settings.max_strangers };
        let host = registry.clone();
        let inner = millstream_network::Listener::bind(first_of(address)?, security, strangers, host)?;
        Ok(Self { registry, inner })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address()
    }

    /// Lets the processes of an attempt in from now on, and those of an earlier one no more.
    ///
    /// # Errors
    /// If a later attempt at the job is registered already.
    pub fn expect(&self, job: &str, expected: Expected) -> Result<Admissions> {
        let (peers_in, peers) = mpsc::channel();
        let mut jobs = self.registry.lock();
        if let Some(later) = jobs.0.get(job).filter(|there| there.expected.attempt >= expected.attempt) {
            let (current, asked) = (later.expected.attempt, expected.attempt);
            return Err(Failure::internal(format!("job `{job}` is at attempt {current}, not {asked}")));
        }
        jobs.1 += 1;
        let number = jobs.1;
        let registered = Registered { expected, present: HashSet::new(), peers: peers_in, number };
        jobs.0.insert(job.to_owned(), registered);
        Ok(Admissions { job: job.to_owned(), number, registry: self.registry.clone(), peers })
    }
}

/// Connects to the listener at `address` and says `hello`, again and again until `deadline` while nobody is there or
/// the other process is not ready.
///
/// # Errors
/// Why it was refused, or could not be reached in time.
pub fn connect(address: &str, hello: &Hello, security: &Security, deadline: Instant) -> Result<Peer> {
    let Called { socket, address, process } =
        call(address, &Purpose::Data(hello.clone()), security, deadline)?;
    Ok(Peer { process, address, socket })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(attempt: u64) -> Hello {
        Hello { job: "delays".into(), attempt, process: 3, fingerprint: "abc".into() }
    }

    #[test]
    fn only_the_registered_attempt_of_the_same_program_gets_in() {
        let expected = Expected { attempt: 4, fingerprint: "abc".into(), process: 1 };
        assert_eq!(judge(&hello(4), Some(&expected)), Answer::Welcome { process: 1 });
        let refused = |hello: &Hello, expected: Option<&Expected>| match judge(hello, expected) {
            Answer::Refused(refusal) => {
                (refusal.may_pass(), refusal.failure(&Purpose::Data(hello.clone())).to_string())
            }
            Answer::Welcome { .. } => panic!("let in"),
        };
        let (may_pass, text) = refused(&hello(3), Some(&expected));
        assert!(!may_pass && text.contains("attempt 3") && text.contains("at attempt 4"), "{text}");
        assert!(refused(&hello(5), Some(&expected)).0);
        assert!(refused(&hello(4), None).0);
        let other = Hello { fingerprint: "xyz".into(), ..hello(4) };
        let (may_pass, text) = refused(&other, Some(&expected));
        assert!(!may_pass && text.contains("abc there, xyz here"), "{text}");
    }
}
