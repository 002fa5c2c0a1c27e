//! What Avro's two sides agree on before the first call of a connection.
//!
//! Answers for the two protocols that are spoken, each with its hash, and for both sides of the handshake. Not for calls.
//! Holds: a peer with another text of the protocol is asked for it, as Avro has it, and never guessed at.

use super::cursor::{Cursor, Read, put_avro_bytes, put_zigzag};

/// The MD5 of a protocol's text.
pub(in crate::flume) type Hash = [u8; 16];

/// A protocol as Avro describes it.
pub(in crate::flume) struct Protocol {
    pub(in crate::flume) name: &'static str,
    pub(in crate::flume) text: &'static str,
    pub(in crate::flume) hash: Hash,
    /// The hash of the text that Flume itself has, where that is known.
    peers: Hash,
}

/// Events pushed from a sink to a source.
pub(in crate::flume) static SOURCE: Protocol = Protocol {
    name: "AvroSourceProtocol",
    text: "{\"protocol\":\"AvroSourceProtocol\",\"namespace\":\"org.apache.flume.source.avro\",\
        \"types\":[{\"type\":\"enum\",\"name\":\"Status\",\"symbols\":[\"OK\",\"FAILED\",\"UNKNOWN\"]},\
        {\"type\":\"record\",\"name\":\"AvroFlumeEvent\",\"fields\":[{\"name\":\"headers\",\
        \"type\":{\"type\":\"map\",\"values\":\"string\"}},{\"name\":\"body\",\"type\":\"bytes\"}]}],\
        \"messages\":{\"append\":{\"request\":[{\"name\":\"event\",\"type\":\"AvroFlumeEvent\"}],\
        \"response\":\"Status\"},\"appendBatch\":{\"request\":[{\"name\":\"events\",\
        \"type\":{\"type\":\"array\",\"items\":\"AvroFlumeEvent\"}}],\"response\":\"Status\"}}}",
    hash: [0x30, 0xda, 0x54, 0x05, 0x9d, 0xf7, 0x2d, 0x95, 0x84, 0xb8, 0x67, 0xd5, 0x20, 0x2e, 0x20, 0x69],
    // Flume 1.11.
    peers: [0x86, 0xaa, 0xda, 0xe2, 0xc4, 0x54, 0x74, 0xc0, 0xfe, 0x93, 0xff, 0xd0, 0xf2, 0x35, 0x0a, 0x65],
};

/// Events pulled out of the sink that Spark brings for Flume.
pub(in crate::flume) static SPARK: Protocol = Protocol {
    name: "SparkFlumeProtocol",
    text: "{\"protocol\":\"SparkFlumeProtocol\",\"namespace\":\"org.apache.spark.flume\",\
        \"types\":[{\"type\":\"record\",\"name\":\"SparkSinkEvent\",\"fields\":[{\"name\":\"headers\",\
        \"type\":{\"type\":\"map\",\"values\":\"string\"}},{\"name\":\"body\",\"type\":\"bytes\"}]},\
        {\"type\":\"record\",\"name\":\"EventBatch\",\"fields\":[{\"name\":\"errorMsg\",\
        \"type\":\"string\",\"default\":\"\"},{\"name\":\"sequenceNumber\",\"type\":\"string\"},\
        {\"name\":\"events\",\"type\":{\"type\":\"array\",\"items\":\"SparkSinkEvent\"}}]}],\
        \"messages\":{\"getEventBatch\":{\"request\":[{\"name\":\"n\",\"type\":\"int\"}],\
        \"response\":\"EventBatch\"},\"ack\":{\"request\":[{\"name\":\"sequenceNumber\",\
        \"type\":\"string\"}],\"response\":\"null\"},\
        \"nack\":{\"request\":[{\"name\":\"sequenceNumber\",\"type\":\"string\"}],\
        \"response\":\"null\"}}}",
    hash: [0xce, 0xc6, 0xd8, 0xd8, 0x02, 0xdb, 0xca, 0x93, 0x93, 0x83, 0x34, 0x61, 0xb1, 0xee, 0xae, 0x68],
    peers: [0xce, 0xc6, 0xd8, 0xd8, 0x02, 0xdb, 0xca, 0x93, 0x93, 0x83, 0x34, 0x61, 0xb1, 0xee, 0xae, 0x68],
};

/// What a caller's handshake asks for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::flume) enum Greeting {
    /// The call behind it can be answered.
    Known { same: bool },
    /// Its text has to be asked for.
    Unknown,
    /// It speaks a protocol of another name.
    Other,
}

const BOTH: i64 = 0;
const CLIENT: i64 = 1;
const NONE: i64 = 2;

/// Reads the handshake before a connection's first call.
pub(in crate::flume) fn greeted(protocol: &Protocol, message: &mut Cursor<'_>) -> Read<Greeting> {
    let client: Hash = message.array()?;
    let text = optional(message)?.map(|text| String::from_utf8_lossy(text).into_owned());
    let server: Hash = message.array()?;
    if message.zigzag()? != 0 {
        skip_map(message)?;
    }
    let known = |hash: &Hash| *hash == protocol.peers || *hash == protocol.hash;
    let same = known(&server);
    Ok(match text {
        _ if known(&client) => Greeting::Known { same: true },
        None => Greeting::Unknown,
        Some(text) if text.contains(&format!("\"{}\"", protocol.name)) => Greeting::Known { same },
        Some(_) => Greeting::Other,
    })
}

/// Answers a handshake.
pub(in crate::flume) fn answer(protocol: &Protocol, greeting: &Greeting, out: &mut Vec<u8>) {
    let with_text = match greeting {
        Greeting::Known { same: true } => {
            put_zigzag(out, BOTH);
            false
        }
        Greeting::Known { same: false } => {
            put_zigzag(out, CLIENT);
            true
        }
        Greeting::Unknown | Greeting::Other => {
            put_zigzag(out, NONE);
            true
        }
    };
    if with_text {
        put_zigzag(out, 1);
        put_avro_bytes(out, protocol.text.as_bytes());
        put_zigzag(out, 1);
        out.extend_from_slice(&protocol.hash);
    } else {
        out.extend_from_slice(&[0, 0]);
    }
    out.push(0);
}

/// The handshake of a caller: with its text, so that no other side has to ask for it.
pub(in crate::flume) fn greet(protocol: &Protocol, out: &mut Vec<u8>) {
    out.extend_from_slice(&protocol.hash);
    put_zigzag(out, 1);
    put_avro_bytes(out, protocol.text.as_bytes());
    out.extend_from_slice(&protocol.peers);
    out.push(0);
}

/// Reads the answer to [`greet`]; whether the call behind it was answered.
pub(in crate::flume) fn answered(message: &mut Cursor<'_>) -> Read<bool> {
    let found = message.zigzag()?;
    optional(message)?;
    if message.zigzag()? != 0 {
        message.array::<16>()?;
    }
    if message.zigzag()? != 0 {
        skip_map(message)?;
    }
    Ok(found == BOTH || found == CLIENT)
}

fn optional<'a>(message: &mut Cursor<'a>) -> Read<Option<&'a [u8]>> {
    match message.zigzag()? {
        0 => Ok(None),
        1 => message.avro_bytes().map(Some),
        other => Err(message.malformed(format!("branch {other} of a union of two"))),
    }
}

/// Passes over a map of bytes, as calls and answers have one before them.
pub(in crate::flume) fn skip_map(message: &mut Cursor<'_>) -> Read<()> {
    let mut has_size = false;
    loop {
        let count = super::packed::block(message, &mut has_size)?;
        if count == 0 {
            return Ok(());
        }
        for _ in 0..count {
            message.avro_bytes()?;
            message.avro_bytes()?;
        }
    }
}
