//! The engine: from a topic to a sink that counts, and by key from topic to topic.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millstream::batch::Batch;
use millstream::connectors::kafka::{Kafka, StopAt};
use millstream::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::Promise;
use millstream::{CheckpointSettings, Result, StreamEnvironment, Text};

use super::{RECORD, Volume};

/// Reads a topic to its end.
pub(super) fn read(servers: &str, topic: &str) -> Result<Volume> {
    let env = StreamEnvironment::new();
    env.set_parallelism(1);
    let found = Arc::<Mutex<Volume>>::default();
    env.source(Kafka::read(servers).topics([topic]).stop_at(StopAt::Latest)).sink_to(Count(found.clone()));
    env.execute("kafka source")?;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(*found)
}

/// Counts by key, and writes each new count.
pub(super) fn count(servers: &str, from: &str, to: &str, checkpoints: &Path) -> Result<()> {
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_secs(1),
        ..CheckpointSettings::in_folder(checkpoints)
    });
    env.source(Kafka::read(servers).topics([from]).stop_at(StopAt::Latest))
        .map(|record: Text| key(&record))
        .key_by(|key| *key)
        .count()
        .sink_to(
            Kafka::write_encoded::<(u64, u64)>(servers)
                .topic(to)
                .encode_with(|(key, count), out| {
                    // As long as what was read.
                    let value = out.value();
                    put(*key, value);
                    put(*count, value);
                    value.resize(RECORD, b' ');
                    Ok(())
                })
                .exactly_once(to),
        );
    env.execute("kafka to kafka")?;
    Ok(())
}

/// The number that a record begins with.
fn key(record: &Text) -> u64 {
    let digits = record.as_bytes().iter().take(8);
    digits.fold(0, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')))
}

/// A number in twenty digits.
fn put(number: u64, into: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    into.extend_from_slice(&digits);
}

/// A sink that counts records and bytes.
struct Count(Arc<Mutex<Volume>>);

struct Writer {
    own: Volume,
    total: Arc<Mutex<Volume>>,
}

impl Sink for Count {
    type Record = Text;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Count".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtMostOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer { own: Volume::default(), total: self.0.clone() }))
    }
}

impl SinkWriter<Text, (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<Text>) -> Result<()> {
        self.own.records += batch.len() as u64;
        self.own.bytes += batch.records().iter().map(|record| record.len() as u64).sum::<u64>();
        batch.clear();
        Ok(())
    }

    fn on_end(&mut self) -> Result<()> {
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        total.records += self.own.records;
        total.bytes += self.own.bytes;
        Ok(())
    }
}
