//! Reads runs of frames that other processes have.
//!
//! Holds: of a run there is one answer in memory at a time; a connection carries one question at a time, and is used again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millstream_dataflow::lineage::Frames;
use millstream_model::error::{Failure, Result};
use millstream_network::socket::{Socket, set_times};
use millstream_network::{Introduction, Pulse, Security, conversation, frame};

use super::{Answer, LONGEST, PATIENCE, Request, Wanted};
use crate::control::Charge;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How many idle connections to one process are kept.
const IDLE: usize = 16;

/// The connections to the other processes of the job.
pub(crate) struct Reader {
    own: Introduction,
    security: Security,
    idle: Mutex<HashMap<SocketAddr, Vec<Socket>>>,
}

/// Some frames of a run.
struct Answered {
    all: usize,
    bytes: usize,
    frames: Vec<Vec<u8>>,
}

impl Reader {
    /// One that says that it is `name`.
    ///
    /// # Errors
    /// If the certificates of the charge cannot be used.
    pub(crate) fn new(charge: &Charge, name: String) -> Result<Self> {
        let (job, term) = (charge.job.clone(), charge.term);
        let own = Introduction { role: "reader".into(), name, job, term };
        Ok(Self { own, security: charge.security()?, idle: Mutex::default() })
    }

    /// Opens a run that the process at `address` has.
    ///
    /// # Errors
    /// If it cannot be had.
    pub(in super::super) fn open(self: &Arc<Self>, address: SocketAddr, wanted: Wanted) -> Result<Fetched> {
        let some = self.ask(address, &wanted, 0)?;
        let (all, bytes) = (some.all, some.bytes);
        let held = Mutex::new((0, some.frames));
        Ok(Fetched { reader: Arc::clone(self), address, wanted, all, bytes, held })
    }

    /// All frames of a run, one after the other.
    ///
    /// # Errors
    /// If it cannot be had, or those of `take`.
    pub(crate) fn each(
        &self,
        address: SocketAddr,
        wanted: &Wanted,
        mut take: impl FnMut(Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let mut next = 0;
        loop {
            let some = self.ask(address, wanted, next)?;
            next += some.frames.len();
            let is_stuck = some.frames.is_empty();
            some.frames.into_iter().try_for_each(&mut take)?;
            if next >= some.all {
                return Ok(());
            }
            if is_stuck {
                return Err(Failure::external("a run of frames ended too early"));
            }
        }
    }

    fn ask(&self, address: SocketAddr, wanted: &Wanted, from: usize) -> Result<Answered> {
        let request = Request { wanted: wanted.clone(), from };
        let broken =
            |error| Failure::external(format!("{wanted:?} cannot be read from {address}")).because(error);
        let used = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.get_mut(&address).and_then(Vec::pop)
        };
        // A connection that was idle may be gone while its process is not.
        if let Some(mut stream) = used
            && let Ok(answered) = ask(&mut stream, &request)
        {
            self.put_back(address, stream);
            return answered;
        }
        let mut stream = self.connect(address)?;
        let answered = ask(&mut stream, &request).map_err(broken)?;
        self.put_back(address, stream);
        answered
    }

    fn connect(&self, address: SocketAddr) -> Result<Socket> {
        let pulse = Pulse { patience: CONNECT, ..Pulse::default() };
        let socket = conversation::reach(&address.to_string(), &self.own, &self.security, pulse)?;
        let failed = |error| Failure::external(format!("{address} cannot be reached")).because(error);
        set_times(socket.stream(), PATIENCE, PATIENCE).map_err(failed)?;
        Ok(socket)
    }

    fn put_back(&self, address: SocketAddr, socket: Socket) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = idle.entry(address).or_default();
        if streams.len() < IDLE {
            streams.push(socket);
        }
    }
}

/// Asks over a connection. The outer error means that it is of no use any more.
fn ask(stream: &mut Socket, request: &Request) -> std::io::Result<Result<Answered>> {
    frame::write(stream, &serde_json::to_vec(request)?)?;
    let mut payload = Vec::new();
    frame::read(stream, &mut payload, 1 << 20)?;
    match serde_json::from_slice(&payload)? {
        Answer::Lost(why) => Ok(Err(Failure::external(why))),
        Answer::Follow { count, all, bytes } => {
            let mut frames = Vec::new();
            for _ in 0..count {
                let mut bytes = Vec::new();
                frame::read(stream, &mut bytes, LONGEST)?;
                frames.push(bytes);
            }
            Ok(Ok(Answered { all, bytes, frames }))
        }
    }
}

/// A run that another process has.
pub(crate) struct Fetched {
    reader: Arc<Reader>,
    address: SocketAddr,
    wanted: Wanted,
    all: usize,
    bytes: usize,
    /// The frames of the last answer, and the number of the first of them.
    held: Mutex<(usize, Vec<Vec<u8>>)>,
}

impl Frames for Fetched {
    fn append(&self, _: &[u8]) -> Result<()> {
        Err(Failure::internal("frames of another process were to grow"))
    }

    fn count(&self) -> usize {
        self.all
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn read(&self, at: usize) -> Result<Vec<u8>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, frames) = &*held;
        if let Some(frame) = at.checked_sub(*first).and_then(|place| frames.get(place)) {
            return Ok(frame.clone());
        }
        let some = self.reader.ask(self.address, &self.wanted, at)?;
        let frame = some.frames.first().cloned();
        *held = (at, some.frames);
        frame.ok_or_else(|| Failure::external("a run of frames ended too early"))
    }
}
