//! Cutting what was read into records, of whichever kind.

use std::io::{self, Read};
use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_formats::lines::OnBadText;
use millstream_model::error::{BoxError, Failure, Result};
use millstream_model::text::{Text, TextError};

use super::frames::{Decoded, Frames};
use super::lines::Lines;
use super::{Framing, Plan};

/// Cuts the bytes of one connection.
pub(in crate::tcp) trait Cut<T>: Send {
    /// Reads once; 0 at the end.
    ///
    /// # Errors
    /// Those of `input`.
    fn read(&mut self, input: &mut dyn Read) -> io::Result<usize>;

    /// Gives the records that have come whole; at the end also one that only the end ends.
    ///
    /// # Errors
    /// Those of `emit`, and what is no record.
    fn cut(&mut self, is_end: bool, emit: &mut dyn FnMut(&mut Batch<T>) -> Result<()>) -> Result<()>;

    /// Forgets the begin of a record whose end will never come.
    fn drop_rest(&mut self);

    /// How many records came, over all connections.
    fn records(&self) -> u64;

    /// How many bytes of a record have come whose end has not.
    fn pending(&self) -> usize;
}

/// Makes what cuts a peer's bytes, from so many records on.
pub(in crate::tcp) type MakeCut<T> = fn(&Plan, Arc<str>, u64) -> Result<Box<dyn Cut<T>>>;

/// Cuts bytes.
pub(in crate::tcp) fn bytes_cutter(
    plan: &Plan,
    peer: Arc<str>,
    records: u64,
) -> Result<Box<dyn Cut<Vec<u8>>>> {
    Ok(Box::new(Frames::new(plan, peer, records, |frame, _| Ok(Decoded::Record(frame.to_vec())))))
}

/// Cuts texts.
pub(in crate::tcp) fn text_cutter(plan: &Plan, peer: Arc<str>, records: u64) -> Result<Box<dyn Cut<Text>>> {
    if plan.framing != Framing::Delimiter {
        return Ok(Box::new(Frames::new(plan, peer, records, text)));
    }
    let delimiter = String::from_utf8(plan.delimiter.clone()).map_err(|error| {
        Failure::user("the delimiter is no text, but the records are to be")
            .because(error)
            .advice("give another `delimiter`, or read bytes: .bytes()")
    })?;
    Ok(Box::new(Lines::new(plan, delimiter, peer, records)))
}

fn text(frame: &[u8], bad_text: OnBadText) -> Result<Decoded<Text>, BoxError> {
    let decoded: Result<Text, TextError> = Text::from_utf8(frame);
    match (decoded, bad_text) {
        (Ok(text), _) => Ok(Decoded::Record(text)),
        (Err(_), OnBadText::Skip) => Ok(Decoded::Skipped),
        (Err(_), OnBadText::Replace) => {
            Ok(Decoded::Record(Text::from(String::from_utf8_lossy(frame).into_owned())))
        }
        (Err(error), OnBadText::Fail) => Err(error.into()),
    }
}
