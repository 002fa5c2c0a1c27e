//! The worker interpreters of streams: started ahead, used by one job after the other, replaced when they die.
//!
//! A worker serves any number of stretches, each over a socket of its own, which it is sent over its standard input.
//!
//! Answers for the processes and for the sockets into them. Not for what is said over these (`there`, `serve`).
//! Holds: a worker in which anything went wrong is never used again; all of them end with their driver.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_model::error::Failure;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::worker::{Frame, Kind, Launch, PROTOCOL, WorkerProcess, check_version};

/// The workers that are idle, started as those were that became idle last.
static IDLE: Mutex<Vec<(Launch, WorkerProcess)>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One worker.
pub(super) struct Worker {
    launch: Launch,
    process: Mutex<Option<WorkerProcess>>,
    is_broken: AtomicBool,
}

impl Worker {
    fn start(launch: &Launch) -> Result<Self, Failure> {
        let idle = {
            let mut idle = locked(&IDLE);
            idle.iter().position(|(known, _)| known == launch).map(|at| idle.swap_remove(at).1)
        };
        let process = match idle {
            Some(process) => process,
            None => {
                let mut process = WorkerProcess::start(launch)?;
                let told = Frame::saying(Kind::Hello, &PROTOCOL, Vec::new())?;
                told.write(process.socket()).map_err(|error| process.died(Some(error)))?;
                process
            }
        };
        Ok(Self {
            launch: launch.clone(),
            process: Mutex::new(Some(process)),
            is_broken: AtomicBool::new(false),
        })
    }

    /// A socket to a stretch of its own in the worker.
    pub(super) fn connect(&self) -> Result<UnixStream, Failure> {
        let mut held = locked(&self.process);
        let process = held.as_mut().ok_or_else(|| Failure::external("the worker process is gone"))?;
        if process.is_starting() {
            let said = Frame::read(process.socket()).map_err(|error| process.died(Some(error)))?;
            let frame = said.ok_or_else(|| process.died(None))?;
            check_version(&self.launch, &frame.said::<(u32, String)>()?.0)?;
            process.started();
        }
        let (ours, theirs) = UnixStream::pair()
            .map_err(|error| Failure::external("a socket to a worker cannot be made").because(error))?;
        let sent = send_socket(process.socket(), &theirs);
        sent.map_err(|error| process.died(Some(error)))?;
        Ok(ours)
    }

    /// What became of a worker whose stream ended.
    pub(super) fn died(&self, error: Option<io::Error>) -> Failure {
        self.is_broken.store(true, Ordering::Relaxed);
        match locked(&self.process).as_mut() {
            Some(process) => process.died(error),
            None => Failure::external("the worker process is gone"),
        }
    }

    /// Says that user code still runs in it, or that nobody knows what does: it is of no use any more.
    pub(super) fn give_up(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
        drop(locked(&self.process).take());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(process) = locked(&self.process).take()
            && !self.is_broken.load(Ordering::Relaxed)
        {
            let mut idle = locked(&IDLE);
            // Those that were started otherwise wait for nobody.
            idle.retain(|(known, _)| *known == self.launch);
            idle.push((self.launch.clone(), process));
        }
    }
}

/// Hands one end of a pair of sockets to another process.
fn send_socket(over: &UnixStream, socket: &UnixStream) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    sendmsg(over, &[IoSlice::new(&[1])], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The workers of one job; subtask *n* of every stretch runs in worker *n*.
pub(super) struct Crew {
    launch: Launch,
    workers: Vec<Mutex<Option<Arc<Worker>>>>,
}

impl Crew {
    /// As many, each of which is started when it is first asked for.
    pub(super) fn of(launch: Launch, count: usize) -> Self {
        Self { launch, workers: (0..count.max(1)).map(|_| Mutex::new(None)).collect() }
    }

    /// Starts all of them, without waiting until they are there.
    pub(super) fn start_all(&self) -> Result<(), Failure> {
        for worker in &self.workers {
            *locked(worker) = Some(Arc::new(Worker::start(&self.launch)?));
        }
        Ok(())
    }

    /// The worker of a subtask; a new one in the place of one that broke.
    pub(super) fn worker(&self, subtask: u32) -> Result<Arc<Worker>, Failure> {
        let mut held = locked(&self.workers[subtask as usize % self.workers.len()]);
        if let Some(worker) = held.as_ref().filter(|worker| !worker.is_broken.load(Ordering::Relaxed)) {
            return Ok(worker.clone());
        }
        let worker = Arc::new(Worker::start(&self.launch)?);
        *held = Some(worker.clone());
        Ok(worker)
    }
}
