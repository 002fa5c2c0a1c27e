//! Lends runs of frames to the other processes of the job.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use millstream_model::error::{Failure, Result};
use millstream_network::reception::Owner;
use millstream_network::socket::Socket;
use millstream_network::{Arrived, Introduction, Reception, Token, frame};

use super::{ANSWER, Answer, LONGEST, PATIENCE, Request, Shelves};
use crate::control::Charge;

/// Listens until it is dropped.
pub(crate) struct Server {
    reception: Reception,
}

impl Server {
    /// Listens where the charge says, at a free port, for processes of the same job.
    ///
    /// # Errors
    /// If no port can be had.
    pub(crate) fn open(charge: &Charge, shelves: Arc<dyn Shelves>) -> Result<Self> {
        let security = charge.security()?;
        let token = security.token.clone();
        let door = Door { job: charge.job.clone(), term: charge.term, token, shelves };
        Ok(Self { reception: Reception::open(charge.listen, 0, security, door)? })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.reception.address()
    }
}

/// Who may read.
struct Door {
    job: String,
    term: u64,
    token: Token,
    shelves: Arc<dyn Shelves>,
}

impl Owner for Door {
    fn token(&self, _: &Introduction) -> Option<Token> {
        Some(self.token.clone())
    }

    fn judge(&self, caller: &Introduction) -> Result<(), String> {
        let Self { job, term, .. } = self;
        if (&caller.job, caller.term) == (job, *term) {
            return Ok(());
        }
        Err(format!("these are the blocks of term {term} of job {job}"))
    }

    fn welcome(&self, caller: Arrived) {
        let (shelves, name) = (Arc::clone(&self.shelves), caller.introduction.name.clone());
        // Records are encoded there, of whatever depth: it takes a stack as any task has.
        let thread = std::thread::Builder::new().name(format!("blocks for {name}"));
        let spawned = thread.spawn(move || {
            if let Err(error) = serve(caller.into_socket(), &*shelves) {
                tracing::debug!(%error, "a reader of blocks is gone");
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "no thread for a reader of blocks; it is closed");
        }
    }
}

/// Answers one reader until it is gone.
fn serve(mut socket: Socket, shelves: &dyn Shelves) -> std::io::Result<()> {
    // A reader asks when it wants; only what it is sent must be taken in time.
    socket.stream().set_read_timeout(None)?;
    socket.stream().set_write_timeout(Some(PATIENCE))?;
    let (mut payload, mut words) = (Vec::new(), Vec::new());
    loop {
        frame::read(&mut socket, &mut payload, 64 * 1024)?;
        let request: Request = serde_json::from_slice(&payload)?;
        let (answer, frames) = match answer(&request, shelves) {
            Ok(found) => found,
            Err(failure) => (Answer::Lost(failure.to_string()), Vec::new()),
        };
        words.clear();
        let answer = serde_json::to_vec(&answer)?;
        frame::append(&mut words, |words| words.extend_from_slice(&answer))?;
        for bytes in frames {
            frame::append(&mut words, |words| words.extend_from_slice(&bytes))?;
        }
        socket.write_all(&words)?;
    }
}

fn answer(request: &Request, shelves: &dyn Shelves) -> Result<(Answer, Vec<Vec<u8>>)> {
    let run = shelves.find(&request.wanted)?;
    let (all, bytes) = (run.count(), run.bytes());
    let (mut frames, mut size) = (Vec::new(), 0);
    for at in request.from..all {
        let frame = run.read(at)?;
        if frame.len() > LONGEST {
            return Err(Failure::user(format!("a record of {} bytes is too long to travel", frame.len())));
        }
        if !frames.is_empty() && size + frame.len() > ANSWER {
            break;
        }
        size += frame.len();
        frames.push(frame);
    }
    Ok((Answer::Follow { count: frames.len(), all, bytes }, frames))
}
