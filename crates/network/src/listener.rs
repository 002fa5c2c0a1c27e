//! Who hears the other processes of a cluster.
//!
//! Answers for accepting connections, for handshakes on this side, and for bearing strangers. Not for who is let in, which
//! is asked of the [`Host`], nor for what is said afterwards.
//! Holds: there are never more strangers than the bounds say; one that says nothing, or half of what it should, costs a
//! descriptor until its time is over, and stops nobody; who gets in has a certificate (with TLS) and the token.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::handshake::{self, Meeting, Side, read_message, read_preface, unfinished};
use crate::introduction::{Answer, Purpose, Refusal};
use crate::near;
use crate::security::Security;
use crate::socket::{self, Socket};
use crate::token::{Token, random};

/// How often finished handshakes are looked for while there are any.
const LOOK: Duration = Duration::from_millis(50);
/// A handshake needs little.
const STACK: usize = 256 << 10;

/// How far strangers get: connections whose handshake is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strangers {
    /// How long a handshake may take.
    pub patience: Duration,
    /// How many there may be that have said nothing, and as many again that have said something; beyond that the oldest is
    /// put out.
    pub most: usize,
}

impl Default for Strangers {
    /// Five seconds, 256 of each kind.
    fn default() -> Self {
        Self { patience: Duration::from_secs(5), most: 256 }
    }
}

/// Whoever a listener belongs to: who is let in, and what becomes of it.
pub trait Host: Send + Sync + 'static {
    /// The token that one who says this has to prove; `None` where nobody can.
    fn token(&self, purpose: &Purpose) -> Option<Token>;

    /// What is said to one who has proved the token.
    fn judge(&self, purpose: &Purpose) -> Answer;

    /// It was let in and could not be told: it will ask again.
    fn release(&self, purpose: &Purpose);

    /// It is in; on a thread of its own.
    fn welcome(&self, guest: Guest);
}

/// A caller that was let in.
pub struct Guest {
    /// What it said of itself.
    pub purpose: Purpose,
    /// Where it calls from.
    pub address: SocketAddr,
    /// The connection.
    pub socket: Socket,
}

/// A socket that listens, and the thread that accepts. Closed when dropped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens at `address` (with port 0 at any free one). Beyond loopback this asks for TLS, or for `insecure`.
    ///
    /// # Errors
    /// If the address cannot be had, or would be open to strangers.
    pub fn bind(
        address: SocketAddr,
        security: Security,
        strangers: Strangers,
        host: Arc<dyn Host>,
    ) -> Result<Self> {
        security.may_listen(address)?;
        let cannot = |error: io::Error| {
            let advice = match error.kind() {
                io::ErrorKind::AddrInUse => "another process listens there: stop it, or take another port",
                io::ErrorKind::AddrNotAvailable => "give an address of this machine",
                io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need rights that this user does not have"
                }
                _ => "give another address or port",
            };
            Failure::user(format!("cannot listen at {}, port {}", address.ip(), address.port()))
                .because(error)
                .advice(advice)
        };
        let socket = TcpListener::bind(address).map_err(cannot)?;
        socket.set_nonblocking(true).map_err(cannot)?;
        let address = socket.local_addr().map_err(cannot)?;
        let (wake, woken) = UnixStream::pair().map_err(cannot)?;
        let closed = Arc::<AtomicBool>::default();
        let door = Door {
            near: near::listen(address, &security),
            address,
            socket,
            woken,
            security,
            bounds: strangers,
            host,
            closed: closed.clone(),
            strangers: Vec::new(),
            log: Log::default(),
        };
        let thread = std::thread::Builder::new().name(format!("listener {}", address.port()));
        let thread = thread.spawn(move || door.run()).map_err(cannot)?;
        Ok(Self { address, closed, wake, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        // A byte that cannot be written means that the thread has gone.
        let _ = self.wake.write(&[0]);
        let on_own_thread = |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !on_own_thread(thread)) {
            let _ = thread.join();
        }
    }
}

/// Where a stranger is.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// At the other end of a network.
    Afar(SocketAddr),
    /// On this machine, as the listener here.
    Near(SocketAddr),
}

impl Way {
    fn address(self) -> SocketAddr {
        let (Self::Afar(address) | Self::Near(address)) = self;
        address
    }
}

/// One who has not come in yet.
struct Stranger {
    stream: TcpStream,
    from: Way,
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
    address: SocketAddr,
    socket: TcpListener,
    /// The short way for records, where there is one.
    near: Option<UnixListener>,
    woken: UnixStream,
    security: Security,
    bounds: Strangers,
    host: Arc<dyn Host>,
    closed: Arc<AtomicBool>,
    /// The oldest first.
    strangers: Vec<Stranger>,
    log: Log,
}

/// What is said of strangers in the log: a line a second, however many they are.
#[derive(Default)]
struct Log {
    spoke: Option<Instant>,
    put_out: usize,
}

impl Log {
    fn may_speak(&mut self) -> bool {
        let may = self.spoke.is_none_or(|spoke| spoke.elapsed() >= Duration::from_secs(1));
        if may {
            self.spoke = Some(Instant::now());
        }
        may
    }
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
        watched.extend(self.near.iter().map(|near| PollFd::new(near, PollFlags::IN)));
        let own = watched.len();
        let mut silent = Vec::new();
        for (index, stranger) in self.strangers.iter().enumerate() {
            if stranger.handshake.is_none() {
                silent.push(index);
                watched.push(PollFd::new(&stranger.stream, PollFlags::IN));
            }
        }
        let patience = self.strangers.first().map(|oldest| {
            let left = self.bounds.patience.saturating_sub(oldest.since.elapsed());
            let left = if silent.len() < self.strangers.len() { left.min(LOOK) } else { left };
            Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() }
        });
        if poll(&mut watched, patience.as_ref()).is_err() {
            return (false, Vec::new());
        }
        let speaks = |slot: &usize| !watched[slot + own].revents().is_empty();
        let spoke = (0..silent.len()).filter(speaks).map(|slot| silent[slot]).collect();
        let has_come = [0].into_iter().chain(2..own).any(|door| !watched[door].revents().is_empty());
        (has_come, spoke)
    }

    fn next(&self) -> io::Result<(TcpStream, Way)> {
        match (self.socket.accept(), &self.near) {
            (Err(error), Some(near)) if error.kind() == io::ErrorKind::WouldBlock => {
                near::accept(near).map(|stream| (stream, Way::Near(self.address)))
            }
            (accepted, _) => accepted.map(|(stream, address)| (stream, Way::Afar(address))),
        }
    }

    fn accept(&mut self) {
        // As many as may be borne at a time, then the others are looked after again.
        for _ in 0..self.bounds.most {
            match self.next() {
                Ok((stream, from)) => {
                    if stream.set_nonblocking(false).is_ok() {
                        self.strangers.push(Stranger {
                            stream,
                            from,
                            since: Instant::now(),
                            handshake: None,
                        });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    // Most likely there are no descriptors left: those of strangers are the first to be given back.
                    if self.log.may_speak() {
                        tracing::warn!(%error, "a connection cannot be accepted");
                    }
                    let half = self.strangers.len().div_ceil(2);
                    self.strangers.drain(..half).for_each(|stranger| socket::end(&stranger.stream));
                    std::thread::sleep(LOOK);
                    return;
                }
            }
        }
    }

    /// Forgets who has come in or gone, and puts out those whose time is over or who are too many: the oldest of those who
    /// have said nothing, and the oldest of those who have said something. Neither kind takes the other's room.
    fn put_out(&mut self) {
        self.strangers.retain(|stranger| !stranger.is_done());
        let silent = self.strangers.iter().filter(|stranger| stranger.handshake.is_none()).count();
        let most = self.bounds.most;
        let mut over = [self.strangers.len() - silent, silent].map(|count| count.saturating_sub(most));
        let (before, patience) = (self.strangers.len(), self.bounds.patience);
        self.strangers.retain(|stranger| {
            let over = &mut over[usize::from(stranger.handshake.is_none())];
            let goes = *over > 0 || stranger.since.elapsed() >= patience;
            *over = over.saturating_sub(1);
            if goes {
                socket::end(&stranger.stream);
            }
            !goes
        });
        self.log.put_out += before - self.strangers.len();
        if self.log.put_out > 0 && self.log.may_speak() {
            tracing::warn!(
                number = self.log.put_out,
                "strangers were put out that said nothing, or nothing whole"
            );
            self.log.put_out = 0;
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
        let from = stranger.from;
        let (security, host, patience) = (self.security.clone(), self.host.clone(), self.bounds.patience);
        let thread = std::thread::Builder::new().name("handshake".into()).stack_size(STACK);
        let finished = done.clone();
        let started = thread.spawn(move || {
            let received = receive(stream, from, &security, &*host, patience);
            // From here on it is no stranger.
            finished.store(true, Ordering::Release);
            match received {
                Ok(guest) => host.welcome(guest),
                Err(failure) => {
                    tracing::warn!(from = %from.address(), %failure, "a connection was refused");
                }
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "no thread for a caller; it is closed");
            done.store(true, Ordering::Release);
        }
    }
}

/// The listening side of one handshake.
fn receive(
    stream: TcpStream,
    from: Way,
    security: &Security,
    host: &dyn Host,
    patience: Duration,
) -> Result<Guest> {
    socket::set_times(&stream, patience, patience).map_err(unfinished)?;
    let mut socket = match &security.tls {
        Some(tls) => Socket::encrypted(stream, tls.listening()?),
        None if matches!(from, Way::Near(_)) => Ok(Socket::near(stream)),
        None => Socket::plain(stream),
    }
    .map_err(unfinished)?;
    let ours = handshake::preface()?;
    let theirs = read_preface(&mut socket)?;
    // Also to one that cannot be talked to: it is to see why.
    socket.write_all(&ours).map_err(unfinished)?;
    handshake::check_preface(&theirs)?;
    let meeting = Meeting { prefaces: [theirs, ours], session: socket.session_secret().map_err(unfinished)? };
    let message = read_message(&mut socket)?;
    let mut known = None;
    let opened = meeting.open::<Purpose>(Side::Connecting, &message, |purpose| {
        known = host.token(purpose).map(|token| (purpose.clone(), token));
        known.as_ref().map(|(_, token)| token.clone())
    });
    let answer = opened
        .as_ref()
        .map_or_else(|refusal| Answer::Refused(refusal.clone()), |purpose| host.judge(purpose));
    // To one who proved nothing the answer is proved by what it cannot know.
    let token = match &known {
        Some((_, token)) => token.clone(),
        None => Token::new(&format!("{:?}", random::<32>()?))?,
    };
    let answered = meeting.seal(&token, Side::Listening, &answer);
    let answered = answered.and_then(|bytes| socket.write_all(&bytes).map_err(unfinished));
    match (answer, opened) {
        (Answer::Welcome { .. }, Ok(purpose)) => {
            if let Err(failure) = answered {
                host.release(&purpose);
                return Err(failure);
            }
            Ok(Guest { purpose, address: from.address(), socket })
        }
        (Answer::Refused(refusal), Ok(purpose)) => Err(said(&refusal, &purpose)),
        (_, Err(refusal)) => Err(match known {
            Some((purpose, _)) => said(&refusal, &purpose),
            None => Failure::user("what it said of itself is nothing that anybody is waited for with"),
        }),
    }
}

/// A refusal as it is logged here.
fn said(refusal: &Refusal, purpose: &Purpose) -> Failure {
    match refusal {
        Refusal::WrongToken => Failure::user(format!("{purpose} has not the token that it needs here")),
        Refusal::Because(why) => Failure::user(format!("{purpose} was refused: {why}")),
        other => other.failure(purpose).within(format!("{purpose} was refused")),
    }
}
