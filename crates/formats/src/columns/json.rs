//! Lines of JSON into batches.

use std::sync::Arc;
use std::time::Duration;

use super::ArrowBatch;
use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use arrow_schema::{ArrowError, SchemaRef};
use millstream_dataflow::batch::Batch;
use millstream_model::error::{Failure, Result};
use millstream_model::text::Text;

use super::ROWS;
use super::schema::shown;
use crate::file::{Input, Part, PartReader, ReadFormat};
use crate::lines::{LineSettings, PartLines};

/// Files with a JSON object on each line as batches of columns. A field that is not in the schema is left out; one that a line has
/// not is null.
#[derive(Clone, Debug)]
pub struct JsonColumns {
    /// The columns.
    pub schema: SchemaRef,
}

impl ReadFormat for JsonColumns {
    type Record = ArrowBatch;
    type Reader = PartJson;

    fn source_name(&self) -> &'static str {
        "JsonColumns"
    }

    fn open(&self, input: Arc<dyn Input>, part: &Part) -> Result<PartJson> {
        let lines = LineSettings { read_bytes: 1 << 20, ..LineSettings::default() }.open(input, part)?;
        Ok(PartJson { schema: self.schema.clone(), lines, decoder: decoder(&self.schema)? })
    }
}

fn decoder(schema: &SchemaRef) -> Result<Decoder> {
    ReaderBuilder::new(schema.clone()).with_batch_size(ROWS).build_decoder().map_err(|error| {
        Failure::user("JSON cannot be read into these columns").because(error).advice(shown(schema))
    })
}

/// Reads batches of a part.
pub struct PartJson {
    schema: SchemaRef,
    lines: PartLines,
    decoder: Decoder,
}

impl PartReader<ArrowBatch> for PartJson {
    fn wait(&mut self, patience: Duration) -> bool {
        self.lines.wait(patience)
    }

    fn read(&mut self, emit: &mut dyn FnMut(&mut Batch<ArrowBatch>) -> Result<()>) -> Result<bool> {
        let Self { schema, lines, decoder } = self;
        lines.read(&mut |batch| {
            let found = batch.records().iter().try_for_each(|line| whole(decoder, line));
            match found.and_then(|()| decoder.flush()) {
                Ok(Some(columns)) => emit(&mut Batch::from(vec![ArrowBatch(columns)])),
                Ok(None) => Ok(()),
                Err(error) => Err(culprit(schema, batch, error)),
            }
        })
    }

    fn position(&self) -> Option<(u64, u64)> {
        self.lines.position()
    }
}

/// Hands a line to the decoder.
fn whole(decoder: &mut Decoder, line: &Text) -> std::result::Result<(), ArrowError> {
    let bytes = line.as_bytes();
    if decoder.decode(bytes)? < bytes.len() {
        return Err(ArrowError::JsonError("more than one value is on the line".to_owned()));
    }
    decoder.decode(b"\n")?;
    if decoder.has_partial_record() {
        return Err(ArrowError::JsonError("the value on the line has no end".to_owned()));
    }
    Ok(())
}

/// Which line of a batch it was: each is read by itself.
fn culprit(schema: &SchemaRef, lines: &Batch<Text>, error: ArrowError) -> Failure {
    let mut found = (None, error);
    for (index, line) in lines.records().iter().enumerate() {
        let Ok(mut decoder) = decoder(schema) else { break };
        if let Err(error) = whole(&mut decoder, line).and_then(|()| decoder.flush()) {
            found = (Some(index), error);
            break;
        }
    }
    let (index, error) = found;
    let text = error.to_string();
    let failure = Failure::user(format!(
        "the line does not fit the columns: {}",
        text.trim_start_matches("Json error: ")
    ))
    .advice(format!("the columns are: {}; mend the line, or give another schema", shown(schema)));
    match (index, lines.origin()) {
        (Some(index), Some(origin)) => failure.at(origin.position(index)),
        _ => failure,
    }
}
