//! A right that one process has at a time, for as long as it shows that it lives.
//!
//! A lease is a small file: who holds it, and a count that grows while the holder lives. Who finds one that another holds
//! watches it: when the count has not grown for the time the lease is good for, by the watcher's own clock, the holder
//! is gone. A holder that was killed on this machine is known to be gone at once.
//!
//! Answers for taking, keeping and giving back. Not for what it is the right to: ask [`Lease::is_held`] before each
//! step that only its holder may take.
//! Holds: no two processes are told at the same time that they hold a lease, as long as their clocks run at one speed.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crate::conditional::{ConditionalStore, Outcome, Version};
use crate::error::StorageError;
use crate::storage::Storage;

/// A lease that is held, and kept by a thread until it is dropped.
pub struct Lease {
    full: String,
    state: Arc<Mutex<State>>,
    /// Ends a renewal that waits for a server.
    ended: Arc<AtomicBool>,
    stop: Option<Sender<()>>,
    keeper: Option<JoinHandle<()>>,
}

struct State {
    /// Until when nobody else takes it: counted from before the last renewal was asked for.
    until: Instant,
    lost: bool,
}

/// Who wants a lease: one process, told from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holder {
    /// The machine since it was switched on, and the space of process numbers within it; empty where that cannot be told.
    machine: String,
    process: u32,
    /// When the process began, since numbers are given again.
    begun: String,
    /// Which of the leases of the process.
    number: u64,
}

impl Lease {
    /// Takes a lease that is good for `time` without a sign of life. Waits for up to that time and a little, where
    /// another process has it that may be gone.
    ///
    /// # Errors
    /// [`StorageError::Held`] if another process has it and lives; those of the store.
    pub fn take(place: &Storage, name: &str, time: Duration) -> Result<Self, StorageError> {
        let holder = Holder::new();
        let full = place.full_name(name);
        let mut watched: Option<(Version, Instant)> = None;
        loop {
            let asked = Instant::now();
            let outcome = match place.read(name)? {
                None => place.create(name, &holder.text(1))?,
                Some((text, version)) => {
                    let other = Holder::parse(&text);
                    let is_free = other.as_ref().is_none_or(|(other, _)| other.is_dead());
                    let is_silent = match &watched {
                        Some((seen, since)) if *seen == version => since.elapsed() > time,
                        None => {
                            watched = Some((version.clone(), asked));
                            false
                        }
                        // It has grown: the holder lives.
                        Some(_) => {
                            let holder = other.map_or_else(String::new, |(other, _)| other.to_string());
                            return Err(StorageError::Held { name: full, holder });
                        }
                    };
                    if !is_free && other.as_ref().is_some_and(|(other, _)| other.is_alive_here()) {
                        let holder = other.map_or_else(String::new, |(other, _)| other.to_string());
                        return Err(StorageError::Held { name: full, holder });
                    }
                    if !is_free && !is_silent {
                        std::thread::sleep((time / 20).max(Duration::from_millis(1)));
                        continue;
                    }
                    let count = other.map_or(0, |(_, count)| count);
                    place.replace(name, &version, &holder.text(count + 1))?
                }
            };
            // Whoever was faster is looked at in the next round.
            if let Outcome::Won(version) = outcome {
                return Self::keep(place.clone(), name.to_owned(), holder, version, asked + time, time);
            }
            watched = None;
        }
    }

    fn keep(
        place: Storage,
        name: String,
        holder: Holder,
        version: Version,
        until: Instant,
        time: Duration,
    ) -> Result<Self, StorageError> {
        let state = Arc::new(Mutex::new(State { until, lost: false }));
        let (stop, stopped) = channel();
        let full = place.full_name(&name);
        let ended = Arc::new(AtomicBool::new(false));
        let look = ended.clone();
        let renewing = place.clone().stopped_by(move || look.load(Ordering::Relaxed));
        let keeping = Keeping { place: renewing, name, holder, version, state: state.clone(), time };
        let keeper = std::thread::Builder::new().name("lease".into()).spawn(move || {
            let (name, version) =
                keeping.run(|pause| matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)));
            give_back(&place.asked_once(), &name, version.as_ref());
        });
        let keeper = keeper.map_err(|source| StorageError::of_system("keeping", full.clone(), source))?;
        Ok(Self { full, state, ended, stop: Some(stop), keeper: Some(keeper) })
    }

    /// Whether it is still ours. Once it is lost, it stays so.
    pub fn is_held(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        !state.lost && Instant::now() < state.until
    }

    /// Refuses where the lease is no longer ours.
    ///
    /// # Errors
    /// [`StorageError::Held`]: by then another process may have it.
    pub fn check(&self) -> Result<(), StorageError> {
        if self.is_held() {
            return Ok(());
        }
        let holder = "another process: this one gave no sign of life for too long".to_owned();
        Err(StorageError::Held { name: self.full.clone(), holder })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(self.stop.take());
        if let Some(keeper) = self.keeper.take() {
            // A panic there has been told of by its thread.
            let _ = keeper.join();
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({})", self.full)
    }
}

struct Keeping {
    place: Storage,
    name: String,
    holder: Holder,
    version: Version,
    state: Arc<Mutex<State>>,
    time: Duration,
}

impl Keeping {
    /// Renews the lease until told to stop; gives its version then, if it is still ours.
    fn run(mut self, mut pause: impl FnMut(Duration) -> bool) -> (String, Option<Version>) {
        let mut count = 2;
        while pause(self.time / 4) {
            let asked = Instant::now();
            match self.place.replace(&self.name, &self.version, &self.holder.text(count)) {
                Ok(Outcome::Won(version)) => {
                    self.version = version;
                    count += 1;
                    self.state.lock().unwrap_or_else(PoisonError::into_inner).until = asked + self.time;
                }
                Ok(Outcome::Lost) => {
                    tracing::warn!(lease = %self.place.full_name(&self.name), "was lost to another process");
                    self.state.lock().unwrap_or_else(PoisonError::into_inner).lost = true;
                    return (self.name, None);
                }
                Err(StorageError::Cancelled { .. }) => break,
                Err(error) => tracing::warn!(%error, "a lease could not be renewed; it is tried again"),
            }
        }
        (self.name, Some(self.version))
    }
}

fn give_back(place: &Storage, name: &str, version: Option<&Version>) {
    let Some(version) = version else { return };
    if let Err(error) = place.replace(name, version, b"free\n") {
        tracing::debug!(%error, "a lease could not be given back; it ends by itself");
    }
}

impl Holder {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let process = std::process::id();
        Self { machine: machine(), process, begun: begun(process), number: now.as_nanos() as u64 }
    }

    fn text(&self, count: u64) -> Vec<u8> {
        let Self { machine, process, begun, number } = self;
        format!("held {count} {process} {number} machine={machine} begun={begun}\n").into_bytes()
    }

    /// Who holds it, and the count; `None` where it is free.
    fn parse(text: &[u8]) -> Option<(Self, u64)> {
        let text = std::str::from_utf8(text).ok()?;
        let mut words = text.strip_prefix("held ")?.split_whitespace();
        let count = words.next()?.parse().ok()?;
        let (process, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let machine = words.next()?.strip_prefix("machine=")?.to_owned();
        let begun = words.next()?.strip_prefix("begun=")?.to_owned();
        Some((Self { machine, process, begun, number }, count))
    }

    fn is_of_this_machine(&self) -> bool {
        !self.machine.is_empty() && self.machine == machine() && !self.begun.is_empty()
    }

    /// Whether it is known to be gone.
    fn is_dead(&self) -> bool {
        self.is_of_this_machine() && begun(self.process) != self.begun
    }

    /// Whether it is known to live.
    fn is_alive_here(&self) -> bool {
        self.is_of_this_machine() && begun(self.process) == self.begun
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.process)?;
        if self.machine == machine() { Ok(()) } else { f.write_str(" of another machine") }
    }
}

/// This machine since it was switched on, with the space of process numbers that we live in: containers of one machine
/// have the same numbers for different processes.
fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    match (boot.trim(), space.to_str()) {
        ("", _) | (_, None | Some("")) => String::new(),
        (boot, Some(space)) => format!("{boot}/{space}"),
    }
}

/// When a process began, in the system's ticks; empty where there is none of this number.
fn begun(process: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name of the program stands in brackets, and may have anything in it. What is dead and not buried is gone.
    let Some((_, rest)) = stat.rsplit_once(") ") else { return String::new() };
    let mut words = rest.split(' ');
    let is_gone = matches!(words.next(), Some("Z" | "X"));
    words.nth(18).filter(|_| !is_gone).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(400);

    #[test]
    fn a_second_one_is_refused_until_the_first_has_given_it_back() {
        let place = Storage::open("memory:lease-second").unwrap();
        let first = Lease::take(&place, "lease", SHORT).unwrap();
        let error = Lease::take(&place, "lease", SHORT).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "memory:lease-second/lease is held by process {}; stop that one first, or wait until it has ended",
                std::process::id()
            )
        );
        assert!(first.is_held());
        drop(first);
        assert!(Lease::take(&place, "lease", SHORT).unwrap().is_held());
    }

    #[test]
    fn a_holder_of_another_machine_that_is_silent_is_followed_after_its_time() {
        let place = Storage::open("memory:lease-silent").unwrap();
        let other = Holder { machine: "elsewhere".into(), process: 1, begun: "7".into(), number: 1 };
        place.create("lease", &other.text(3)).unwrap();
        let begun = Instant::now();
        let lease = Lease::take(&place, "lease", SHORT).unwrap();
        assert!(begun.elapsed() >= SHORT && lease.is_held());
    }

    #[test]
    fn a_process_of_this_machine_that_was_killed_is_followed_at_once() {
        let place = Storage::open("memory:lease-killed").unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let number = child.id();
        let mut dead = Holder { process: number, ..Holder::new() };
        child.wait().unwrap();
        dead.begun = "123".into();
        place.create("lease", &dead.text(3)).unwrap();
        let lease = Lease::take(&place, "lease", Duration::from_secs(3600)).unwrap();
        assert!(lease.is_held());
    }

    #[test]
    fn a_holder_that_another_followed_knows_it() {
        let place = Storage::open("memory:lease-lost").unwrap();
        let lease = Lease::take(&place, "lease", SHORT).unwrap();
        loop {
            let (_, version) = place.read("lease").unwrap().unwrap();
            let other = Holder { machine: "elsewhere".into(), process: 1, begun: "7".into(), number: 1 };
            if let Outcome::Won(_) = place.replace("lease", &version, &other.text(9)).unwrap() {
                break;
            }
        }
        while lease.is_held() {
            std::thread::yield_now();
        }
        assert!(lease.check().unwrap_err().to_string().contains("gave no sign of life"));
    }
}
