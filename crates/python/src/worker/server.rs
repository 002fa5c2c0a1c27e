//! The worker's end: tasks in, blocks out, until the driver is gone.

use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use millstream_model::error::Failure;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, getppid, kill_process};
use rustix::stdio::dup2_stdin;

use super::frame::{Frame, Kind, PROTOCOL};
use crate::host::{Host, Hosting};
use crate::plan::{BlockRef, Task};
use crate::task::{self, Outcome};

/// How often a worker whose socket stays open looks whether its parent is still the one that started it: the socket of
/// a driver that forked is held open by its children.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The stream, used by the task that runs and between tasks.
struct Driver {
    ends: Mutex<Ends>,
}

struct Ends {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Ends {
    fn send(&mut self, frame: &Frame) -> Result<(), Failure> {
        frame.write(&mut self.writer).map_err(lost)
    }

    fn receive(&mut self) -> Result<Option<Frame>, Failure> {
        Frame::read(&mut self.reader).map_err(lost)
    }
}

fn lost(error: io::Error) -> Failure {
    Failure::external("the worker lost its driver").because(error)
}

impl Driver {
    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hosting for Driver {
    fn fetch(&self, block: BlockRef) -> Result<Arc<Vec<u8>>, Failure> {
        let mut ends = self.ends();
        ends.send(&Frame::saying(Kind::Fetch, &block, Vec::new())?)?;
        let answer = ends.receive()?;
        match answer {
            Some(Frame { kind: Kind::Block, parts }) => {
                Ok(parts.into_iter().next().unwrap_or_else(|| Arc::new(Vec::new())))
            }
            Some(frame) if frame.kind == Kind::Missing => {
                let (why, may_retry) = frame.said::<(String, bool)>()?.0;
                Err(if may_retry { Failure::external(why) } else { Failure::user(why) })
            }
            Some(frame) => {
                Err(Failure::internal(format!("a {:?} frame came instead of a block", frame.kind)))
            }
            None => Err(lost(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    fn keep(&self, place: (u64, u64), block: Vec<u8>) -> Result<(), Failure> {
        self.ends().send(&Frame::saying(Kind::Keep, &place, vec![Arc::new(block)])?)
    }
}

/// Serves the driver at the other end of standard input until it closes the stream.
///
/// `setup` is called once with what the driver said at the start.
#[pyfunction]
pub(crate) fn serve(py: Python<'_>, setup: Bound<'_, PyAny>) -> PyResult<()> {
    let socket = take_stdin()?;
    let watched = socket.try_clone()?;
    let stream = UnixStream::from(socket);
    let ends = Ends { reader: BufReader::with_capacity(1 << 16, stream.try_clone()?), writer: stream };
    let driver = Arc::new(Driver { ends: Mutex::new(ends) });
    thread::Builder::new().name("watch-driver".into()).spawn(move || watch(&watched))?;
    let failed = |failure: Failure| PyOSError::new_err(failure.to_string());
    let Some(hello) = py.detach(|| driver.ends().receive()).map_err(failed)? else { return Ok(()) };
    let (_protocol, parts) = hello.said::<u32>().map_err(failed)?;
    for part in &parts {
        setup.call1((PyBytes::new(py, part),))?;
    }
    let version: String = py.import("platform")?.call_method0("python_version")?.extract()?;
    py.detach(|| -> Result<(), Failure> {
        driver.ends().send(&Frame::saying(Kind::Ready, &(PROTOCOL, version), Vec::new())?)?;
        let host = Host::new(Arc::clone(&driver) as Arc<dyn Hosting>);
        loop {
            // The lock is free while the task runs: it is the task that asks for blocks.
            let next = driver.ends().receive()?;
            let Some(frame) = next else { return Ok(()) };
            let (task, attachments) = frame.said::<Task>()?;
            let answer = match task::run(task, &attachments, &host) {
                Ok(Outcome { mut blocks, updates }) => {
                    blocks.insert(0, Arc::new(updates));
                    Frame::new(Kind::Done, blocks)
                }
                Err(fault) => Frame::saying(Kind::Failed, &fault, Vec::new())?,
            };
            driver.ends().send(&answer)?;
        }
    })
    .map_err(failed)
}

/// The socket that standard input is, which is empty afterwards: user code, and every process that it starts, must find
/// nothing of ours there.
pub(crate) fn take_stdin() -> io::Result<OwnedFd> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    dup2_stdin(File::open("/dev/null")?).map_err(io::Error::from)?;
    Ok(socket)
}

/// Ends this process when its driver is gone, whatever user code does meanwhile.
pub(crate) fn watch(socket: &OwnedFd) {
    let parent = getppid();
    loop {
        let mut polled = [PollFd::new(socket, PollFlags::empty())];
        let gone = poll(&mut polled, Some(&LOOK)).is_ok()
            && polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR);
        if gone || getppid() != parent {
            // Nothing is left to be told, and user code may hold every lock there is.
            let _killed = kill_process(getpid(), Signal::KILL);
        }
    }
}
