//! The bytes of a batch of a serde type.
//!
//! Answers for choosing the short form of the encoding (`state::encoding::plain`) where the type and its values allow
//! it, and the full form where not, for the columns beside the records and for the bound on memory while reading. The records themselves are in
//! the encoding of state (`state::encoding`), so that one rule says which types there are.
//! Holds: whatever the bytes, reading gives a batch or an error; a column is as long as the records or absent.

use std::marker::PhantomData;

use millstream_model::error::{Failure, Result};
use millstream_model::text::Text;
use millstream_model::time::Timestamp;

use super::{AnyBatch, BatchDecoder, BatchEncoder};
use crate::batch::{Batch, DEFAULT_BATCH};
use crate::state::StateData;
use crate::state::encoding::{DecodeError, Decoder, EncodeError, Encoder, TypeSignature, plain};

const TIMED: u8 = 1;
const HASHED: u8 = 2;
const PLACED: u8 = 4;
const PLAIN: u8 = 8;

/// The most records of one piece of a batch.
const MAX_PIECE: usize = 1 << 20;

/// A column's entries are eight bytes each.
const WIDTH: usize = 8;

/// In which form records are written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// Nothing was written yet.
    Unknown,
    /// Without tags.
    Plain,
    /// Each value with what it is.
    Full,
}

/// Writes batches of `T`.
pub(super) struct WireEncoder<T> {
    encoder: Encoder,
    form: Form,
    record: PhantomData<fn(T)>,
}

impl<T> WireEncoder<T> {
    pub(super) fn new() -> Self {
        Self { encoder: Encoder::new(), form: Form::Unknown, record: PhantomData }
    }
}

fn name_of<T>() -> String {
    TypeSignature::of::<T>().name
}

/// The form for a type, of which this is the first record: the short one only if that reads back as long as it was.
fn form_of<T: StateData>(record: &T) -> Form {
    let (mut bytes, mut again) = (Vec::new(), Vec::new());
    let reads_back = plain::is_plain::<T>() && plain::encode(record, &mut bytes).is_ok() && {
        let mut input = &bytes[..];
        let read: Result<T, _> = plain::decode(&mut input);
        read.is_ok_and(|read| input.is_empty() && plain::encode(&read, &mut again).is_ok())
    };
    if reads_back && again.len() == bytes.len() { Form::Plain } else { Form::Full }
}

/// Writes records until there are enough bytes; how many.
#[inline]
fn written<T>(
    records: &[T],
    limit: usize,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&T, &mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<usize, EncodeError> {
    for (index, record) in records.iter().enumerate() {
        write(record, out)?;
        if out.len() > limit || index + 1 == MAX_PIECE {
            return Ok(index + 1);
        }
    }
    Ok(records.len())
}

fn put_column(out: &mut Vec<u8>, column: impl ExactSizeIterator<Item = u64>) {
    out.reserve(column.len() * WIDTH);
    column.for_each(|entry| out.extend_from_slice(&entry.to_le_bytes()));
}

impl<T: StateData> WireEncoder<T> {
    fn piece(
        &mut self,
        batch: &Batch<T>,
        from: usize,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, EncodeError> {
        let origin = batch.origin_from(from);
        let flags_at = out.len();
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(
            flag(batch.is_timed(), TIMED)
                | flag(!batch.hashes().is_empty(), HASHED)
                | flag(origin.is_some(), PLACED),
        );
        let count_at = out.len();
        out.extend_from_slice(&[0; 4]);
        if let Some(origin) = origin {
            self.encoder.encode(&origin, out)?;
        }
        let records = batch.records().get(from..).unwrap_or_default();
        if self.form == Form::Unknown {
            self.form = records.first().map_or(Form::Unknown, form_of);
        }
        let start = out.len();
        let mut count = None;
        if self.form == Form::Plain {
            count = written(records, limit, out, plain::encode).ok();
            if count.is_none() {
                // A value of this type cannot be written so: from here on, the channel has the full form.
                out.truncate(start);
                self.form = Form::Full;
            }
        }
        let count = match count {
            Some(count) => {
                out[flags_at] |= PLAIN;
                count
            }
            None => written(records, limit, out, |record, out| self.encoder.encode(record, out))?,
        };
        // The number of records fits: it is bounded by the constant above.
        out[count_at..count_at + 4].copy_from_slice(&(count as u32).to_le_bytes());
        let written = from..from + count;
        let times = batch.times().get(written.clone()).unwrap_or_default();
        put_column(out, times.iter().map(|time| time.millis().cast_unsigned()));
        put_column(out, batch.hashes().get(written).unwrap_or_default().iter().copied());
        Ok(count)
    }
}

impl<T: StateData> BatchEncoder for WireEncoder<T> {
    fn encode(&mut self, batch: &AnyBatch, from: usize, limit: usize, out: &mut Vec<u8>) -> Result<usize> {
        let start = out.len();
        let batch = batch.downcast_ref::<T>().ok_or_else(|| {
            Failure::internal(format!("a channel of `{}` was given other records", name_of::<T>()))
        })?;
        self.piece(batch, from, limit, out).map_err(|error| {
            out.truncate(start);
            let name = name_of::<T>();
            Failure::user(format!("a record of type `{name}` cannot be written down for another process"))
                .because(error)
        })
    }
}

/// After so many batches it is tried again whether sharing pays.
const UNSHARED: u32 = 64;

/// Reads batches of `T`.
///
/// Long texts of a batch show one copy of its bytes, where they make up half of these at least: else records of few words
/// would keep much else alive, and a type without text would pay for the copy.
pub(super) struct WireDecoder<T> {
    decoder: Decoder,
    /// How many batches more are read without sharing.
    unshared: u32,
    record: PhantomData<fn() -> T>,
}

impl<T> WireDecoder<T> {
    pub(super) fn new() -> Self {
        Self { decoder: Decoder::new(), unshared: 0, record: PhantomData }
    }
}

fn cut_short() -> DecodeError {
    DecodeError::cut_short()
}

fn take_column(input: &mut &[u8], count: usize) -> Result<Vec<u64>, DecodeError> {
    let bytes = count.checked_mul(WIDTH).ok_or_else(cut_short)?;
    let (column, rest) = input.split_at_checked(bytes).ok_or_else(cut_short)?;
    *input = rest;
    let (entries, _) = column.as_chunks::<WIDTH>();
    Ok(entries.iter().map(|entry| u64::from_le_bytes(*entry)).collect())
}

impl<T: StateData> WireDecoder<T> {
    fn batch(&mut self, mut input: &[u8]) -> Result<Batch<T>, DecodeError> {
        let ([flags, count @ ..], rest) = input.split_first_chunk::<5>().ok_or_else(cut_short)?;
        input = rest;
        let count = u32::from_le_bytes(*count) as usize;
        if *flags & !(TIMED | HASHED | PLACED | PLAIN) != 0 {
            return Err(DecodeError::malformed("a batch of an unknown kind"));
        }
        let origin = if flags & PLACED != 0 { Some(self.decoder.decode(&mut input)?) } else { None };
        // What is allocated for records follows what came, not what was announced.
        let mut records = Vec::with_capacity(count.min(DEFAULT_BATCH));
        if flags & PLAIN != 0 {
            for _ in 0..count {
                records.push(plain::decode(&mut input)?);
            }
        } else {
            for _ in 0..count {
                records.push(self.decoder.decode(&mut input)?);
            }
        }
        let times = if flags & TIMED != 0 { take_column(&mut input, count)? } else { Vec::new() };
        let hashes = if flags & HASHED != 0 { take_column(&mut input, count)? } else { Vec::new() };
        if !input.is_empty() {
            return Err(DecodeError::malformed("more than the batch"));
        }
        let times = times.into_iter().map(|time| Timestamp::from_millis(time.cast_signed()));
        let mut batch = Batch::with_columns(records, times.collect(), hashes);
        batch.set_origin(origin);
        Ok(batch)
    }
}

impl<T: StateData> BatchDecoder for WireDecoder<T> {
    fn decode(&mut self, bytes: &[u8]) -> Result<AnyBatch> {
        let read = if let Some(left) = self.unshared.checked_sub(1) {
            self.unshared = left;
            self.batch(bytes)
        } else {
            let (read, shown) = Text::sharing(bytes, |bytes| self.batch(bytes));
            if 2 * shown < bytes.len() {
                self.unshared = UNSHARED;
            }
            read
        };
        let batch = read.map_err(|error| {
            Failure::external(format!(
                "what came from another process is no batch of `{}`",
                TypeSignature::of::<T>()
            ))
            .because(error)
        })?;
        Ok(AnyBatch::new(batch))
    }
}

#[cfg(test)]
mod tests {
    use millstream_model::error::Unit;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::batch::Origin;
    use crate::exchange::BatchCodec;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Delay {
        airport: String,
        minutes: Option<i32>,
    }

    fn delays() -> Vec<Delay> {
        ["MIA", "JFK"].map(|name| Delay { airport: name.to_owned(), minutes: Some(7) }).to_vec()
    }

    fn bytes_of<T: StateData>(batches: Vec<Batch<T>>) -> Vec<Vec<u8>> {
        let mut encoder = BatchCodec::<T>::of().encoder();
        let encode = |batch: Batch<T>| {
            let mut out = Vec::new();
            let len = batch.len();
            assert_eq!(encoder.encode(&AnyBatch::new(batch), 0, usize::MAX, &mut out).unwrap(), len);
            out
        };
        batches.into_iter().map(encode).collect()
    }

    #[test]
    fn batches_of_one_channel_come_back_with_their_columns() {
        let mut keyed = Batch::default();
        for (n, delay) in delays().into_iter().enumerate() {
            keyed.push_keyed(delay, Some(Timestamp::from_millis(-5)), n as u64 + 40);
        }
        let mut placed = Batch::from(delays());
        placed.set_origin(Some(Origin::new("delays.csv".into(), Unit::Line, 7, 2)));
        let sent = vec![Batch::from(delays()), keyed, Batch::default(), placed];
        let mut decoder = BatchCodec::<Delay>::of().decoder();
        for (sent, bytes) in sent.clone().into_iter().zip(bytes_of(sent)) {
            let came = decoder.decode(&bytes).unwrap();
            assert_eq!(came.len(), sent.len());
            let came = came.downcast::<Delay>().unwrap();
            assert_eq!(came.records(), sent.records());
            assert_eq!((came.times(), came.hashes()), (sent.times(), sent.hashes()));
            assert_eq!(came.origin(), sent.origin());
        }
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Seldom {
        id: u64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        note: Option<String>,
        last: u8,
    }

    #[test]
    fn records_that_leave_out_a_field_now_and_then_come_back_all_the_same() {
        let seldom = |id, note: Option<&str>| Seldom { id, note: note.map(str::to_owned), last: 3 };
        let sent = vec![seldom(1, Some("a")), seldom(2, None), seldom(3, Some("b"))];
        let bytes = bytes_of(vec![Batch::from(sent[..1].to_vec()), Batch::from(sent.clone())]);
        assert_eq!((bytes[0][0] & PLAIN, bytes[1][0] & PLAIN), (PLAIN, 0));
        let mut decoder = BatchCodec::<Seldom>::of().decoder();
        for (bytes, sent) in bytes.iter().zip([&sent[..1], &sent[..]]) {
            let came: Box<Batch<Seldom>> = decoder.decode(bytes).unwrap().downcast().unwrap();
            assert_eq!(came.records(), sent);
        }
    }

    #[test]
    fn what_a_type_that_asks_what_comes_is_made_of_is_said_once_a_channel() {
        let value = || Batch::from(vec![(delays(), serde_json::json!({"a": [1, "b"]}))]);
        let bytes = bytes_of(vec![value(), value()]);
        assert!(bytes[0][0] & PLAIN == 0 && bytes[1].len() + 10 < bytes[0].len());
        let mut decoder = BatchCodec::<(Vec<Delay>, serde_json::Value)>::of().decoder();
        assert!(bytes.iter().all(|bytes| decoder.decode(bytes).is_ok()));
    }

    #[test]
    fn a_batch_of_large_records_becomes_several_that_know_their_times_and_places() {
        let mut batch = Batch::default();
        (0..5).for_each(|n| batch.push_at(format!("{n}").repeat(100), Timestamp::from_millis(n)));
        batch.set_origin(Some(Origin::new("big.txt".into(), Unit::Line, 1, 5)));
        let (batch, codec) = (AnyBatch::new(batch), BatchCodec::<String>::of());
        let (mut encoder, mut decoder) = (codec.encoder(), codec.decoder());
        let mut seen: Vec<(String, Timestamp)> = Vec::new();
        while seen.len() < batch.len() {
            let mut out = Vec::new();
            let count = encoder.encode(&batch, seen.len(), 150, &mut out).unwrap();
            let mut piece: Box<Batch<String>> = decoder.decode(&out).unwrap().downcast().unwrap();
            assert!(count == piece.len() && count <= 2);
            let place = piece.position(0).unwrap().first;
            assert_eq!(place, seen.len() as u64 + 1);
            seen.extend(piece.drain_timed());
        }
        assert!(seen.iter().enumerate().all(|(n, (text, time))| {
            *text == format!("{n}").repeat(100) && *time == Timestamp::from_millis(n as i64)
        }));
    }

    #[test]
    fn records_of_another_type_are_an_error_that_names_the_one_expected() {
        let bytes = bytes_of(vec![Batch::from(vec![3u64])]);
        let failure = BatchCodec::<i32>::of().decoder().decode(&bytes[0]).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("no batch of `i32`"), "{text}");
    }

    #[test]
    fn a_count_that_lies_allocates_nothing_and_is_an_error() {
        let mut bytes = vec![TIMED | PLAIN];
        bytes.extend(u32::MAX.to_le_bytes());
        assert!(BatchCodec::<u64>::of().decoder().decode(&bytes).is_err());
    }

    #[test]
    fn long_texts_of_a_batch_share_its_bytes_where_they_are_most_of_it() {
        let long = |n: u64| (n, Text::from(format!("{n:092}")));
        let sent: Vec<(u64, Text)> = (0..100).map(long).collect();
        let bytes = bytes_of(vec![Batch::from(sent.clone())]).remove(0);
        let came: Box<Batch<(u64, Text)>> =
            BatchCodec::<(u64, Text)>::of().decoder().decode(&bytes).unwrap().downcast().unwrap();
        assert_eq!(came.records(), sent);
        assert!(came.records().iter().all(|(_, text)| text.pinned_bytes() > bytes.len()));
        let numbers = |n: u64| ([n; 20], Text::from(format!("{n:020}")));
        let sent: Vec<_> = (0..100).map(numbers).collect();
        let bytes = bytes_of(vec![Batch::from(sent)]).remove(0);
        let mut decoder = BatchCodec::<([u64; 20], Text)>::of().decoder();
        decoder.decode(&bytes).unwrap();
        let came: Box<Batch<([u64; 20], Text)>> = decoder.decode(&bytes).unwrap().downcast().unwrap();
        assert!(came.records().iter().all(|(_, text)| text.pinned_bytes() < 100));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_batch_or_an_error(bytes: Vec<u8>) {
            let _ = BatchCodec::<Delay>::of().decoder().decode(&bytes);
            let _ = BatchCodec::<(u8, Vec<String>)>::of().decoder().decode(&bytes);
        }

        #[test]
        fn a_batch_that_was_damaged_gives_a_batch_or_an_error(at: usize, to: u8, cut: usize) {
            let mut bytes = bytes_of(vec![Batch::from(delays())]).remove(0);
            let at = at % bytes.len();
            bytes[at] = to;
            bytes.truncate(cut % bytes.len() + 1);
            let _ = BatchCodec::<Delay>::of().decoder().decode(&bytes);
        }
    }
}
