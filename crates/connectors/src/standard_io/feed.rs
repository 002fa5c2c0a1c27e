//! The thread that reads standard input, one for the process.
//!
//! Holds: what it has read waits for whoever asks next, so that a job that is started again in the process loses none of it.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many bytes are read at once, and how many such reads may wait.
const READ: usize = 64 << 10;
const WAITING: usize = 16;
/// A line that is longer is handed on in pieces.
const LONG: usize = 1 << 20;

/// What came of waiting for input.
#[derive(Debug)]
pub(super) enum Fed {
    Bytes(Vec<u8>),
    Nothing,
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Feed(Arc<Mutex<Receiver<io::Result<Vec<u8>>>>>);

impl Feed {
    /// Reads all of an input, in a thread of its own.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(super) fn of(mut input: impl Read + Send + 'static) -> io::Result<Self> {
        let (send, receive) = sync_channel(WAITING);
        let read = move || {
            let mut held = Vec::new();
            loop {
                let kept = held.len();
                held.resize(kept + READ, 0);
                let read = input.read(held.get_mut(kept..).unwrap_or_default());
                held.truncate(kept + *read.as_ref().unwrap_or(&0));
                let end = match &read {
                    Ok(0) => held.len(),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => held.len(),
                    // Only whole lines are handed on, so that nobody who goes away takes half of one along.
                    Ok(_) => match memchr::memrchr(b'\n', &held) {
                        Some(at) => at + 1,
                        None if held.len() > LONG => held.len(),
                        None => continue,
                    },
                };
                let rest = held.split_off(end);
                let whole = std::mem::replace(&mut held, rest);
                if !whole.is_empty() && send.send(Ok(whole)).is_err() {
                    return;
                }
                match read {
                    Ok(1..) => {}
                    Ok(0) => return,
                    // That nobody hears it any more is an end as well.
                    Err(error) => return drop(send.send(Err(error))),
                }
            }
        };
        std::thread::Builder::new().name("standard input".into()).spawn(read)?;
        Ok(Self(Arc::new(Mutex::new(receive))))
    }

    /// That of this process.
    ///
    /// # Errors
    /// As [`Feed::of`].
    pub(super) fn of_the_process() -> io::Result<Self> {
        static OWN: Mutex<Option<Feed>> = Mutex::new(None);
        let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        match &*own {
            Some(feed) => Ok(feed.clone()),
            None => Ok(own.insert(Self::of(io::stdin())?).clone()),
        }
    }

    /// The next bytes, if some come within that time.
    pub(super) fn take(&self, patience: Duration) -> io::Result<Fed> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience) {
            Ok(read) => read.map(Fed::Bytes),
            Err(RecvTimeoutError::Timeout) => Ok(Fed::Nothing),
            Err(RecvTimeoutError::Disconnected) => Ok(Fed::End),
        }
    }
}
