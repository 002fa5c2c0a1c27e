//! Flume's service over Thrift: `append` and `appendBatch`, from both sides.

use super::avro::Unanswered;
use super::cursor::{Malformed, Read};
use super::packed::{Headers, Packed};
use super::thrift::{Encoding, Kind, MessageType, Reading, Writing};
use crate::flume::wire::cursor::Cursor;

/// A call, as its answer has to repeat it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::flume) struct Called {
    encoding: Encoding,
    name: String,
    number: i32,
    /// What is wrong with it, where its events were not read.
    wrong: Option<String>,
}

/// Reads a call, and adds its events to those packed.
pub(in crate::flume) fn hear(message: &[u8], into: &mut Packed) -> Read<Called> {
    let (mut message, kind, name, number) = Reading::message(message)?;
    if kind != MessageType::Call as u8 {
        return Err(message.bytes.malformed(format!("a message of type {kind}, which is no call")));
    }
    let mut called = Called { encoding: message.encoding, name: name.to_owned(), number, wrong: None };
    let (is_batch, wanted) = match name {
        "appendBatch" => (true, Kind::List),
        "append" => (false, Kind::Struct),
        other => {
            let shown: String = other.chars().take(100).collect();
            called.wrong = Some(format!("there is no method `{shown}`"));
            return Ok(called);
        }
    };
    let (mut last, mut found) = (0, false);
    while let Some(kind) = message.field(&mut last)? {
        if last != 1 || kind != wanted {
            message.skip(kind)?;
        } else if is_batch {
            let (kind, count) = message.list()?;
            if kind != Kind::Struct && count > 0 {
                return Err(message.bytes.malformed("the list of events is one of something else"));
            }
            let mut headers = Vec::new();
            for _ in 0..count {
                headers = event(&mut message, headers, into)?;
            }
            found = true;
        } else {
            event(&mut message, Vec::new(), into)?;
            found = true;
        }
    }
    message.bytes.end()?;
    if !found {
        return Err(message.bytes.malformed(format!("a call of `{name}` without its argument")));
    }
    Ok(called)
}

/// Reads an event; the vector is memory to work in.
fn event<'a>(
    message: &mut Reading<'a>,
    mut headers: Vec<(&'a str, &'a str)>,
    into: &mut Packed,
) -> Read<Vec<(&'a str, &'a str)>> {
    headers.clear();
    let (mut last, mut body, mut has_headers) = (0, None, false);
    while let Some(kind) = message.field(&mut last)? {
        match (last, kind) {
            (1, Kind::Map) => {
                let (keys, values, count) = message.map()?;
                if (keys, values) != (Kind::Bytes, Kind::Bytes) {
                    return Err(message.bytes.malformed("headers that are no map of texts"));
                }
                for _ in 0..count {
                    headers.push((message.text()?, message.text()?));
                }
                has_headers = true;
            }
            (2, Kind::Bytes) => body = Some(message.binary()?),
            _ => message.skip(kind)?,
        }
    }
    match body {
        Some(body) if has_headers => into.put(headers.iter().copied(), body),
        _ => return Err(message.bytes.malformed("an event without headers or without body")),
    }
    Ok(headers)
}

/// Writes the answer to a call in its frame.
pub(in crate::flume) fn answer(called: &Called, taken: bool, out: &mut Vec<u8>) {
    let (begin, write) = (begin_frame(out), Writing(called.encoding));
    match &called.wrong {
        None => {
            write.message(MessageType::Reply, &called.name, called.number, out);
            write.field(Kind::I32, 0, 0, out);
            write.i32(i32::from(!taken), out);
        }
        Some(wrong) => {
            write.message(MessageType::Exception, &called.name, called.number, out);
            write.field(Kind::Bytes, 1, 1, out);
            write.binary(wrong.as_bytes(), out);
            write.field(Kind::I32, 2, 1, out);
            write.i32(1, out); // an unknown method
        }
    }
    out.push(0);
    end_frame(out, begin);
}

impl Called {
    pub(in crate::flume) fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }
}

/// Writes a call of `appendBatch` in its frame.
pub(in crate::flume) fn call(
    encoding: Encoding,
    number: i32,
    events: &Packed,
    out: &mut Vec<u8>,
) -> Read<()> {
    let (begin, write) = (begin_frame(out), Writing(encoding));
    write.message(MessageType::Call, "appendBatch", number, out);
    write.field(Kind::List, 1, 1, out);
    write.list(Kind::Struct, events.count, out);
    let mut packed = Cursor::new(&events.bytes);
    let mut all: Vec<(&str, &str)> = Vec::new();
    for _ in 0..events.count {
        all.clear();
        let mut headers = Headers::default();
        while let Some(header) = headers.next(&mut packed)? {
            all.push(header);
        }
        write.field(Kind::Map, 1, 1, out);
        write.map(u32::try_from(all.len()).unwrap_or(u32::MAX), out);
        for (name, value) in &all {
            write.binary(name.as_bytes(), out);
            write.binary(value.as_bytes(), out);
        }
        write.field(Kind::Bytes, 2, 1, out);
        write.binary(packed.avro_bytes()?, out);
        out.push(0);
    }
    out.push(0);
    end_frame(out, begin);
    Ok(())
}

/// Reads the answer to [`call`], without its length: whether the events were taken.
pub(in crate::flume) fn answered(message: &[u8], number: i32) -> Result<bool, Unanswered> {
    let (mut message, kind, name, of) = Reading::message(message)?;
    let (mut last, mut status, mut what) = (0, None, None);
    while let Some(field) = message.field(&mut last)? {
        match (last, field) {
            (0, Kind::I32) => status = Some(message.i32()?),
            (1, Kind::Bytes) => what = Some(message.text()?),
            _ => message.skip(field)?,
        }
    }
    if kind == MessageType::Exception as u8 {
        return Err(Unanswered::Refused(what.unwrap_or("an exception").to_owned()));
    }
    match status {
        Some(status) if of == number => Ok(status == 0),
        Some(_) => Err(message.bytes.malformed(format!("answer {of} to call {number}")).into()),
        None => Err(message.bytes.malformed(format!("an answer to `{name}` without a status")).into()),
    }
}

fn begin_frame(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 4]);
    out.len()
}

fn end_frame(out: &mut [u8], begin: usize) {
    let length = u32::try_from(out.len() - begin).unwrap_or(u32::MAX);
    out[begin - 4..begin].copy_from_slice(&length.to_be_bytes());
}

impl From<Malformed> for std::io::Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, malformed)
    }
}
