//! An entry of the log: some events, behind a head that tells their length and count and whether both are whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The bytes of a head: length, count, checksum of the events, checksum of what stands before.
pub(super) const HEAD: usize = 16;

/// What a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: u32,
    pub(super) count: u32,
    checksum: u32,
}

/// The head of an entry with these events.
pub(super) fn head_of(events: &[u8], count: u32) -> io::Result<[u8; HEAD]> {
    let length = u32::try_from(events.len()).map_err(|_| {
        io::Error::other(format!("{} bytes of events are too many for an entry", events.len()))
    })?;
    let mut head = [0; HEAD];
    for (at, number) in [length, count, crc32fast::hash(events)].into_iter().enumerate() {
        head[4 * at..][..4].copy_from_slice(&number.to_le_bytes());
    }
    let checksum = crc32fast::hash(&head[..12]);
    head[12..].copy_from_slice(&checksum.to_le_bytes());
    Ok(head)
}

/// Reads a head; `None` if it is damaged.
fn head(bytes: &[u8]) -> Option<Head> {
    let number =
        |at: usize| bytes.get(at..at + 4).and_then(|four| Some(u32::from_le_bytes(four.try_into().ok()?)));
    let whole = number(12)? == crc32fast::hash(bytes.get(..12)?);
    whole.then_some(Head { length: number(0)?, count: number(4)?, checksum: number(8)? })
}

/// What stands at a place of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole entry; its events were read.
    Entry(Head),
    /// Something that was not written to its end, or is damaged; `has_rest` if more stands behind it.
    Torn { has_rest: bool },
    /// The end of the file.
    End,
}

/// Reads the entry at `at` of a file of `length` bytes, its events into `events`.
pub(super) fn read(file: &File, at: u64, length: u64, events: &mut Vec<u8>) -> io::Result<Found> {
    events.clear();
    if at >= length {
        return Ok(Found::End);
    }
    let mut bytes = [0; HEAD];
    if length - at < HEAD as u64 {
        return Ok(Found::Torn { has_rest: false });
    }
    file.read_exact_at(&mut bytes, at)?;
    let Some(head) = head(&bytes) else { return Ok(Found::Torn { has_rest: length - at > HEAD as u64 }) };
    let end = at + HEAD as u64 + u64::from(head.length);
    if end > length {
        return Ok(Found::Torn { has_rest: false });
    }
    events.resize(head.length as usize, 0);
    file.read_exact_at(events, at + HEAD as u64)?;
    if crc32fast::hash(events) == head.checksum {
        return Ok(Found::Entry(head));
    }
    events.clear();
    Ok(Found::Torn { has_rest: length > end })
}

/// Whether a whole entry stands anywhere behind the damaged one at `at`: then it was no kill that damaged it.
pub(super) fn is_followed(file: &File, at: u64, length: u64) -> io::Result<bool> {
    let mut rest = vec![0; usize::try_from(length - at).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut rest, at)?;
    Ok((1..rest.len().saturating_sub(HEAD)).any(|begin| {
        let Some(head) = head(&rest[begin..]) else { return false };
        let events = rest.get(begin + HEAD..).and_then(|rest| rest.get(..head.length as usize));
        head.count > 0 && events.is_some_and(|events| crc32fast::hash(events) == head.checksum)
    }))
}
