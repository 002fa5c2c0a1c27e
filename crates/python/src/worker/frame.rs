//! Frames: a kind, parts, and the bytes of each part.
//!
//! ```text
//! kind: u8 | number of parts: u32 | for each part its length: u64 | the parts
//! ```
//!
//! Small things (which task, which block) are a part in the encoding of the project; blocks and pickled functions are
//! parts as they are.

use std::io::{self, Read, Write};
use std::sync::Arc;

use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the two ends understand: a driver and its workers must be of one version.
pub(crate) const PROTOCOL: u32 = 2;

/// More parts than any frame has.
const MOST_PARTS: u32 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Hello = 1,
    Ready,
    Task,
    Fetch,
    Block,
    Missing,
    Keep,
    Done,
    Failed,
    Open,
    Call,
    Emit,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Hello,
        Self::Ready,
        Self::Task,
        Self::Fetch,
        Self::Block,
        Self::Missing,
        Self::Keep,
        Self::Done,
        Self::Failed,
        Self::Open,
        Self::Call,
        Self::Emit,
    ];
}

/// Runs of bytes that are sent as they are.
pub(crate) type Parts = Vec<Arc<Vec<u8>>>;

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) parts: Parts,
}

impl Frame {
    pub(crate) fn new(kind: Kind, parts: Parts) -> Self {
        Self { kind, parts }
    }

    /// A frame whose first part says `value`.
    pub(crate) fn saying<T: Serialize>(kind: Kind, value: &T, mut rest: Parts) -> Result<Self, Failure> {
        let value = to_bytes(value)
            .map_err(|error| Failure::internal("a message to a worker cannot be written").because(error))?;
        rest.insert(0, Arc::new(value));
        Ok(Self::new(kind, rest))
    }

    /// What the first part says, and the other parts.
    pub(crate) fn said<T: DeserializeOwned>(mut self) -> Result<(T, Parts), Failure> {
        let rest = self.parts.split_off(self.parts.len().min(1));
        let value = self.parts.first().map(|part| from_bytes(part)).transpose();
        match value {
            Ok(Some(value)) => Ok((value, rest)),
            Ok(None) => Err(Failure::internal(format!("a {:?} frame is empty", self.kind))),
            Err(error) => {
                Err(Failure::internal(format!("a {:?} frame cannot be read", self.kind)).because(error))
            }
        }
    }

    /// # Errors
    /// If the other side is gone.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut head = vec![self.kind as u8];
        head.extend_from_slice(&(self.parts.len() as u32).to_le_bytes());
        for part in &self.parts {
            head.extend_from_slice(&(part.len() as u64).to_le_bytes());
        }
        to.write_all(&head)?;
        self.parts.iter().try_for_each(|part| to.write_all(part))?;
        to.flush()
    }

    /// The next frame; `None` if the other side closed the stream between two frames.
    ///
    /// # Errors
    /// If the stream ends within a frame, or is not of this protocol.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut kind = [0];
        if from.read(&mut kind)? == 0 {
            return Ok(None);
        }
        let strange = || io::Error::new(io::ErrorKind::InvalidData, "what came is no frame of a worker's");
        let kind = Kind::ALL.into_iter().find(|known| *known as u8 == kind[0]).ok_or_else(strange)?;
        let mut count = [0; 4];
        from.read_exact(&mut count)?;
        let count = u32::from_le_bytes(count);
        if count > MOST_PARTS {
            return Err(strange());
        }
        let mut lengths = vec![0; count as usize * 8];
        from.read_exact(&mut lengths)?;
        let mut parts = Vec::with_capacity(count as usize);
        for length in lengths.chunks_exact(8) {
            let length = length.try_into().map_or(0, u64::from_le_bytes);
            let mut part = Vec::new();
            // Grows with what really comes, whatever the length says.
            if from.by_ref().take(length).read_to_end(&mut part)? as u64 != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            parts.push(Arc::new(part));
        }
        Ok(Some(Self { kind, parts }))
    }
}
