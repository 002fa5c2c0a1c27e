//! Lends runs of frames to the other processes of the job.

use std::io::{BufReader, BufWriter, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use millstream_model::error::{Failure, Result};
use millstream_network::introduction::same_secret;
use millstream_network::{Arrived, Introduction, Reception, frame};

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
        let (job, term, token) = (charge.job.clone(), charge.term, charge.token.clone());
        let judge = move |caller: &Introduction| match () {
            () if !same_secret(&caller.token, &token) => Err("the token is not that of this job".to_owned()),
            () if (&caller.job, caller.term) != (&job, term) => {
                Err(format!("these are the blocks of term {term} of job {job}"))
            }
            () => Ok(()),
        };
        let welcome = move |caller: Arrived| {
            let shelves = Arc::clone(&shelves);
            let name = format!("blocks for {}", caller.introduction.name);
            // Records are encoded there, of whatever depth: it takes a stack as any task has.
            let thread = std::thread::Builder::new().name(name);
            let spawned = thread.spawn(move || {
                if let Err(error) = serve(caller.into_stream(), &*shelves) {
                    tracing::debug!(%error, "a reader of blocks is gone");
                }
            });
            if let Err(error) = spawned {
                tracing::warn!(%error, "no thread for a reader of blocks; it is closed");
            }
        };
        Ok(Self { reception: Reception::open(charge.listen, 0, judge, welcome)? })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.reception.address()
    }
}

/// Answers one reader until it is gone.
fn serve(stream: TcpStream, shelves: &dyn Shelves) -> std::io::Result<()> {
    // A reader asks when it wants; only what it is sent must be taken in time.
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut from = BufReader::new(stream.try_clone()?);
    let mut to = BufWriter::with_capacity(64 * 1024, stream);
    let mut payload = Vec::new();
    loop {
        frame::read(&mut from, &mut payload, 64 * 1024)?;
        let request: Request = serde_json::from_slice(&payload)?;
        let (answer, frames) = match answer(&request, shelves) {
            Ok(found) => found,
            Err(failure) => (Answer::Lost(failure.to_string()), Vec::new()),
        };
        frame::write(&mut to, &serde_json::to_vec(&answer)?)?;
        frames.iter().try_for_each(|bytes| frame::write(&mut to, bytes))?;
        to.flush()?;
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
