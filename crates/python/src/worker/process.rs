//! A worker as its driver sees it.

use std::io::{self, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::lineage::Cancellation;
use millstream_model::error::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::frame::{Frame, Kind, PROTOCOL};
use crate::host::Hosting;
use crate::plan::{BlockRef, Task};
use crate::task::{Fault, Outcome};

/// How often it is looked whether the job is told to stop, while a task runs.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// How long a worker that was told to end may take before it is killed.
const PATIENCE: Duration = Duration::from_millis(500);

/// How workers are started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    /// The interpreter.
    pub(crate) python: String,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// The driver's own version: `3.11.7`.
    pub(crate) version: String,
    /// What users choose the interpreter by, as an advice.
    pub(crate) chosen_by: &'static str,
}

/// A process that ends, at the latest, when this is dropped.
pub(crate) struct WorkerProcess {
    child: Child,
    id: u32,
    socket: UnixStream,
    /// Whether the worker has not said yet that it is there.
    starting: bool,
}

impl WorkerProcess {
    /// Starts a worker, and does not wait until it is there.
    pub(crate) fn start(launch: &Launch) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            Failure::external(format!("the worker interpreter `{}` cannot be started", launch.python))
                .because(error)
                .advice(format!("{}; without it, it is the driver's own", launch.chosen_by))
        };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let child = Command::new(&launch.python)
            .args(&launch.arguments)
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            // What tasks print goes where the driver's messages go, as with Spark: its own output stays its own.
            .stdout(Stdio::from(io::stderr().as_fd().try_clone_to_owned().map_err(failed)?))
            .spawn()
            .map_err(failed)?;
        let id = child.id();
        Ok(Self { child, id, socket: ours, starting: true })
    }

    /// The driver's end of the socket that is the worker's standard input.
    pub(crate) fn socket(&mut self) -> &mut UnixStream {
        &mut self.socket
    }

    /// Whether the worker has not said yet that it is there.
    pub(crate) fn is_starting(&self) -> bool {
        self.starting
    }

    /// The worker has said that it is there.
    pub(crate) fn started(&mut self) {
        self.starting = false;
    }

    /// What became of a worker whose stream ended.
    pub(crate) fn died(&mut self, error: Option<io::Error>) -> Failure {
        let child = &mut self.child;
        // It may not be dead, but is of no use any more.
        let _gone = child.kill();
        let how = match child.wait().map(|status| (status.signal(), status.code())) {
            Ok((Some(9), _)) => {
                "was killed (signal 9), by somebody or because the memory was used up".to_owned()
            }
            Ok((Some(signal), _)) => format!("was ended by signal {signal}"),
            Ok((None, Some(code))) => format!("ended with exit code {code}"),
            _ => "is gone".to_owned(),
        };
        let failure = Failure::external(format!("the worker process {} {how}", self.id));
        match error {
            Some(error) => failure.because(error),
            None => failure,
        }
    }
}

/// That driver and worker understand each other.
///
/// # Errors
/// If the worker is another Python, or of another version of this module.
pub(crate) fn check_version(launch: &Launch, said: &(u32, String)) -> Result<(), Failure> {
    let (protocol, version) = said;
    let minor = |version: &str| version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    if minor(version) != minor(&launch.version) || *protocol != PROTOCOL {
        return Err(Failure::user(format!(
            "the worker interpreter `{}` is Python {version} with protocol {protocol}, the driver is Python {} \
             with protocol {PROTOCOL}",
            launch.python, launch.version
        ))
        .advice(format!("pickled functions need the same Python on both sides: {}", launch.chosen_by)));
    }
    Ok(())
}

/// A worker that runs tasks, one after the other.
pub(super) struct Process {
    worker: WorkerProcess,
    reader: BufReader<UnixStream>,
}

impl Process {
    /// Starts a worker, and does not wait until it is there.
    pub(super) fn start(launch: &Launch, setup: &Arc<Vec<u8>>) -> Result<Self, Failure> {
        let worker = WorkerProcess::start(launch)?;
        let socket = worker
            .socket
            .try_clone()
            .map_err(|error| Failure::external("the socket to a worker cannot be used").because(error))?;
        let mut process = Self { worker, reader: BufReader::with_capacity(1 << 16, socket) };
        process.send(&Frame::saying(Kind::Hello, &PROTOCOL, vec![Arc::clone(setup)])?)?;
        Ok(process)
    }

    fn send(&mut self, frame: &Frame) -> Result<(), Failure> {
        frame.write(&mut self.worker.socket).map_err(|error| self.worker.died(Some(error)))
    }

    fn receive(&mut self) -> Result<Frame, Failure> {
        match Frame::read(&mut self.reader) {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => Err(self.worker.died(None)),
            Err(error) => Err(self.worker.died(Some(error))),
        }
    }

    /// Waits until the worker says something.
    ///
    /// # Errors
    /// If the job is told to stop before. The worker is of no use then: its task goes on.
    fn wait(&self, cancellation: &Cancellation) -> Result<(), Failure> {
        while self.reader.buffer().is_empty() {
            cancellation.check()?;
            let mut polled = [PollFd::new(&self.worker.socket, PollFlags::IN)];
            if poll(&mut polled, Some(&LOOK)).map_or(true, |ready| ready > 0) {
                break;
            }
        }
        Ok(())
    }

    fn await_ready(&mut self, launch: &Launch) -> Result<(), Failure> {
        let said = self.receive()?.said::<(u32, String)>()?.0;
        check_version(launch, &said)?;
        self.worker.started();
        Ok(())
    }

    /// Runs a task; the worker's questions are answered by `host`.
    ///
    /// # Errors
    /// If the worker died, or with the [`Fault`] that user code was as its cause.
    pub(super) fn run(
        &mut self,
        launch: &Launch,
        task: &Task,
        attachments: Vec<Arc<Vec<u8>>>,
        host: &dyn Hosting,
        cancellation: &Cancellation,
    ) -> Result<Outcome, Failure> {
        if self.worker.is_starting() {
            self.await_ready(launch)?;
        }
        self.send(&Frame::saying(Kind::Task, task, attachments)?)?;
        loop {
            self.wait(cancellation)?;
            let frame = self.receive()?;
            match frame.kind {
                Kind::Fetch => {
                    let answer = match host.fetch(frame.said::<BlockRef>()?.0) {
                        Ok(block) => Frame::new(Kind::Block, vec![block]),
                        Err(failure) => {
                            let why = (failure.to_string(), failure.may_retry());
                            Frame::saying(Kind::Missing, &why, Vec::new())?
                        }
                    };
                    self.send(&answer)?;
                }
                Kind::Keep => {
                    let (place, parts) = frame.said::<(u64, u64)>()?;
                    for part in parts {
                        host.keep(place, Arc::unwrap_or_clone(part))?;
                    }
                }
                Kind::Done => {
                    let mut parts = frame.parts.into_iter();
                    let updates = parts.next().map(Arc::unwrap_or_clone).unwrap_or_default();
                    return Ok(Outcome { blocks: parts.collect(), updates });
                }
                Kind::Failed => {
                    return Err(frame.said::<Fault>()?.0.into());
                }
                other => {
                    return Err(Failure::internal(format!("a {other:?} frame came while a task ran")));
                }
            }
        }
    }
}

impl Drop for WorkerProcess {
    /// A closed stream ends the worker: between tasks by itself, within one by the thread that watches for it.
    fn drop(&mut self) {
        let _closed = self.socket.shutdown(std::net::Shutdown::Both);
        let child = &mut self.child;
        let end = Instant::now() + PATIENCE;
        while let Ok(None) = child.try_wait() {
            if Instant::now() > end {
                let _gone = child.kill();
                let _reaped = child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
