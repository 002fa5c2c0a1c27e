//! Messages both ways over one connection, in order, until one side is gone.
//!
//! Answers for control between processes: few messages, each of them whole. Not for records.
//! Holds: messages come in the order in which one speaker said them; a side that is stopped, cut off or dead is noticed
//! within the patience of the [`Pulse`], a side that has ended at once; what is said to a peer that is gone is an error.

use std::io::BufReader;
use std::marker::PhantomData;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::frame;
use crate::introduction::{self, Introduction};

/// The longest message, in bytes.
const LIMIT: usize = 64 << 20;
/// A frame without a message: its sender is alive.
const HEARTBEAT: &[u8] = b"";

/// How often a side says that it is alive, and how long it waits for the other to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// From one heartbeat to the next.
    pub interval: Duration,
    /// Silence for so long means that the other side is gone; also how long a connection may take.
    pub patience: Duration,
}

impl Default for Pulse {
    /// A heartbeat each second, five seconds of silence.
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), patience: Duration::from_secs(5) }
    }
}

struct Line {
    stream: Mutex<TcpStream>,
    who: String,
    closed: AtomicBool,
}

impl Line {
    fn send(&self, payload: &[u8]) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(self.gone());
        }
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        frame::write(&mut *stream, payload).map_err(|error| {
            // Half a frame may be on its way: nothing can follow it.
            self.closed.store(true, Ordering::Release);
            let _ = stream.shutdown(Shutdown::Both);
            self.gone().because(error)
        })
    }

    fn gone(&self) -> Failure {
        Failure::external(format!("{} is gone", self.who))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.shutdown(Shutdown::Write);
    }
}

/// The side that says messages of type `Out`; may be cloned. When the last one is dropped the other side hears the end.
pub struct Speaker<Out> {
    line: Arc<Line>,
    message: PhantomData<fn(&Out)>,
}

impl<Out> Clone for Speaker<Out> {
    fn clone(&self) -> Self {
        Self { line: self.line.clone(), message: PhantomData }
    }
}

impl<Out> std::fmt::Debug for Speaker<Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Speaker").field(&self.line.who).finish()
    }
}

impl<Out: Serialize> Speaker<Out> {
    /// Says a message, behind all that were said before.
    ///
    /// # Errors
    /// If the other side is gone, or does not take it within the patience.
    pub fn say(&self, message: &Out) -> Result<()> {
        let text = serde_json::to_vec(message)
            .map_err(|error| Failure::internal("a message cannot be encoded").because(error))?;
        self.line.send(&text)
    }

    /// Ends the conversation for both sides.
    pub fn close(&self) {
        self.line.closed.store(true, Ordering::Release);
        let stream = self.line.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// The side that hears messages of type `In`.
pub struct Hearer<In> {
    stream: BufReader<TcpStream>,
    who: String,
    patience: Duration,
    payload: Vec<u8>,
    message: PhantomData<fn() -> In>,
}

impl<In> std::fmt::Debug for Hearer<In> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hearer").field(&self.who).finish()
    }
}

impl<In: DeserializeOwned> Hearer<In> {
    /// Waits for the next message.
    ///
    /// # Errors
    /// If the other side has ended, is silent for too long, or says what is no message: nothing follows.
    pub fn hear(&mut self) -> Result<In> {
        loop {
            frame::read(&mut self.stream, &mut self.payload, LIMIT).map_err(|error| self.end(&error))?;
            if self.payload == HEARTBEAT {
                continue;
            }
            return serde_json::from_slice(&self.payload).map_err(|error| {
                let _ = self.stream.get_ref().shutdown(Shutdown::Both);
                Failure::external(format!("{} said what is no message", self.who)).because(error)
            });
        }
    }

    fn end(&self, error: &std::io::Error) -> Failure {
        let _ = self.stream.get_ref().shutdown(Shutdown::Both);
        use std::io::ErrorKind::{ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
        let why = match error.kind() {
            UnexpectedEof | ConnectionReset => "it closed the connection".to_owned(),
            WouldBlock | TimedOut => format!("it said nothing for {:?}", self.patience),
            _ => error.to_string(),
        };
        Failure::external(format!("{} is gone: {why}", self.who))
    }
}

/// Calls `address` and introduces itself.
///
/// # Errors
/// If nobody listens there, or the caller is refused.
pub fn connect<Out: Serialize, In: DeserializeOwned>(
    address: SocketAddr,
    own: &Introduction,
    pulse: Pulse,
) -> Result<(Speaker<Out>, Hearer<In>)> {
    let within = |failure: Failure| failure.within(format!("no conversation with {address}"));
    let unreachable = |error| within(Failure::external("it cannot be reached").because(error));
    let mut stream = TcpStream::connect_timeout(&address, pulse.patience).map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    stream.set_read_timeout(Some(pulse.patience)).map_err(unreachable)?;
    stream.set_write_timeout(Some(pulse.patience)).map_err(unreachable)?;
    introduction::introduce(&mut stream, own).map_err(within)?;
    converse(stream, address.to_string(), pulse)
}

/// Begins a conversation over a connection whose introduction is over.
pub(crate) fn converse<Out: Serialize, In: DeserializeOwned>(
    stream: TcpStream,
    who: String,
    pulse: Pulse,
) -> Result<(Speaker<Out>, Hearer<In>)> {
    let gone = |error| Failure::external("the connection is gone").because(error);
    stream.set_read_timeout(Some(pulse.patience)).map_err(gone)?;
    stream.set_write_timeout(Some(pulse.patience)).map_err(gone)?;
    let hearing = stream.try_clone().map_err(gone)?;
    let line =
        Arc::new(Line { stream: Mutex::new(stream), who: who.clone(), closed: AtomicBool::new(false) });
    let beating = Arc::downgrade(&line);
    let thread = std::thread::Builder::new().name("heartbeat".into()).stack_size(64 * 1024);
    thread.spawn(move || beat(&beating, pulse.interval)).map_err(gone)?;
    let patience = pulse.patience;
    let stream = BufReader::new(hearing);
    let hearer = Hearer { stream, who, patience, payload: Vec::new(), message: PhantomData };
    Ok((Speaker { line, message: PhantomData }, hearer))
}

/// Says that this side is alive, until it has nothing more to say or nobody hears it.
fn beat(line: &Weak<Line>, interval: Duration) {
    loop {
        std::thread::sleep(interval);
        let Some(line) = line.upgrade() else { return };
        if line.send(HEARTBEAT).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Instant;

    use super::*;
    use crate::introduction::same_secret;
    use crate::reception::{Arrived, Reception};

    fn own(token: &str) -> Introduction {
        let (role, name, job) = ("worker".into(), "w-1".into(), String::new());
        Introduction { role, name, job, term: 0, token: token.into() }
    }

    fn quick() -> Pulse {
        Pulse { interval: Duration::from_millis(50), patience: Duration::from_millis(400) }
    }

    fn reception() -> (Reception, Receiver<Arrived>) {
        let (to, arrived) = channel();
        let judge = |caller: &Introduction| {
            if same_secret(&caller.token, "right") { Ok(()) } else { Err("the token is wrong".to_owned()) }
        };
        let local = [127, 0, 0, 1].into();
        (Reception::open(local, 0, judge, move |caller| to.send(caller).unwrap()).unwrap(), arrived)
    }

    #[test]
    fn messages_pass_both_ways_in_order_and_silence_is_no_end_while_hearts_beat() {
        let (reception, arrived) = reception();
        let (speaker, mut hearer) =
            connect::<u64, String>(reception.address(), &own("right"), quick()).unwrap();
        let (answers, mut questions) = arrived.recv().unwrap().converse::<String, u64>(quick()).unwrap();
        std::thread::sleep(quick().patience * 2);
        for number in 0..100 {
            speaker.say(&number).unwrap();
        }
        for number in 0..100 {
            assert_eq!(questions.hear().unwrap(), number);
            answers.say(&number.to_string()).unwrap();
            assert_eq!(hearer.hear().unwrap(), number.to_string());
        }
    }

    #[test]
    fn an_end_is_heard_at_once_and_behind_what_was_said() {
        let (reception, arrived) = reception();
        let slow = Pulse { patience: Duration::from_secs(60), ..quick() };
        let (speaker, hearer) = connect::<u64, u64>(reception.address(), &own("right"), slow).unwrap();
        let (_answers, mut questions) = arrived.recv().unwrap().converse::<u64, u64>(slow).unwrap();
        speaker.say(&7).unwrap();
        let begun = Instant::now();
        drop((speaker, hearer));
        assert_eq!(questions.hear().unwrap(), 7);
        let end = questions.hear().unwrap_err().to_string();
        assert!(end.contains("closed the connection"), "{end}");
        assert!(begun.elapsed() < slow.patience, "not by patience");
    }

    #[test]
    fn a_silent_peer_is_gone_after_the_patience() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let silent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            introduction::hear(&mut stream).unwrap();
            introduction::answer(&mut stream, Ok(())).unwrap();
            // Until the other side gives up.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let (speaker, mut hearer) = connect::<u64, u64>(address, &own("right"), quick()).unwrap();
        let error = hearer.hear().unwrap_err().to_string();
        assert!(error.contains("said nothing for 400ms"), "{error}");
        drop((speaker, hearer));
        silent.join().unwrap();
    }

    #[test]
    fn a_wrong_token_is_refused_and_said_so() {
        let (reception, arrived) = reception();
        let refused = connect::<u64, u64>(reception.address(), &own("wrong"), quick()).unwrap_err();
        assert!(refused.to_string().contains("the token is wrong"), "{refused}");
        assert!(!refused.may_retry());
        assert!(arrived.try_recv().is_err());
    }

    #[test]
    fn strangers_that_say_nothing_do_not_keep_others_out() {
        let (reception, arrived) = reception();
        let silent: Vec<TcpStream> =
            (0..1_000).filter_map(|_| TcpStream::connect(reception.address()).ok()).collect();
        // Those beyond the limit are closed at once, the others after a while: then there is room.
        let deadline = Instant::now() + Duration::from_secs(60);
        while connect::<u64, u64>(reception.address(), &own("right"), quick()).is_err() {
            assert!(Instant::now() < deadline, "nobody is let in any more");
        }
        arrived.recv().unwrap();
        drop(silent);
    }

    #[test]
    fn garbage_is_closed_and_others_go_on() {
        let (reception, arrived) = reception();
        let mut stream = TcpStream::connect(reception.address()).unwrap();
        stream.write_all(&[0xFF; 4096]).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        let (_speaker, _hearer) = connect::<u64, u64>(reception.address(), &own("right"), quick()).unwrap();
        assert_eq!(arrived.recv().unwrap().introduction.name, "w-1");
    }

    #[test]
    fn a_port_that_is_taken_is_said_so() {
        let (reception, _arrived) = reception();
        let again = Reception::open([127, 0, 0, 1].into(), reception.address().port(), |_| Ok(()), |_| {});
        let error = again.unwrap_err().to_string();
        assert!(error.contains("another process listens there"), "{error}");
    }
}
