//! Who hears the other processes of a job.
//!
//! Answers for accepting connections, for handshakes on this side, and for bearing strangers. Not for what is judged
//! (`handshake`) nor for what is said afterwards (`connection`).
//! Holds: there are never more strangers than the settings say; one that says nothing, or half of what it should, costs a
//! descriptor until its time is over, and stops nobody; who gets in has a certificate (with TLS) and the token.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::handshake::{self, Answer, Expected, Hello, MAX_MESSAGE, PREFACE, Refusal, Secret, Side};
use super::socket::{self, Socket};
use super::{NetworkSettings, Security};

/// How often finished handshakes are looked for while there are any.
const LOOK: Duration = Duration::from_millis(50);
/// A handshake needs little.
const STACK: usize = 256 << 10;

/// Another process of the job, connected.
pub struct Peer {
    /// Its number among the processes of the attempt.
    pub process: u32,
    /// Where it is.
    pub address: SocketAddr,
    pub(crate) socket: Socket,
}

struct Registered {
    expected: Expected,
    present: HashSet<u32>,
    peers: Sender<Peer>,
    /// Tells registrations of one job apart.
    number: u64,
}

#[derive(Default)]
struct Registry {
    jobs: Mutex<(HashMap<String, Registered>, u64)>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, (HashMap<String, Registered>, u64)> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges who says `hello`, and marks it as present if it may come in.
    fn admit(&self, hello: &Hello) -> (Answer, Option<Sender<Peer>>) {
        let mut jobs = self.lock();
        let registered = jobs.0.get_mut(&hello.job);
        let answer = handshake::judge(hello, registered.as_ref().map(|registered| &registered.expected));
        match (answer, registered) {
            (Answer::Welcome { process }, Some(registered)) => {
                if registered.present.insert(hello.process) {
                    (Answer::Welcome { process }, Some(registered.peers.clone()))
                } else {
                    (Answer::Refused(Refusal::Twice), None)
                }
            }
            (answer, _) => (answer, None),
        }
    }

    /// Takes back that a process has come in.
    fn release(&self, hello: &Hello) {
        let mut jobs = self.lock();
        if let Some(there) =
            jobs.0.get_mut(&hello.job).filter(|there| there.expected.attempt == hello.attempt)
        {
            there.present.remove(&hello.process);
        }
    }
}

/// Waits for the other processes of one attempt at a job. When it is dropped, nobody gets in any more.
pub struct Admissions {
    job: String,
    number: u64,
    registry: Arc<Registry>,
    peers: Receiver<Peer>,
}

impl Admissions {
    /// The next process that connects; `None` if nobody does for so long.
    pub fn next(&self, patience: Duration) -> Option<Peer> {
        self.peers.recv_timeout(patience).ok()
    }
}

impl Drop for Admissions {
    fn drop(&mut self) {
        let mut jobs = self.registry.lock();
        if jobs.0.get(&self.job).is_some_and(|registered| registered.number == self.number) {
            jobs.0.remove(&self.job);
        }
    }
}

/// A socket that listens, and the thread that accepts.
pub struct Listener {
    address: SocketAddr,
    registry: Arc<Registry>,
    closed: Arc<AtomicBool>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens at `address` (with port 0 at any free one). Beyond loopback this asks for TLS, or for `insecure`.
    ///
    /// # Errors
    /// If the address cannot be had, or would be open to strangers.
    pub fn bind(address: &str, security: Security, settings: NetworkSettings) -> Result<Self> {
        settings.check()?;
        let place = first_of(address)?;
        security.may_listen(place)?;
        let cannot = |error: io::Error| {
            let failure = Failure::external(format!("cannot listen at {place}"));
            let failure = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    failure.advice("another process has the port: name another one, or 0")
                }
                io::ErrorKind::AddrNotAvailable => failure.advice("this machine has no such address"),
                _ => failure,
            };
            failure.because(error)
        };
        let socket = TcpListener::bind(place).map_err(cannot)?;
        socket.set_nonblocking(true).map_err(cannot)?;
        let address = socket.local_addr().map_err(cannot)?;
        let (wake, woken) = UnixStream::pair().map_err(cannot)?;
        let (registry, closed) = (Arc::<Registry>::default(), Arc::<AtomicBool>::default());
        let door = Door {
            socket,
            woken,
            security,
            settings,
            registry: registry.clone(),
            closed: closed.clone(),
            strangers: Vec::new(),
        };
        let thread = std::thread::Builder::new().name("listener".into()).spawn(move || door.run());
        Ok(Self { address, registry, closed, wake, thread: Some(thread.map_err(cannot)?) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets the processes of an attempt in from now on, and those of an earlier one no more.
    ///
    /// # Errors
    /// If a later attempt at the job is registered already.
    pub fn expect(&self, job: &str, expected: Expected) -> Result<Admissions> {
        let (peers_in, peers) = mpsc::channel();
        let mut jobs = self.registry.lock();
        if let Some(later) = jobs.0.get(job).filter(|there| there.expected.attempt >= expected.attempt) {
            let (current, asked) = (later.expected.attempt, expected.attempt);
            return Err(Failure::internal(format!("job `{job}` is at attempt {current}, not {asked}")));
        }
        jobs.1 += 1;
        let number = jobs.1;
        let registered = Registered { expected, present: HashSet::new(), peers: peers_in, number };
        jobs.0.insert(job.to_owned(), registered);
        Ok(Admissions { job: job.to_owned(), number, registry: self.registry.clone(), peers })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        // A byte that cannot be written means that the thread has gone.
        let _ = self.wake.write(&[0]);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The first address of a name.
pub(crate) fn first_of(address: &str) -> Result<SocketAddr> {
    let unknown = || {
        Failure::user(format!("`{address}` is no address")).advice("host and port, such as 127.0.0.1:7077")
    };
    let mut found = address.to_socket_addrs().map_err(|error| unknown().because(error))?;
    found.next().ok_or_else(unknown)
}

/// One who has not come in yet.
struct Stranger {
    stream: TcpStream,
    since: Instant,
    /// `None` while it has said nothing; then whether its handshake is over.
    handshake: Option<Arc<AtomicBool>>,
}

impl Stranger {
    fn is_done(&self) -> bool {
        self.handshake.as_ref().is_some_and(|done| done.load(Ordering::Acquire))
    }
}

/// The thread that accepts.
struct Door {
    socket: TcpListener,
    woken: UnixStream,
    security: Security,
    settings: NetworkSettings,
    registry: Arc<Registry>,
    closed: Arc<AtomicBool>,
    /// The oldest first.
    strangers: Vec<Stranger>,
}

impl Door {
    fn run(mut self) {
        while !self.closed.load(Ordering::Acquire) {
            let (has_come, spoke) = self.wait();
            for index in spoke {
                self.begin(index);
            }
            if has_come {
                self.accept();
            }
            self.put_out();
        }
        self.strangers.iter().for_each(|stranger| socket::end(&stranger.stream));
    }

    /// Waits for something to do: whether somebody has come, and which strangers have spoken.
    fn wait(&self) -> (bool, Vec<usize>) {
        let mut watched =
            vec![PollFd::new(&self.socket, PollFlags::IN), PollFd::new(&self.woken, PollFlags::IN)];
        let mut silent = Vec::new();
        for (index, stranger) in self.strangers.iter().enumerate() {
            if stranger.handshake.is_none() {
                silent.push(index);
                watched.push(PollFd::new(&stranger.stream, PollFlags::IN));
            }
        }
        let patience = self.strangers.first().map(|oldest| {
            let left = self.settings.handshake_timeout.saturating_sub(oldest.since.elapsed());
            let left = if silent.len() < self.strangers.len() { left.min(LOOK) } else { left };
            Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() }
        });
        if poll(&mut watched, patience.as_ref()).is_err() {
            return (false, Vec::new());
        }
        let speaks = |slot: &usize| !watched[slot + 2].revents().is_empty();
        let spoke = (0..silent.len()).filter(speaks).map(|slot| silent[slot]).collect();
        (!watched[0].revents().is_empty(), spoke)
    }

    fn accept(&mut self) {
        // As many as may be borne at a time, then the others are looked after again.
        for _ in 0..self.settings.max_strangers {
            match self.socket.accept() {
                Ok((stream, _)) => {
                    if stream.set_nonblocking(false).is_ok() {
                        self.strangers.push(Stranger { stream, since: Instant::now(), handshake: None });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    // Most likely there are no descriptors left: those of strangers are the first to be given back.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    self.strangers.truncate(self.strangers.len() / 2);
                    std::thread::sleep(LOOK);
                    return;
                }
            }
        }
    }

    /// Forgets who has come in or gone, and puts out those whose time is over or who are too many: first of those who
    /// have said nothing.
    fn put_out(&mut self) {
        self.strangers.retain(|stranger| !stranger.is_done());
        let timeout = self.settings.handshake_timeout;
        while let Some(oldest) = self.strangers.first().filter(|oldest| oldest.since.elapsed() >= timeout) {
            socket::end(&oldest.stream);
            self.strangers.remove(0);
        }
        let mut over = self.strangers.len().saturating_sub(self.settings.max_strangers);
        self.strangers.retain(|stranger| {
            let goes = over > 0 && stranger.handshake.is_none();
            over -= usize::from(goes);
            !goes
        });
        for stranger in self.strangers.drain(..over) {
            socket::end(&stranger.stream);
        }
    }

    /// Begins the handshake with one who has spoken.
    fn begin(&mut self, index: usize) {
        let Some(stranger) = self.strangers.get_mut(index) else { return };
        let done = Arc::new(AtomicBool::new(false));
        stranger.handshake = Some(done.clone());
        let Ok(stream) = stranger.stream.try_clone() else {
            done.store(true, Ordering::Release);
            return;
        };
        let host = Host {
            security: self.security.clone(),
            registry: self.registry.clone(),
            timeout: self.settings.handshake_timeout,
        };
        let thread = std::thread::Builder::new().name("handshake".into()).stack_size(STACK);
        let finished = done.clone();
        let started = thread.spawn(move || {
            let from = stream.peer_addr();
            if let Err(failure) = host.receive(stream) {
                let from = from.map_or_else(|_| "nowhere".to_owned(), |from| from.to_string());
                tracing::warn!(%from, %failure, "a connection was refused");
            }
            finished.store(true, Ordering::Release);
        });
        if started.is_err() {
            done.store(true, Ordering::Release);
        }
    }
}

/// The listening side of one handshake.
struct Host {
    security: Security,
    registry: Arc<Registry>,
    timeout: Duration,
}

impl Host {
    fn receive(self, stream: TcpStream) -> Result<()> {
        let address = stream.peer_addr().map_err(broken)?;
        socket::set_times(&stream, self.timeout, self.timeout).map_err(broken)?;
        let socket = match &self.security.tls {
            Some(tls) => Socket::encrypted(stream, tls.listening()?),
            None => Socket::plain(stream),
        };
        let mut socket = socket.map_err(broken)?;
        let ours = handshake::preface()?;
        let mut theirs = [0; PREFACE];
        socket.read_exact(&mut theirs).map_err(broken)?;
        // Also to one that cannot be talked to: it is to see why.
        socket.write_all(&ours).map_err(broken)?;
        handshake::check_preface(&theirs)?;
        let secret = Secret { token: &self.security.token, prefaces: [theirs, ours] };
        let message = read_message(&mut socket)?;
        let (answer, hello, peers) = match secret.open::<Hello>(Side::Connecting, &message) {
            Ok(hello) => {
                let (answer, peers) = self.registry.admit(&hello);
                (answer, Some(hello), peers)
            }
            Err(refusal) => (Answer::Refused(refusal), None, None),
        };
        let answered = secret.seal(Side::Listening, &answer);
        let answered = answered.and_then(|bytes| socket.write_all(&bytes).map_err(broken));
        if let (Err(failure), Some(hello)) = (&answered, hello.as_ref().filter(|_| peers.is_some())) {
            // It does not know that it was let in, and will ask again.
            self.registry.release(hello);
            tracing::debug!(%failure, "an answer could not be given");
        }
        answered?;
        match (answer, hello, peers) {
            (_, Some(hello), Some(peers)) => {
                // Whoever waited may have gone: then the connection is closed here.
                let _ = peers.send(Peer { process: hello.process, address, socket });
                Ok(())
            }
            (Answer::Refused(refusal), Some(hello), _) => Err(refusal.failure(&hello)),
            _ => Err(Failure::external("it has not the token of this cluster")),
        }
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::external("the handshake was not finished").because(error)
}

fn read_message(from: &mut impl Read) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).map_err(broken)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_MESSAGE {
        return Err(Failure::external(format!(
            "a message of {length} bytes where {MAX_MESSAGE} is the limit"
        )));
    }
    let mut message = vec![0; length];
    from.read_exact(&mut message).map_err(broken)?;
    Ok(message)
}

/// Connects to the listener at `address` and says `hello`, again and again until `deadline` while nobody is there or
/// the other process is not ready.
///
/// # Errors
/// Why it was refused, or could not be reached in time.
pub fn connect(address: &str, hello: &Hello, security: &Security, deadline: Instant) -> Result<Peer> {
    let mut pause = Duration::from_millis(5);
    loop {
        let (failure, may_pass) = match try_connect(address, hello, security, deadline) {
            Ok(peer) => return Ok(peer),
            Err(failed) => failed,
        };
        if !may_pass || Instant::now() + pause >= deadline {
            return Err(failure.within(format!("connecting to {address}")));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

/// One attempt at it; of an error, whether another attempt may succeed.
fn try_connect(
    address: &str,
    hello: &Hello,
    security: &Security,
    deadline: Instant,
) -> Result<Peer, (Failure, bool)> {
    let place = first_of(address).map_err(|failure| (failure, false))?;
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let unreachable =
        |error: io::Error| (Failure::external(format!("cannot reach {place}")).because(error), true);
    let stream = TcpStream::connect_timeout(&place, left).map_err(unreachable)?;
    socket::set_times(&stream, left, left).map_err(unreachable)?;
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let socket = match &security.tls {
        Some(tls) => Socket::encrypted(stream, tls.connecting(host).map_err(|failure| (failure, false))?),
        None => Socket::plain(stream),
    };
    // A connection that breaks may have been put out among many strangers.
    let broke = |error: io::Error| {
        let is_wrong = error.kind() == io::ErrorKind::InvalidData;
        (broken(error), !is_wrong)
    };
    let mut socket = socket.map_err(broke)?;
    let ours = handshake::preface().map_err(|failure| (failure, false))?;
    socket.write_all(&ours).map_err(broke)?;
    let mut theirs = [0; PREFACE];
    socket.read_exact(&mut theirs).map_err(broke)?;
    handshake::check_preface(&theirs).map_err(|failure| (failure, false))?;
    let secret = Secret { token: &security.token, prefaces: [ours, theirs] };
    let message = secret.seal(Side::Connecting, hello).map_err(|failure| (failure, false))?;
    socket.write_all(&message).map_err(broke)?;
    let answer = read_message(&mut socket).map_err(|failure| (failure, true))?;
    match secret.open::<Answer>(Side::Listening, &answer) {
        Ok(Answer::Welcome { process }) => Ok(Peer { process, address: place, socket }),
        Ok(Answer::Refused(refusal)) | Err(refusal) => Err((refusal.failure(hello), refusal.may_pass())),
    }
}
