//! A keyed exchange from one subtask to another: in one process, and between two.
//!
//! Answers for the way of the records alone: keyed, sent, received. Nothing is done with them but to add up their keys'
//! hashes, which says that all have come.
//! Holds: both ways use the same sender, the same batches and the same bound; the clock runs from the first record that
//! is received to the last.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use millstream::state::StateData;
use millstream::{Failure, Result};
use millstream_dataflow::batch::{Batch, DEFAULT_BATCH};
use millstream_dataflow::exchange::{
    BatchCodec, ChannelSender, Element, ExchangeSender, Partitioning, Route,
};
use millstream_dataflow::operator::{Control, Downstream};
use millstream_model::id::OperatorUid;
use millstream_model::key::MaxParallelism;
use millstream_model::key::hash::hash_of;
use millstream_model::text::Text;
use millstream_network::{Hello, Security, Token};
use millstream_runtime::channel::{Inbox, InboxSender, Received};
use millstream_runtime::network::{Connection, Expected, Incoming, Listener, NetworkSettings, connect};

use crate::arguments::{Scale, Setup};
use crate::figure::Unit;
use crate::goal::Goal;
use crate::process;
use crate::race::{Race, Run};
use crate::table::Row;

/// The bound of the job: a program with this one channel has all of the default.
const IN_FLIGHT: usize = 65_536;
/// Batches that differ, taken in turn.
const BATCHES: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN: &str = "the token of the benchmark";

/// A record with a key.
trait Keyed: StateData {
    fn of(n: u64) -> Self;
    fn key(&self) -> u64;
}

impl Keyed for (u64, u64) {
    fn of(n: u64) -> Self {
        (n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n)
    }

    fn key(&self) -> u64 {
        self.0
    }
}

impl Keyed for (u64, Text) {
    fn of(n: u64) -> Self {
        (n.wrapping_mul(0x9E37_79B9_7F4A_7C15), Text::from(format!("{n:092}")))
    }

    fn key(&self) -> u64 {
        self.0
    }
}

/// Records of two words.
pub(crate) fn small(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    race::<(u64, u64)>(setup, work, "16")
}

/// Records of a word and 92 bytes of text.
pub(crate) fn large(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    race::<(u64, Text)>(setup, work, "100")
}

fn race<T: Keyed>(setup: &Setup, work: &str, kind: &str) -> Result<Vec<Row>> {
    Race::of(work)
        .enter("one process", [], || within::<T>(batches(setup, kind)))
        .enter("2 processes", [Goal::at_least(0.5, "one process")], || between::<T>(setup, kind))
        .run(setup)
}

/// How many batches are sent.
fn batches(setup: &Setup, kind: &str) -> u64 {
    match (setup.scale, kind) {
        (Scale::Short, _) => 200,
        (Scale::Full, "16") => 60_000,
        (Scale::Full, _) => 20_000,
    }
}

/// Keys and sends so many batches.
fn send<T: Keyed>(channel: Box<dyn ChannelSender>, count: u64) -> Result<()> {
    let select = |records: &[T], hashes: &mut Vec<u64>| {
        hashes.extend(records.iter().map(|record| hash_of(&record.key())));
    };
    let route = Route {
        name: "receiver".into(),
        uid: OperatorUid::new("receiver"),
        receivers: 1,
        max_parallelism: MaxParallelism::default(),
    };
    let partitioning = Partitioning::Keyed(Arc::new(select));
    let mut sender = ExchangeSender::new(partitioning, vec![channel], route, DEFAULT_BATCH, false);
    let size = DEFAULT_BATCH as u64;
    let rows: Vec<Vec<T>> =
        (0..BATCHES).map(|batch| (0..size).map(|n| T::of(batch * size + n)).collect()).collect();
    for n in 0..count {
        sender.batch(&mut Batch::from(rows[(n % BATCHES) as usize].clone()))?;
    }
    sender.control(&mut Control::End)
}

/// Receives until the end: records a second.
fn receive<T: Keyed>(inbox: &Inbox) -> Result<Run<(u64, u64)>> {
    let (mut began, mut sum, mut count) = (None, 0_u64, 0_u64);
    loop {
        match inbox.receive(Some(Instant::now() + PATIENCE))? {
            Received::Element(_, Element::Batch(batch)) => {
                began.get_or_insert_with(Instant::now);
                let batch: Box<Batch<T>> =
                    batch.downcast().ok_or_else(|| Failure::internal("a batch of other records came"))?;
                count += batch.len() as u64;
                sum = batch.records().iter().fold(sum, |sum, record| sum.wrapping_add(record.key()));
                sum = batch.hashes().iter().fold(sum, |sum, hash| sum.wrapping_add(*hash));
            }
            Received::Element(_, Element::End) => break,
            Received::Element(..) => {}
            Received::Nothing => return Err(Failure::external("no record has come for a long time")),
        }
    }
    let took = began.map_or(f64::NAN, |began| began.elapsed().as_secs_f64());
    Ok(Run::new(Unit::MillionsPerSecond, count as f64 / took / 1e6, (count, sum)))
}

fn within<T: Keyed>(count: u64) -> Result<Run<(u64, u64)>> {
    let inbox = Inbox::new(1, IN_FLIGHT, Arc::default());
    let channel = Box::new(InboxSender::new(inbox.clone(), 0, Arc::default()));
    let sending = thread::spawn(move || send::<T>(channel, count));
    let run = receive::<T>(&inbox);
    sending.join().map_err(|_| Failure::internal("the sender panicked"))??;
    run
}

fn security() -> Result<Security> {
    Ok(Security::of(Token::new(TOKEN)?))
}

fn between<T: Keyed>(setup: &Setup, kind: &str) -> Result<Run<(u64, u64)>> {
    let settings = NetworkSettings::default();
    let listener = Listener::bind("127.0.0.1:0", security()?, settings.clone())?;
    let expected = Expected { attempt: 1, fingerprint: kind.into(), process: 0 };
    let admissions = listener.expect("exchange", expected)?;
    let task = format!("exchange {kind} {}", listener.address());
    thread::scope(|scope| {
        let other = scope.spawn(|| process::run(setup, &task));
        let peer =
            admissions.next(PATIENCE).ok_or_else(|| Failure::external("the other process has not come"))?;
        let inbox = Inbox::new(1, IN_FLIGHT, Arc::default());
        let lost = inbox.clone();
        let connection = Connection::start(peer, settings, move |_| lost.cancel())?;
        let decoder = BatchCodec::<T>::of().decoder();
        connection
            .receive(0, Incoming { decoder, inbox: inbox.clone(), channel: 0, meter: Arc::default() })?;
        let run = receive::<T>(&inbox)?;
        drop(connection);
        other.join().map_err(|_| Failure::internal("the other process was not waited for"))??;
        Ok(run)
    })
}

/// The process that sends.
pub(crate) fn task(setup: &Setup, given: &str) -> Result<()> {
    let wrong = || Failure::user(format!("`{given}` is no kind of record and address"));
    let (kind, address) = given.split_once(' ').ok_or_else(wrong)?;
    let hello = Hello { job: "exchange".into(), attempt: 1, process: 1, fingerprint: kind.into() };
    let peer = connect(address, &hello, &security()?, Instant::now() + PATIENCE)?;
    let (ended_in, ended) = std::sync::mpsc::channel();
    let tell = move |_| drop(ended_in);
    let connection = Connection::start(peer, NetworkSettings::default(), tell)?;
    let count = batches(setup, kind);
    match kind {
        "16" => send::<(u64, u64)>(
            Box::new(connection.sender(0, BatchCodec::<(u64, u64)>::of().encoder(), Arc::default())),
            count,
        )?,
        "100" => send::<(u64, Text)>(
            Box::new(connection.sender(0, BatchCodec::<(u64, Text)>::of().encoder(), Arc::default())),
            count,
        )?,
        _ => return Err(wrong()),
    }
    // Not before all of it has been received.
    let _: std::result::Result<(), _> = ended.recv();
    Ok(())
}
