//! How the batches of an exchange are written as bytes, for channels between processes.
//!
//! Answers for the contract between who knows the record type (the exchange) and who moves bytes (the network), and for
//! finding the encoding of a type. Not for the bytes of a batch (`wire`), nor for when any are needed: channels inside of
//! a process carry batches as they are, and never come here.
//! Holds: both ends of a channel come from codecs of one type; what an encoder wrote, the decoder of the other end reads
//! in the same order, batch by batch.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use millstream_model::error::Result;
use millstream_model::record::Record;

use super::AnyBatch;
use super::wire::{WireDecoder, WireEncoder};
use crate::state::StateData;

/// The sending end of one channel: turns its batches into bytes.
///
/// It may remember what it has said (such as the fields of a struct), so a channel has one encoder from its first batch to
/// its last.
pub trait BatchEncoder: Send {
    /// Appends the records of the batch from the one at `from` on, as a batch of their own: with their times, the hashes of
    /// their keys, their place in the source. Stops behind the record with which `out` has become longer than `limit`
    /// bytes, so that a batch of large records becomes several; gives how many were written, at least one of those that
    /// there are.
    ///
    /// # Errors
    /// If a record cannot be written. `out` is as before then, and the channel cannot go on.
    fn encode(&mut self, batch: &AnyBatch, from: usize, limit: usize, out: &mut Vec<u8>) -> Result<usize>;
}

/// The receiving end of one channel: turns bytes into batches again.
pub trait BatchDecoder: Send {
    /// The batch that `bytes` are. They may be anything: they came from another process.
    ///
    /// # Errors
    /// If they are no batch of this type. The channel cannot go on then.
    fn decode(&mut self, bytes: &[u8]) -> Result<AnyBatch>;
}

type Make<E> = Arc<dyn Fn() -> Box<E> + Send + Sync>;

/// The encoding of batches of `T`: makes the two ends of channels.
pub struct BatchCodec<T> {
    encoder: Make<dyn BatchEncoder>,
    decoder: Make<dyn BatchDecoder>,
    record: PhantomData<fn(T) -> T>,
}

impl<T> Clone for BatchCodec<T> {
    fn clone(&self) -> Self {
        Self { encoder: self.encoder.clone(), decoder: self.decoder.clone(), record: PhantomData }
    }
}

impl<T> fmt::Debug for BatchCodec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchCodec({})", std::any::type_name::<T>())
    }
}

impl<T: StateData> BatchCodec<T> {
    /// That of every type that can be state: serde's view of the record, in the same family of encodings.
    ///
    /// ```
    /// use millstream_dataflow::batch::Batch;
    /// use millstream_dataflow::exchange::{AnyBatch, BatchCodec};
    ///
    /// let codec = BatchCodec::<(String, u64)>::of();
    /// let mut bytes = Vec::new();
    /// let sent = AnyBatch::new(Batch::from(vec![("MIA".to_owned(), 3u64)]));
    /// codec.encoder().encode(&sent, 0, usize::MAX, &mut bytes)?;
    /// let batch = codec.decoder().decode(&bytes)?.downcast::<(String, u64)>();
    /// assert_eq!(batch.unwrap().records(), [("MIA".to_owned(), 3)]);
    /// # Ok::<(), millstream_model::error::Failure>(())
    /// ```
    pub fn of() -> Self {
        Self::new(WireEncoder::<T>::new, WireDecoder::<T>::new)
    }
}

impl<T: Record> BatchCodec<T> {
    /// An encoding of the type's own. The ends are given and give batches of `T`.
    pub fn new<E: BatchEncoder + 'static, D: BatchDecoder + 'static>(
        encoder: impl Fn() -> E + Send + Sync + 'static,
        decoder: impl Fn() -> D + Send + Sync + 'static,
    ) -> Self {
        Self {
            encoder: Arc::new(move || Box::new(encoder())),
            decoder: Arc::new(move || Box::new(decoder())),
            record: PhantomData,
        }
    }
}

impl<T> BatchCodec<T> {
    /// The sending end of a new channel.
    pub fn encoder(&self) -> Box<dyn BatchEncoder> {
        (self.encoder)()
    }

    /// The receiving end of a new channel.
    pub fn decoder(&self) -> Box<dyn BatchDecoder> {
        (self.decoder)()
    }
}
