//! Connections between processes, over real sockets, and with real processes where these are killed or stopped.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is missing")]

mod channels;
mod doors;
mod losses;

use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use millstream_network::{Hello, Security, Token};
use millstream_runtime::network::{Connection, Expected, Listener, Lost, NetworkSettings, connect};

/// Longer than anything takes on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

fn security() -> Security {
    Security::of(Token::new("the token of these tests").unwrap())
}

fn hello(attempt: u64) -> Hello {
    Hello { job: "job".into(), attempt, process: 1, fingerprint: "print".into() }
}

fn expected(attempt: u64) -> Expected {
    Expected { attempt, fingerprint: "print".into(), process: 0 }
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// Two processes, here two ends in one, and what each hears of losing the other.
struct Pair {
    left: Connection,
    right: Connection,
    left_lost: Receiver<Lost>,
    right_lost: Receiver<Lost>,
    _listener: Listener,
}

fn pair_with(settings: NetworkSettings, security: Security) -> Pair {
    let listener = Listener::bind("127.0.0.1:0", security.clone(), settings.clone()).unwrap();
    let admissions = listener.expect("job", expected(1)).unwrap();
    let address = listener.address().to_string();
    let peer = connect(&address, &hello(1), &security, soon()).unwrap();
    let other = admissions.next(PATIENCE).unwrap();
    assert_eq!((peer.process, other.process), (0, 1));
    let (left_in, left_lost) = mpsc::channel();
    let (right_in, right_lost) = mpsc::channel();
    let left = Connection::start(peer, settings.clone(), move |lost| left_in.send(lost).unwrap()).unwrap();
    let right = Connection::start(other, settings, move |lost| right_in.send(lost).unwrap()).unwrap();
    Pair { left, right, left_lost, right_lost, _listener: listener }
}

fn pair() -> Pair {
    pair_with(NetworkSettings::default(), security())
}
