//! Where callers arrive: a listening socket, and how far strangers get.
//!
//! Answers for hearing introductions without letting one caller keep another one waiting. Not for judging them: that is
//! asked of the owner.
//! Holds: a caller that says nothing, or half of something, is closed after a while; there are never more such callers than
//! a limit, beyond which new ones are closed at once.

use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result, Retry};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::conversation::{Hearer, Pulse, Speaker, converse};
use crate::introduction::{self, Introduction};

/// How long a caller may take to introduce itself.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many callers may be about to introduce themselves.
const STRANGERS: usize = 256;
/// The stack of a thread that hears an introduction.
const STACK: usize = 128 * 1024;

/// A caller that was let in.
pub struct Arrived {
    /// What it said of itself.
    pub introduction: Introduction,
    /// Where it calls from.
    pub address: SocketAddr,
    stream: TcpStream,
}

impl std::fmt::Debug for Arrived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { introduction, address, stream: _ } = self;
        f.debug_struct("Arrived")
            .field("introduction", introduction)
            .field("address", address)
            .finish_non_exhaustive()
    }
}

impl Arrived {
    /// Begins the conversation with it, in messages of these types.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn converse<Out: Serialize, In: DeserializeOwned>(
        self,
        pulse: Pulse,
    ) -> Result<(Speaker<Out>, Hearer<In>)> {
        let who = format!("{} {} at {}", self.introduction.role, self.introduction.name, self.address);
        converse(self.stream, who, pulse)
    }

    /// The connection itself, for what is no conversation.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// A listening socket; closed when dropped.
#[derive(Debug)]
pub struct Reception {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Reception {
    /// Listens at `ip`, at a free port where `port` is 0. `judge` refuses a caller with a reason, which it is told; `welcome`
    /// gets each other one on a thread of its own.
    ///
    /// # Errors
    /// If the port is taken or the address is not this machine's.
    pub fn open(
        ip: IpAddr,
        port: u16,
        judge: impl Fn(&Introduction) -> Result<(), String> + Send + Sync + 'static,
        welcome: impl Fn(Arrived) + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind((ip, port)).map_err(|error| {
            let advice = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "another process listens there: stop it, or take another port"
                }
                std::io::ErrorKind::AddrNotAvailable => "give an address of this machine",
                std::io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need rights that this user does not have"
                }
                _ => "give another address or port",
            };
            Failure::user(format!("cannot listen at {ip}, port {port}")).because(error).advice(advice)
        })?;
        let lost = |error| Failure::external("the listening socket is of no use").because(error);
        let address = listener.local_addr().map_err(lost)?;
        let closed = Arc::new(AtomicBool::new(false));
        let (own, desk) = (closed.clone(), Arc::new((judge, welcome)));
        let strangers = Arc::new(AtomicUsize::new(0));
        let accept = move || {
            for stream in listener.incoming() {
                if own.load(Ordering::Acquire) {
                    return;
                }
                let Ok(stream) = stream else {
                    // Out of descriptors, mostly: those that are closed meanwhile make room.
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                };
                let guest = Guest::new(&strangers);
                if guest.is_one_too_many() {
                    tracing::warn!(
                        "too many callers that have not introduced themselves; one more is closed"
                    );
                    continue;
                }
                let desk = desk.clone();
                let hear = move || {
                    let arrived = receive(stream, &desk.0);
                    drop(guest);
                    match arrived {
                        Ok(arrived) => (desk.1)(arrived),
                        Err(failure) => tracing::warn!(%failure, "a caller was not let in"),
                    }
                };
                let thread = std::thread::Builder::new().name("caller".into()).stack_size(STACK);
                if let Err(error) = thread.spawn(hear) {
                    tracing::warn!(%error, "no thread for a caller; it is closed");
                }
            }
        };
        let thread = std::thread::Builder::new().name(format!("reception {}", address.port()));
        thread.spawn(accept).map_err(lost)?;
        Ok(Self { address, closed })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        // The accepting thread waits for a caller: this is one.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
    }
}

/// A caller that has not introduced itself, counted.
struct Guest(Arc<AtomicUsize>, usize);

impl Guest {
    fn new(strangers: &Arc<AtomicUsize>) -> Self {
        Self(strangers.clone(), strangers.fetch_add(1, Ordering::AcqRel))
    }

    fn is_one_too_many(&self) -> bool {
        self.1 >= STRANGERS
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn receive(mut stream: TcpStream, judge: &impl Fn(&Introduction) -> Result<(), String>) -> Result<Arrived> {
    let gone = |error| Failure::external("the caller is gone").because(error);
    let address = stream.peer_addr().map_err(gone)?;
    let place = |failure: Failure| failure.within(format!("a caller from {address}"));
    stream.set_nodelay(true).map_err(gone)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(gone)?;
    let mut slow = Slow { stream: &mut stream, until: Instant::now() + PATIENCE };
    let introduction = introduction::hear(&mut slow).map_err(place)?;
    match judge(&introduction) {
        Ok(()) => introduction::answer(&mut stream, Ok(())).map_err(place)?,
        Err(why) => {
            let _ = introduction::answer(&mut stream, Err(&why));
            let _ = stream.shutdown(Shutdown::Both);
            let text = format!("{} {} was refused: {why}", introduction.role, introduction.name);
            return Err(place(Failure::user(text).retry(Retry::No)));
        }
    }
    Ok(Arrived { introduction, address, stream })
}

/// A connection that has until a time to say what is awaited, however slowly it says it.
struct Slow<'a> {
    stream: &'a mut TcpStream,
    until: Instant,
}

impl std::io::Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(into)
    }
}

impl std::io::Write for Slow<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}
