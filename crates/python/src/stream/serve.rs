//! The worker's end: a thread for each stretch, until the driver is gone.
//!
//! Holds: a thread has the interpreter while functions run, and not while it waits for the driver.

use std::io::{self, BufReader, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use millstream_model::error::Failure;
use millstream_model::id::Subtask;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::chunk::{decoded, encoded};
use super::fault::fault;
use super::here::{Carried, called, made};
use super::seat::{Call, Emitted, Reply};
use super::stretch::Setting;
use super::there::Told;
use crate::worker::{Frame, Kind, PROTOCOL, Parts, take_stdin, watch};

/// Serves the streams of the driver at the other end of standard input until it closes it.
#[pyfunction]
pub(crate) fn serve_streams(py: Python<'_>) -> PyResult<()> {
    let socket = take_stdin()?;
    let watched = socket.try_clone()?;
    let mut control = UnixStream::from(socket);
    thread::Builder::new().name("watch-driver".into()).spawn(move || watch(&watched))?;
    let version: String = py.import("platform")?.call_method0("python_version")?.extract()?;
    py.detach(|| -> io::Result<()> {
        let failed = |failure: Failure| io::Error::other(failure.to_string());
        if Frame::read(&mut control)?.is_none() {
            return Ok(());
        }
        let ready = Frame::saying(Kind::Ready, &(PROTOCOL, version), Vec::new()).map_err(failed)?;
        ready.write(&mut control)?;
        while let Some(socket) = receive_socket(&control)? {
            let stream = UnixStream::from(socket);
            // As deep as the main thread's: what recurses here recurses there.
            let thread = thread::Builder::new().name("stretch".into()).stack_size(8 << 20);
            thread.spawn(move || {
                // A driver that is gone ends this process by another way.
                let _gone = serve(stream);
            })?;
        }
        Ok(())
    })
    .map_err(|error| PyOSError::new_err(error.to_string()))
}

/// The next socket that the driver hands over; none at the end.
fn receive_socket(over: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let received = recvmsg(over, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut sockets = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    sockets.next().map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The stretch's end of its socket.
struct Ends {
    reader: BufReader<UnixStream>,
    writer: Arc<Mutex<UnixStream>>,
}

fn serve(stream: UnixStream) -> Result<(), Failure> {
    let lost = |error: io::Error| Failure::external("the worker lost its driver").because(error);
    let reader = BufReader::with_capacity(1 << 16, stream.try_clone().map_err(lost)?);
    let mut ends = Ends { reader, writer: Arc::new(Mutex::new(stream)) };
    let Some(first) = Frame::read(&mut ends.reader).map_err(lost)? else { return Ok(()) };
    let ((index, of, attempt, max_parallelism, is_batch, watermark, is_keyed), parts) =
        first.said::<Told>()?;
    let mut parts = parts.into_iter();
    let (spec, state) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let subtask = Subtask { index, of };
    let setting = Setting { spec, subtask, attempt, max_parallelism, is_batch, watermark };
    let out = Emitter(ends.writer.clone());
    let stretch = Python::attach(|py| {
        let opened = (|| {
            let state = is_keyed.then(|| decoded(py, &state)).transpose()?;
            made(py, &setting, state, Bound::new(py, out)?.into_any())
        })();
        opened.map(Bound::unbind).map_err(|error| fault(py, &error, index, attempt))
    });
    let stretch = match stretch {
        Ok(stretch) => {
            write(&ends.writer, &Frame::new(Kind::Done, Vec::new())).map_err(lost)?;
            stretch
        }
        Err(fault) => {
            return write(&ends.writer, &Frame::saying(Kind::Failed, &fault, Vec::new())?).map_err(lost);
        }
    };
    while let Some(frame) = Frame::read(&mut ends.reader).map_err(lost)? {
        let (call, parts) = frame.said::<Call>()?;
        let answer = Python::attach(|py| {
            let answered = carried(py, call, &parts)
                .and_then(|carried| called(stretch.bind(py), call, carried))
                .and_then(|reply| written(py, &reply));
            answered.map_err(|error| fault(py, &error, index, attempt))
        });
        let answer = match answer {
            Ok(None) => Frame::new(Kind::Done, Vec::new()),
            Ok(Some((wake, parts))) => Frame::saying(Kind::Done, &wake, parts)?,
            Err(fault) => Frame::saying(Kind::Failed, &fault, Vec::new())?,
        };
        write(&ends.writer, &answer).map_err(lost)?;
    }
    Ok(())
}

fn write(writer: &Mutex<UnixStream>, frame: &Frame) -> io::Result<()> {
    frame.write(&mut *writer.lock().unwrap_or_else(PoisonError::into_inner))
}

fn carried<'py>(py: Python<'py>, call: Call, parts: &Parts) -> PyResult<Carried<'py>> {
    let list = |at: usize| parts.get(at).map(|block| decoded(py, block)).transpose();
    Ok(match call {
        Call::Batch { .. } => Carried::Records(list(0)?.unwrap_or_else(|| PyList::empty(py)), list(1)?),
        Call::Watermark(_) | Call::Tick(_) => Carried::Timers(list(0)?.unwrap_or_else(|| PyList::empty(py))),
        Call::Idle | Call::End | Call::Snapshot | Call::Close => Carried::Nothing,
    })
}

/// The reply as it is sent; none if there is nothing in it.
fn written(py: Python<'_>, reply: &Reply) -> PyResult<Option<(Option<i64>, Parts)>> {
    if reply.timers.is_none() && reply.entries.is_none() && reply.wake.is_none() {
        return Ok(None);
    }
    let block = |list: &Option<Py<PyList>>| -> PyResult<Arc<Vec<u8>>> {
        Ok(Arc::new(list.as_ref().map(|list| encoded(list.bind(py))).transpose()?.unwrap_or_default()))
    };
    Ok(Some((reply.wake, vec![block(&reply.timers)?, block(&reply.entries)?])))
}

/// Where a stretch of a worker emits.
#[pyclass(module = "millstream._native", frozen)]
struct Emitter(Arc<Mutex<UnixStream>>);

impl Emitter {
    fn send(&self, py: Python<'_>, emitted: Emitted, parts: Parts) -> PyResult<()> {
        let frame = Frame::saying(Kind::Emit, &emitted, parts)
            .map_err(|failure| PyOSError::new_err(failure.to_string()))?;
        // The driver reads when there is room behind the exit.
        py.detach(|| write(&self.0, &frame)).map_err(PyErr::from)
    }
}

#[pymethods]
impl Emitter {
    /// Emits records, with their times where they have any, into an exit, for a subtask behind it.
    fn emit(
        &self,
        py: Python<'_>,
        exit: u16,
        target: u16,
        input: u8,
        records: &Bound<'_, PyList>,
        times: Option<&Bound<'_, PyList>>,
    ) -> PyResult<()> {
        let mut parts = vec![Arc::new(encoded(records)?)];
        if let Some(times) = times {
            parts.push(Arc::new(encoded(times)?));
        }
        let (rows, timed) = (records.len(), times.is_some());
        self.send(py, Emitted::Chunk { exit, target, input, rows, timed }, parts)
    }

    fn watermark(&self, py: Python<'_>, exit: u16, time: i64) -> PyResult<()> {
        self.send(py, Emitted::Watermark { exit, time }, Vec::new())
    }

    fn idle(&self, py: Python<'_>, exit: u16) -> PyResult<()> {
        self.send(py, Emitted::Idle { exit }, Vec::new())
    }
}
