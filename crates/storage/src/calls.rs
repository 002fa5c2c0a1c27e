//! Asking a store and waiting for its answer.
//!
//! Answers for the threads that clients of stores work on, for the time that a request may take (the HDFS client would
//! wait for ever), for asking again, and for being told to stop meanwhile. Not for what is asked.
//! Holds: a call ends within its patience and one timeout; one that was told to stop ends within a tenth of a second.

use std::fmt;
use std::future::Future;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{NoAnswer, StorageError};

/// How often a call that waits looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Says whether whoever calls is to stop.
pub(crate) type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

/// How a store is asked.
#[derive(Clone)]
pub(crate) struct Calls {
    /// On threads of their own, for clients that talk to a network; else here.
    pub(crate) on_network: bool,
    pub(crate) timeout: Duration,
    pub(crate) patience: Duration,
    pub(crate) stop: Option<Stop>,
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("timeout", &self.timeout).field("patience", &self.patience).finish()
    }
}

/// What a call is about, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) action: &'static str,
    pub(crate) name: &'a str,
    /// How much is carried.
    pub(crate) bytes: u64,
}

/// What came of a call, and whether an attempt before it may have been carried out without our knowing.
pub(crate) struct Answer<T> {
    pub(crate) result: Result<T, Refusal>,
    pub(crate) in_doubt: bool,
}

/// Why a call was given up.
pub(crate) enum Refusal {
    /// What the store said.
    Store(object_store::Error),
    /// What else there is.
    Other(StorageError),
}

impl Calls {
    /// For stores in this process, which answer at once or never.
    pub(crate) fn here() -> Self {
        Self { on_network: false, timeout: Duration::MAX, patience: Duration::ZERO, stop: None }
    }

    /// Asks until there is an answer, or a refusal that will stay, or the patience is at its end.
    pub(crate) fn ask<T, F, Asked>(&self, about: About<'_>, ask: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Fn() -> Asked,
        Asked: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let (begun, mut pause, mut in_doubt) = (Instant::now(), FIRST_PAUSE, false);
        loop {
            let refused = match self.once(about, ask()) {
                Ok(Ok(value)) => return Answer { result: Ok(value), in_doubt },
                Ok(Err(error)) => error,
                Err(error) => return Answer { result: Err(Refusal::Other(error)), in_doubt },
            };
            let left = self.patience.saturating_sub(begun.elapsed());
            if left.is_zero() || !is_passing(&refused) {
                return Answer { result: Err(Refusal::Store(refused)), in_doubt };
            }
            in_doubt = true;
            let reason = first_line(&refused.to_string());
            tracing::warn!(action = about.action, name = about.name, %reason, "is tried again");
            if self.pause(pause.min(left)) {
                return Answer { result: Err(Refusal::Other(cancelled(about))), in_doubt };
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits; `true` if told to stop meanwhile.
    fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            if self.stop.as_ref().is_some_and(|stop| stop()) {
                return true;
            }
            match until.saturating_duration_since(Instant::now()) {
                Duration::ZERO => return false,
                left => std::thread::sleep(left.min(LOOK)),
            }
        }
    }

    fn once<T: Send + 'static>(
        &self,
        about: About<'_>,
        asked: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<object_store::Result<T>, StorageError> {
        if !self.on_network {
            return Ok(pollster::block_on(asked));
        }
        let limit = self.timeout.saturating_add(Duration::from_secs(about.bytes >> 20));
        let (send, answer) = sync_channel(1);
        let task = runtime()?.spawn(async move {
            let answer = match tokio::time::timeout(limit, asked).await {
                Ok(answer) => answer,
                Err(_) => {
                    Err(object_store::Error::Generic { store: "network", source: NoAnswer(limit).into() })
                }
            };
            // Nobody waits any more where the caller was told to stop.
            let _ = send.send(answer);
        });
        loop {
            match answer.recv_timeout(LOOK) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) if self.stop.as_ref().is_some_and(|stop| stop()) => {
                    task.abort();
                    return Err(cancelled(about));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let source = "the client of the store ended without an answer".into();
                    return Ok(Err(object_store::Error::Generic { store: "network", source }));
                }
            }
        }
    }
}

fn cancelled(about: About<'_>) -> StorageError {
    StorageError::Cancelled { action: about.action, name: about.name.to_owned() }
}

/// The threads that all clients work on, begun with the first of them.
pub(crate) fn runtime() -> Result<Handle, StorageError> {
    static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*runtime {
        return Ok(runtime.handle().clone());
    }
    let built = Builder::new_multi_thread().worker_threads(2).thread_name("storage").enable_all().build();
    let built = built.map_err(|source| {
        StorageError::of_system("starting", "the threads that stores are asked on".into(), source)
    })?;
    Ok(runtime.insert(built).handle().clone())
}

/// Whether the like may pass without anybody's doing: no connection, no answer, an overloaded server, safe mode.
fn is_passing(error: &object_store::Error) -> bool {
    let object_store::Error::Generic { source, .. } = error else { return false };
    let text = source.to_string();
    // The clients keep their errors' types to themselves.
    let is_of_user = |part: &str| text.contains(part);
    let has_status = |status: &str| text.contains(&format!("status code: {status}"));
    let server = has_status("408") || has_status("429") || has_status("409");
    let wrong = [
        "status code: 4",
        "status code: 501",
        "AccessControlException",
        "InvalidPathException",
        "FileNotFoundException",
        "ParentNotDirectoryException",
        "QuotaExceededException",
        "SASL error",
        "No valid SASL mechanism",
        "is not allowed",
        "is a directory",
        "invalid path",
        "invalid argument",
        "Wanted range",
    ];
    server || !wrong.iter().any(|part| is_of_user(part))
}

/// Without the stack trace that name nodes send along.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;

    const ABOUT: About<'static> = About { action: "reading", name: "s3://flights/a", bytes: 0 };

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    fn calls(timeout: u64, patience: u64) -> Calls {
        let of = Duration::from_millis;
        Calls { on_network: true, timeout: of(timeout), patience: of(patience), stop: None }
    }

    #[test]
    fn a_server_that_is_away_is_asked_again_until_it_answers() {
        let asked = Arc::new(AtomicU32::new(0));
        let answer = calls(10_000, 60_000).ask(ABOUT, || {
            let asked = asked.clone();
            async move {
                match asked.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(generic("Server returned non-2xx status code: 503 Service Unavailable")),
                    1 => Err(generic("Connection refused (os error 111)")),
                    more => Ok(more),
                }
            }
        });
        assert!(matches!(answer.result, Ok(2)) && answer.in_doubt);
    }

    #[test]
    fn what_will_stay_wrong_is_not_asked_again() {
        for text in [
            "status code: 403 Forbidden",
            "status code: 501 Not Implemented",
            "RPC error: org.apache.hadoop.security.AccessControlException no",
        ] {
            let asked = AtomicU32::new(0);
            let answer = calls(10_000, 60_000).ask::<(), _, _>(ABOUT, || {
                asked.fetch_add(1, Ordering::Relaxed);
                std::future::ready(Err(generic(text)))
            });
            assert!(matches!(answer.result, Err(Refusal::Store(_))) && !answer.in_doubt);
            assert_eq!(asked.into_inner(), 1);
        }
    }

    #[test]
    fn a_client_that_never_answers_is_given_up_when_its_time_is_over() {
        let answer = calls(20, 0).ask::<(), _, _>(ABOUT, std::future::pending);
        let Err(Refusal::Store(error)) = answer.result else { panic!("it answered") };
        assert!(error.to_string().contains("no answer within 0.02 s"), "{error}");
    }

    #[test]
    fn who_waits_for_a_dead_server_can_be_stopped() {
        let stopped = Arc::new(AtomicBool::new(false));
        let look = stopped.clone();
        let calls = Calls {
            stop: Some(Arc::new(move || look.swap(true, Ordering::Relaxed))),
            ..calls(600_000, 600_000)
        };
        let answer = calls.ask::<(), _, _>(ABOUT, std::future::pending);
        assert!(matches!(answer.result, Err(Refusal::Other(StorageError::Cancelled { .. }))));
        let refused = || std::future::ready(Err(generic("Connection refused")));
        let answer = calls.ask::<(), _, _>(ABOUT, refused);
        assert!(matches!(answer.result, Err(Refusal::Other(StorageError::Cancelled { .. }))));
    }
}
