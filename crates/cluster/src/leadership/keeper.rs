//! Takes the lease and keeps it.
//!
//! Answers for one thread that asks the store what the election wants to know, for a clock that goes on while the machine
//! sleeps, and for giving the lease back. Holds: a question to the store takes a fifth of the lease's time at most, so that
//! one that is lost does not cost the lease.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use millstream_model::error::{Failure, Result, Retry};
use millstream_storage::{ConditionalStore, Outcome, Storage, Version};
use rustix::time::{ClockId, clock_gettime};

use super::election::{Answer, Ask, Claim, Election};
use super::trial;

/// The file.
const NAME: &str = "leader";
/// From one look at whether to stop to the next.
const LOOK: Duration = Duration::from_millis(20);

/// The right to lead, until it is lost or given back.
pub struct Leadership {
    place: Storage,
    term: u64,
    election: Arc<Mutex<Election>>,
    keeper: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl std::fmt::Debug for Leadership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leadership")
            .field("place", &self.place)
            .field("term", &self.term)
            .finish_non_exhaustive()
    }
}

/// The election with the store that it is about.
struct Booth {
    place: Storage,
    election: Arc<Mutex<Election>>,
    version: Option<Version>,
}

impl Leadership {
    /// Stands by until this process leads; nothing if it was told to stop before. `name` is shown to others; `silence` is how
    /// long a leader may give no sign of life.
    ///
    /// # Errors
    /// If the store cannot be reached at first, or does no conditional writes.
    pub fn seek(place: &Storage, name: &str, silence: Duration, stop: &AtomicBool) -> Result<Option<Self>> {
        place.make_folder()?;
        trial::check(place)?;
        let millis = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
        // No two processes have the same name, on whatever machines.
        let me = format!("{name} ({})", &crate::secret::fresh()?[..16]);
        let election = Arc::new(Mutex::new(Election::new(me, millis)));
        let asked = place.clone().asked_within(silence / 5);
        let mut booth = Booth { place: asked, election: Arc::clone(&election), version: None };
        let mut told = None;
        while !stop.load(Ordering::Acquire) {
            let due = booth.step();
            let term = booth.election().leads(now());
            if let Some(term) = term {
                tracing::info!(term, place = place.name(), "leads");
                return Self::keep(place.clone(), term, booth).map(Some);
            }
            let leader = booth.election().leader().and_then(|claim| claim.holder.clone());
            if leader.is_some() && leader != told {
                tracing::info!(leader, place = place.name(), "stands by");
                told = leader;
            }
            std::thread::sleep(due.unwrap_or(LOOK).min(LOOK));
        }
        Ok(None)
    }

    fn keep(place: Storage, term: u64, mut booth: Booth) -> Result<Self> {
        let election = Arc::clone(&booth.election);
        let (stop, stopped) = channel::<()>();
        let work = move || {
            loop {
                let Some(due) = booth.step() else { return };
                match stopped.recv_timeout(due) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return booth.give_back(),
                }
            }
        };
        let keeper = std::thread::Builder::new().name("leadership".into()).spawn(work);
        let keeper = keeper.map_err(|error| Failure::external("no thread can be started").because(error))?;
        Ok(Self { place, term, election, keeper: Mutex::new(Some((stop, keeper))) })
    }

    /// Counts the leaders, from 1: nobody before has this number.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Where it is agreed, and where leaders write down what the next one has to know.
    #[must_use]
    pub fn place(&self) -> &Storage {
        &self.place
    }

    /// Whether this process leads, still. Once it does not, it never does again.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.election.lock().unwrap_or_else(PoisonError::into_inner).leads(now()).is_some()
    }

    /// Refuses where another one may lead by now.
    ///
    /// # Errors
    /// Then.
    pub fn check(&self) -> Result<()> {
        if self.is_held() {
            return Ok(());
        }
        let (term, place) = (self.term, self.place.name());
        Err(Failure::external(format!("this job manager led in term {term}, and does not any more"))
            .retry(Retry::No)
            .advice(format!("it was stopped, or could not reach {place}, for longer than --ha-timeout"))
            .advice("start it again: it stands by then"))
    }

    /// Gives the lease back.
    pub fn end(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, keeper)) = keeper {
            drop(stop);
            // A panic there has been told of by its thread.
            let _ended = keeper.join();
        }
    }
}

impl Drop for Leadership {
    fn drop(&mut self) {
        self.end();
    }
}

impl Booth {
    fn election(&self) -> MutexGuard<'_, Election> {
        self.election.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks what is due. Is how long to wait for the next question; nothing when there will be none.
    fn step(&mut self) -> Option<Duration> {
        let begun = now();
        let (at, ask) = self.election().next(begun)?;
        if at > begun {
            return Some(Duration::from_millis(at - begun));
        }
        self.election().asks(begun, &ask);
        let answer = self.ask(&ask);
        let mut election = self.election();
        let was = election.leads(begun).is_some();
        election.answered(begun, now(), &ask, answer);
        if was && election.is_over(now()) {
            tracing::error!("another job manager leads, or may: this one has stopped");
        }
        Some(Duration::ZERO)
    }

    fn ask(&mut self, ask: &Ask) -> Answer {
        let answer = match ask {
            Ask::Read => self.place.read(NAME).map(|read| self.found(read)),
            Ask::Write(claim) => self.write(claim).map(|outcome| match outcome {
                Outcome::Won(version) => {
                    self.version = Some(version);
                    Answer::Won
                }
                Outcome::Lost => Answer::Refused,
            }),
        };
        answer.unwrap_or_else(|error| {
            tracing::warn!(%error, "the lease's store gave no answer");
            Answer::Unknown
        })
    }

    fn found(&mut self, read: Option<(Vec<u8>, Version)>) -> Answer {
        let Some((text, version)) = read else {
            self.version = None;
            return Answer::Found(None);
        };
        match serde_json::from_slice(&text) {
            Ok(claim) => {
                self.version = Some(version);
                Answer::Found(Some(claim))
            }
            // Of another version of Millstream, perhaps: its holder may live.
            Err(error) => {
                let file = self.place.full_name(NAME);
                tracing::error!(%error, "{file} is no lease; nobody leads until it is moved away");
                Answer::Unknown
            }
        }
    }

    fn write(&self, claim: &Claim) -> std::result::Result<Outcome, millstream_storage::StorageError> {
        let text = serde_json::to_vec(claim).unwrap_or_default();
        match &self.version {
            Some(version) => self.place.replace(NAME, version, &text),
            None => self.place.create(NAME, &text),
        }
    }

    fn give_back(&mut self) {
        let last = self.election().stop(now());
        if let Some(Ask::Write(claim)) = last
            && let Err(error) = self.write(&claim)
        {
            tracing::debug!(%error, "the lease could not be given back; it ends by itself");
        }
    }
}

/// Milliseconds since the machine was switched on, with the time that it slept.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds * 1000 + nanos / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(500);

    fn seek(place: &Storage, stop: &AtomicBool) -> Option<Leadership> {
        Leadership::seek(place, "a test", SHORT, stop).unwrap()
    }

    #[test]
    fn who_gives_it_back_is_followed_with_the_next_term() {
        let place = Storage::open("memory:leadership-back").unwrap();
        let first = seek(&place, &AtomicBool::new(false)).unwrap();
        assert!(first.is_held());
        std::thread::sleep(SHORT * 3);
        assert!(first.is_held(), "it is renewed");
        first.end();
        assert!(!first.is_held());
        let text = first.check().unwrap_err().to_string();
        assert!(text.starts_with("this job manager led in term 1, and does not any more"), "{text}");
        let second = seek(&place, &AtomicBool::new(false)).unwrap();
        assert_eq!((first.term(), second.term()), (1, 2));
    }

    #[test]
    fn who_stands_by_can_be_told_to_stop() {
        let place = Storage::open("memory:leadership-stop").unwrap();
        let _first = seek(&place, &AtomicBool::new(false)).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| seek(&place, &stop).is_none());
            std::thread::sleep(SHORT * 3);
            assert!(!waits.is_finished());
            stop.store(true, Ordering::Release);
            assert!(waits.join().unwrap());
        });
    }

    #[test]
    fn a_leader_whose_file_another_has_taken_stops() {
        let place = Storage::open("memory:leadership-taken").unwrap();
        let first = seek(&place, &AtomicBool::new(false)).unwrap();
        let claim = Claim { term: 7, holder: Some("other".into()), count: 1, silence: 60_000 };
        loop {
            let (_, version) = place.read(NAME).unwrap().unwrap();
            let taken = place.replace(NAME, &version, &serde_json::to_vec(&claim).unwrap()).unwrap();
            if taken != Outcome::Lost {
                break;
            }
        }
        while first.is_held() {
            std::thread::yield_now();
        }
        first.end();
        let (text, _) = place.read(NAME).unwrap().unwrap();
        assert_eq!(serde_json::from_slice::<Claim>(&text).unwrap(), claim, "it is left as it is");
    }
}
