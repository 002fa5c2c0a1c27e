//! The door of the object store: what goes in and out passes through it, unless it is told otherwise.
//!
//! Usage: `door LISTEN BEHIND`, both `HOST:PORT`. Orders are lines of its standard input:
//!
//! | order | what happens until the next one |
//! |---|---|
//! | `open` | all passes |
//! | `slow MILLISECONDS` | each piece that passes waits so long |
//! | `refuse` | each request is answered with 503, the store never hears of it |
//! | `lose` | each request gets to the store; every second answer gets lost, and its connection with it |
//! | `shut` | nobody listens |
//!
//! Holds: what is open when `refuse` or `shut` is ordered is cut off; the process ends with its standard input.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::Duration;

const LOOK: Duration = Duration::from_millis(5);
const REFUSAL: &str =
    "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Open,
    Slow(Duration),
    Refuse,
    Lose,
    Shut,
}

impl Order {
    fn parse(line: &str) -> Option<Self> {
        Some(match line.trim() {
            "open" => Self::Open,
            "refuse" => Self::Refuse,
            "lose" => Self::Lose,
            "shut" => Self::Shut,
            other => Self::Slow(Duration::from_millis(other.strip_prefix("slow ")?.parse().ok()?)),
        })
    }
}

struct Door {
    behind: String,
    order: Mutex<Order>,
    /// Both ends of all that passes.
    open: Mutex<Vec<TcpStream>>,
    answers: AtomicU64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, behind] = arguments.as_slice() else {
        eprintln!("usage: door LISTEN BEHIND");
        return ExitCode::FAILURE;
    };
    let (open, answers) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    let door = Arc::new(Door { behind: behind.clone(), order: Mutex::new(Order::Open), open, answers });
    let (host, listen) = (Arc::clone(&door), listen.clone());
    spawn(move || host.stand(&listen));
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let Some(order) = Order::parse(&line) else {
            eprintln!("door: there is no order `{line}`");
            return ExitCode::FAILURE;
        };
        door.follow(order);
    }
    ExitCode::SUCCESS
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cut(stream: &TcpStream) {
    // Closed already is as well.
    let _closed = stream.shutdown(Shutdown::Both);
}

impl Door {
    fn order(&self) -> Order {
        *locked(&self.order)
    }

    fn follow(&self, order: Order) {
        *locked(&self.order) = order;
        if matches!(order, Order::Refuse | Order::Shut) {
            locked(&self.open).drain(..).for_each(|stream| cut(&stream));
        }
    }

    /// Lets in whoever comes, for as long as anybody is to be let in.
    fn stand(self: Arc<Self>, listen: &str) {
        let mut listener: Option<TcpListener> = None;
        loop {
            if self.order() == Order::Shut {
                listener = None;
            } else if listener.is_none() {
                listener = TcpListener::bind(listen).ok().filter(|bound| bound.set_nonblocking(true).is_ok());
            }
            match listener.as_ref().map(TcpListener::accept) {
                Some(Ok((client, _))) => {
                    let door = Arc::clone(&self);
                    spawn(move || door.receive(client));
                }
                _ => sleep(LOOK),
            }
        }
    }

    fn receive(self: Arc<Self>, client: TcpStream) {
        let ready = client.set_nonblocking(false).is_ok() && client.set_nodelay(true).is_ok();
        if !ready || self.order() == Order::Refuse {
            return drop(refuse(client));
        }
        let Ok(store) = TcpStream::connect(&self.behind) else { return };
        let both = [client.try_clone(), store.try_clone(), client.try_clone(), store.try_clone()];
        let [Ok(from_client), Ok(to_store), Ok(one), Ok(other)] = both else { return };
        let mut open = locked(&self.open);
        open.retain(|stream| stream.peer_addr().is_ok());
        open.extend([one, other]);
        drop(open);
        // The order may have come in between.
        if self.order() == Order::Shut {
            cut(&client);
            cut(&store);
        }
        let door = Arc::clone(&self);
        spawn(move || door.pass(from_client, to_store, false));
        self.pass(store, client, true);
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, is_answer: bool) {
        let mut piece = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            match self.order() {
                Order::Slow(wait) => sleep(wait),
                Order::Lose
                    if is_answer && self.answers.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) =>
                {
                    break;
                }
                _ => {}
            }
            if to.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        cut(&from);
        cut(&to);
    }
}

/// Hears out one request, for whoever is cut off while it sends sees no answer.
fn refuse(client: TcpStream) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut asked = BufReader::new(client.try_clone()?);
    let (mut line, mut body) = (String::new(), 0);
    while asked.read_line(&mut line)? > 2 {
        if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            body = length.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    std::io::copy(&mut asked.take(body), &mut std::io::sink())?;
    let length = REFUSAL.len();
    let head = format!("HTTP/1.1 503 Slow Down\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    (&client).write_all((head + REFUSAL).as_bytes())
}
