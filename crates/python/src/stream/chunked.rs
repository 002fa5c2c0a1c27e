//! A source of the engine's whose records become chunks.
//!
//! Answers for records being encoded as they lie, without the interpreter, many in a chunk; whoever runs Python makes
//! objects of them. Not for reading: splits, positions and promises are the source's own.
//! Holds: what was read is emitted before the poll that read it returns, so that positions belong to what was emitted.

use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{ChainContext, Control, Downstream};
use millstream_dataflow::source::{
    Boundedness, Polled, Promise, Source, SourceGauge, SourceOutput, SourceReader, SplitEnumerator,
};
use millstream_model::error::{Failure, Result};
use millstream_model::id::{CheckpointId, Subtask};
use millstream_model::record::Record;
use millstream_model::text::Text;

use super::chunk::{Chunk, Values};
use super::counts::Passed;
use crate::column::{Made, made_block};

/// How many records a chunk has at most, and how many bytes.
const RECORDS: usize = 4096;
const BYTES: usize = 64 << 20;

/// A record that a source gives, as columns have it.
pub(super) trait Encoded: Record {
    /// About how many bytes it has.
    fn bytes(&self) -> usize;

    /// The columns of some records.
    fn columns(records: &[Self]) -> Vec<Made<'_>>;
}

impl Encoded for Text {
    fn bytes(&self) -> usize {
        self.len()
    }

    fn columns(records: &[Self]) -> Vec<Made<'_>> {
        vec![Made::Str(records.iter().map(Text::as_bytes).collect())]
    }
}

/// The source.
pub(super) struct Chunked<S> {
    pub(super) source: S,
    /// What the program calls it.
    pub(super) name: String,
    pub(super) is_bounded: bool,
    pub(super) passed: Arc<Passed>,
}

impl<S: Source> Source for Chunked<S>
where
    S::Record: Encoded,
{
    type Record = Chunk;
    type Split = S::Split;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn boundedness(&self) -> Boundedness {
        if self.is_bounded { Boundedness::Bounded } else { Boundedness::Unbounded }
    }

    fn promise(&self) -> Promise {
        self.source.promise()
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<S::Split>>> {
        self.source.enumerator(restored)
    }

    fn reader(&self, subtask: Subtask) -> Result<Box<dyn SourceReader<Chunk, S::Split>>> {
        let reader = self.source.reader(subtask)?;
        Ok(Box::new(Reader { reader, gathered: Gathered::default(), passed: self.passed.clone() }))
    }
}

struct Reader<T, P> {
    reader: Box<dyn SourceReader<T, P>>,
    gathered: Gathered<T>,
    passed: Arc<Passed>,
}

struct Gathered<T> {
    records: Vec<T>,
    /// None, or as many as there are records.
    times: Vec<i64>,
    bytes: usize,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { records: Vec::new(), times: Vec::new(), bytes: 0 }
    }
}

impl<T: Encoded> Gathered<T> {
    /// The records as a chunk; `None` where there are none.
    fn take(&mut self) -> Result<Option<Chunk>> {
        let rows = self.records.len();
        if rows == 0 {
            return Ok(None);
        }
        let too_long = || Failure::user("a record is too long: it has more than 4 GiB");
        let records = made_block(&T::columns(&self.records)).ok_or_else(too_long)?;
        let times = std::mem::take(&mut self.times);
        let times = (times.len() == rows).then(|| made_block(&[Made::Int(times)])).flatten();
        (self.records, self.bytes) = (Vec::new(), 0);
        let block = |bytes: Vec<u8>| Values::Block(Arc::new(bytes));
        Ok(Some(Chunk::new(block(records), rows, times.map(block), 0, 0)))
    }
}

/// Takes batches in, and sends chunks off.
struct Gathering<'a, 'b, T> {
    gathered: &'a mut Gathered<T>,
    passed: &'a Passed,
    output: &'a mut SourceOutput<'b, Chunk>,
}

impl<T: Encoded> Gathering<'_, '_, T> {
    fn send(&mut self) -> Result<()> {
        let Some(chunk) = self.gathered.take()? else { return Ok(()) };
        self.passed.went(chunk.rows());
        self.output.emit(&mut Batch::from(vec![chunk]))
    }
}

impl<T: Encoded> Downstream<T> for Gathering<'_, '_, T> {
    fn open(&mut self, _: &mut ChainContext<'_>) -> Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let is_full = self.gathered.records.len() + batch.len() > RECORDS;
        // Some records with times and some without do not go together.
        let is_other = self.gathered.times.is_empty() == batch.is_timed();
        if is_full || is_other || self.gathered.bytes > BYTES {
            self.send()?;
        }
        self.gathered.bytes += batch.records().iter().map(Encoded::bytes).sum::<usize>();
        self.gathered.times.extend(batch.times().iter().map(|time| time.millis()));
        self.gathered.records.append(&mut batch.take_records());
        batch.clear();
        Ok(())
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.send()?;
        match control {
            Control::Watermark(time) => self.output.watermark(*time),
            Control::Idle => self.output.idle(),
            _ => Ok(()),
        }
    }
}

impl<T: Encoded, P> SourceReader<Chunk, P> for Reader<T, P> {
    fn add_split(&mut self, split: P) -> Result<()> {
        self.reader.add_split(split)
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, Chunk>, patience: Duration) -> Result<Polled> {
        let mut gathering = Gathering { gathered: &mut self.gathered, passed: &self.passed, output };
        let polled = self.reader.poll(&mut SourceOutput::new(&mut gathering), patience)?;
        gathering.send()?;
        Ok(polled)
    }

    fn takes_more(&self) -> bool {
        self.reader.takes_more()
    }

    fn snapshot(&mut self) -> Vec<P> {
        self.reader.snapshot()
    }

    fn gauges(&self) -> Vec<SourceGauge> {
        self.reader.gauges()
    }

    fn on_checkpoint_complete(&mut self, checkpoint: CheckpointId) -> Result<()> {
        self.reader.on_checkpoint_complete(checkpoint)
    }
}
