//! The short way between two processes of one machine.
//!
//! A connection for records over loopback costs TCP's segments and acknowledgements although nothing can get lost. Where
//! both ends share the loopback, a socket of the system does the same in half the time. It has an abstract name, which
//! belongs to a network namespace as its loopback does: who can reach the one can reach the other.
//!
//! Answers for the name, and for whom such a socket belongs to. Not for the introduction, which is the same on all ways, nor
//! for encrypted connections, which stay with TCP.
//! Holds: who calls goes no further with a listener of another user, for anybody may take a name that is free; where there
//! is no short way, the usual one is taken.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixListener;

use crate::introduction::Purpose;
use crate::security::Security;

/// The listener beside the one at `address`, where there can be one.
pub(crate) fn listen(address: SocketAddr, security: &Security) -> Option<UnixListener> {
    if !is_open(address, security) {
        return None;
    }
    let listener = socket::bind(address)?;
    listener.set_nonblocking(true).ok()?;
    Some(listener)
}

/// The next caller of such a listener. Its type is named for TCP, and is a stream of bytes.
pub(crate) fn accept(listener: &UnixListener) -> std::io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    Ok(socket::stream(stream))
}

/// A connection to the listener beside the one at `address`, where there is one of this user's. Only for records: other
/// connections carry little.
pub(crate) fn connect(address: SocketAddr, purpose: &Purpose, security: &Security) -> Option<TcpStream> {
    if matches!(purpose, Purpose::Data(_)) && is_open(address, security) {
        socket::connect(address)
    } else {
        None
    }
}

fn is_open(address: SocketAddr, security: &Security) -> bool {
    address.ip().is_loopback() && security.tls.is_none()
}

#[cfg(target_os = "linux")]
mod socket {
    use std::io;
    use std::net::TcpStream;
    use std::os::fd::OwnedFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    use rustix::net::sockopt::{set_socket_send_buffer_size, socket_peercred};
    use rustix::process::geteuid;

    /// How much may be under way: two frames of records. The system may allow less.
    const UNDER_WAY: usize = 512 << 10;

    fn name(address: std::net::SocketAddr) -> io::Result<SocketAddr> {
        SocketAddr::from_abstract_name(format!("millstream {address}"))
    }

    pub(super) fn bind(address: std::net::SocketAddr) -> Option<UnixListener> {
        UnixListener::bind_addr(&name(address).ok()?).ok()
    }

    pub(super) fn stream(stream: UnixStream) -> TcpStream {
        // Less is slower, and works as well.
        let _ = set_socket_send_buffer_size(&stream, UNDER_WAY);
        TcpStream::from(OwnedFd::from(stream))
    }

    pub(super) fn connect(address: std::net::SocketAddr) -> Option<TcpStream> {
        let connected = UnixStream::connect_addr(&name(address).ok()?).ok()?;
        let is_ours = socket_peercred(&connected).is_ok_and(|owner| owner.uid == geteuid());
        is_ours.then(|| stream(connected))
    }
}

/// Elsewhere there are no abstract names.
#[cfg(not(target_os = "linux"))]
mod socket {
    use std::net::{SocketAddr, TcpStream};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    pub(super) fn bind(_: SocketAddr) -> Option<UnixListener> {
        None
    }

    pub(super) fn stream(stream: UnixStream) -> TcpStream {
        TcpStream::from(OwnedFd::from(stream))
    }

    pub(super) fn connect(_: SocketAddr) -> Option<TcpStream> {
        None
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{Answer, Called, Guest, Hello, Host, Introduction, Listener, Strangers, Token, call};

    const PATIENCE: Duration = Duration::from_secs(60);

    struct Anybody(Mutex<Sender<Guest>>);

    impl Host for Anybody {
        fn token(&self, _: &Purpose) -> Option<Token> {
            Token::new("the secret of the test").ok()
        }

        fn judge(&self, _: &Purpose) -> Answer {
            Answer::Welcome { process: 7 }
        }

        fn release(&self, _: &Purpose) {}

        fn welcome(&self, guest: Guest) {
            self.0.lock().unwrap().send(guest).unwrap();
        }
    }

    fn open() -> (Listener, Receiver<Guest>) {
        let (sender, guests) = channel();
        let host = Arc::new(Anybody(Mutex::new(sender)));
        let address = ([127, 0, 0, 1], 0).into();
        (
            Listener::bind(address, knowing("the secret of the test"), Strangers::default(), host).unwrap(),
            guests,
        )
    }

    fn knowing(token: &str) -> Security {
        Security::of(Token::new(token).unwrap())
    }

    fn records() -> Purpose {
        let (job, fingerprint) = ("delays".into(), "abc".into());
        Purpose::Data(Hello { job, attempt: 1, process: 1, fingerprint })
    }

    fn called(
        listener: &Listener,
        purpose: &Purpose,
        token: &str,
    ) -> millstream_model::error::Result<Called> {
        call(&listener.address().to_string(), purpose, &knowing(token), Instant::now() + PATIENCE)
    }

    #[test]
    fn records_take_the_short_way_and_messages_the_usual_one() {
        let (listener, guests) = open();
        let mut near = called(&listener, &records(), "the secret of the test").unwrap();
        let mut guest = guests.recv_timeout(PATIENCE).unwrap();
        assert!(near.socket.stream().peer_addr().is_err(), "it has no address of a network");
        assert_eq!((near.address, guest.address, near.process), (listener.address(), listener.address(), 7));
        near.socket.write_all(b"there").unwrap();
        guest.socket.write_all(b"back!").unwrap();
        let (mut there, mut back) = ([0; 5], [0; 5]);
        guest.socket.read_exact(&mut there).unwrap();
        near.socket.read_exact(&mut back).unwrap();
        assert_eq!((&there, &back), (b"there", b"back!"));
        let text = || "test".to_owned();
        let own = Introduction { role: text(), name: text(), job: text(), term: 1 };
        let far = called(&listener, &Purpose::Control(own), "the secret of the test").unwrap();
        assert_eq!(far.socket.stream().peer_addr().unwrap(), listener.address());
    }

    #[test]
    fn the_token_is_asked_for_on_the_short_way_too() {
        let (listener, guests) = open();
        let failure = called(&listener, &records(), "another secret than that").err().unwrap();
        assert!(failure.to_string().contains("the token of this process"), "{failure}");
        assert!(guests.try_recv().is_err());
    }

    #[test]
    fn there_is_no_short_way_to_one_who_listens_to_tcp_alone_nor_beyond_loopback() {
        let alone = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(connect(alone.local_addr().unwrap(), &records(), &knowing("any secret at all")).is_none());
        assert!(listen(([10, 0, 0, 1], 7077).into(), &knowing("any secret at all")).is_none());
    }
}
