//! The side that connects.
//!
//! Answers for reaching a listener and introducing itself there. Not for what is said afterwards.
//! Holds: a listener that does not prove the token is talked to no further.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};

use crate::handshake::{self, Meeting, Side, read_message, read_preface, unfinished};
use crate::introduction::{Answer, Purpose};
use crate::near;
use crate::security::Security;
use crate::socket::{self, Socket};

/// A connection to a listener that has let this process in.
pub struct Called {
    /// The connection.
    pub socket: Socket,
    /// Where the listener is.
    pub address: SocketAddr,
    /// Its number, where processes have numbers.
    pub process: u32,
}

/// The first address of a name.
///
/// # Errors
/// If it leads nowhere.
pub fn first_of(address: &str) -> Result<SocketAddr> {
    let unknown = || {
        Failure::user(format!("`{address}` is no address")).advice("host and port, such as 127.0.0.1:7077")
    };
    let mut found = address.to_socket_addrs().map_err(|error| unknown().because(error))?;
    found.next().ok_or_else(unknown)
}

/// The host of `HOST:PORT`.
fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']'])
}

/// Calls the listener at `address` until `deadline`, again and again while nobody is there or the other process is not ready.
///
/// # Errors
/// Why it was refused, or could not be reached in time.
pub fn call(address: &str, purpose: &Purpose, security: &Security, deadline: Instant) -> Result<Called> {
    let mut pause = Duration::from_millis(5);
    loop {
        let (failure, may_pass) = match try_call(address, purpose, security, deadline) {
            Ok(called) => return Ok(called),
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
///
/// # Errors
/// Why it was refused, or could not be reached in time.
pub(crate) fn try_call(
    address: &str,
    purpose: &Purpose,
    security: &Security,
    deadline: Instant,
) -> Result<Called, (Failure, bool)> {
    let for_good = |failure: Failure| (failure, false);
    let place = first_of(address).map_err(for_good)?;
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let unreachable =
        |error: io::Error| (Failure::external(format!("cannot reach {place}")).because(error), true);
    let near = near::connect(place, purpose, security);
    let is_near = near.is_some();
    let stream = near.map_or_else(|| TcpStream::connect_timeout(&place, left), Ok).map_err(unreachable)?;
    socket::set_times(&stream, left, left).map_err(unreachable)?;
    // A connection that breaks may have been put out among many strangers; one that is wrong stays wrong.
    let broke = |failure: Failure| {
        let may_pass = failure.may_retry();
        (failure, may_pass)
    };
    let mut socket = match &security.tls {
        Some(tls) => Socket::encrypted(stream, tls.connecting(host_of(address)).map_err(for_good)?),
        None if is_near => Ok(Socket::near(stream)),
        None => Socket::plain(stream),
    }
    .map_err(|error| broke(unfinished(error)))?;
    let ours = handshake::preface().map_err(for_good)?;
    socket.write_all(&ours).map_err(|error| broke(unfinished(error)))?;
    let theirs = read_preface(&mut socket).map_err(broke)?;
    handshake::check_preface(&theirs).map_err(for_good)?;
    let session = socket.session_secret().map_err(|error| broke(unfinished(error)))?;
    let meeting = Meeting { prefaces: [ours, theirs], session };
    let message = meeting.seal(&security.token, Side::Connecting, purpose).map_err(for_good)?;
    socket.write_all(&message).map_err(|error| broke(unfinished(error)))?;
    let answer = read_message(&mut socket).map_err(broke)?;
    let token = |_: &Answer| Some(security.token.clone());
    match meeting.open::<Answer>(Side::Listening, &answer, token) {
        Ok(Answer::Welcome { process }) => Ok(Called { process, address: place, socket }),
        Ok(Answer::Refused(refusal)) | Err(refusal) => Err((refusal.failure(purpose), refusal.may_pass())),
    }
}
