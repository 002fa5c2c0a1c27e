//! What a real agent sent, and what nobody should send.

use proptest::prelude::*;

use super::avro::{self, Asked, Calling, Listening};
use super::cursor::Cursor;
use super::deflate::Inflater;
use super::handshake::{self, Greeting};
use super::netty::Frames;
use super::packed::{Packed, unpack};
use super::thrift::{self, Encoding};
use super::thrift_events;
use crate::flume::event::FlumeEvent;

const MAX: usize = 1 << 20;

/// Bytes as they were captured between Flume 1.11 and a program of ours: `>` by the client, `<` by the server.
const AVRO: &str = "00000001000000020000003086aadae2c45474c0fe93ffd0f2350a650086aadae2c45474c0fe93ffd0f2350a650200\
    0016617070656e6442617463680000001004000a68656c6c6f000a776f726c6400";
const AVRO_ANSWER: &str = "00000001000000010000000700000000000000";
const SOURCE_ANSWER: &str = "000000010000000300000004000000000000000100000000020000";
const DEFLATED: &str = "789c6260606064606060026283b655b71e1d092939f06ff2ff0b9f4cb95219d00580aac4120b0a52f3529c124b92338\
    07a145898d88a8b9259f29219b832527372f211dcf2fca29c140600000000ffff";
const COMPACT: &str = "000000268221010b617070656e644261746368192c1b00180568656c6c6f001b001805776f726c640000";
const COMPACT_ANSWER: &str = "000000138241010b617070656e64426174636805000000";
const BINARY: &str = "00000066800100010000000b617070656e644261746368000000010f00010c000000020d00010b0b00000001000000037\
    3726300000\
    0026e630b00020000000568656c6c6f000d00010b0b0000000100000003737263000000026e630b000200000005776f726c640000";
const BINARY_ANSWER: &str = "0000001f800100020000000b617070656e644261746368000000010800000000000000";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn events(packed: &Packed) -> Vec<FlumeEvent> {
    let mut cursor = Cursor::new(&packed.bytes);
    let events = (0..packed.count).map(|_| unpack(&mut cursor).unwrap()).collect();
    cursor.end().unwrap();
    events
}

/// The answer of a listening side to a frame, in its frame.
fn heard(listening: &mut Listening, mut frame: Vec<u8>, packed: &mut Packed) -> Vec<u8> {
    let mut frames = Frames::default();
    let length = frames.whole(&frame, MAX).unwrap().unwrap();
    assert_eq!(length, frame.len());
    let (serial, message) = frames.open(&mut frame);
    let (greeting, asked) = listening.hear(message, packed).unwrap();
    let mut out = Vec::new();
    let begin = super::netty::begin_frame(&mut out, serial);
    avro::answer(greeting.as_ref(), &asked, true, &mut out);
    super::netty::end_frame(&mut out, begin);
    out
}

#[test]
fn an_avro_sink_is_understood_and_answered_byte_by_byte_as_captured() {
    let mut packed = Packed::default();
    assert_eq!(heard(&mut Listening::default(), bytes(AVRO), &mut packed), bytes(AVRO_ANSWER));
    assert_eq!(events(&packed), [FlumeEvent::new("hello"), FlumeEvent::new("world")]);
}

#[test]
fn a_deflated_avro_sink_is_understood() {
    let (mut room, wire) = (vec![0; MAX], bytes(DEFLATED));
    let (read, written) = Inflater::new().inflate(&wire, &mut room).unwrap();
    assert_eq!(read, wire.len());
    room.truncate(written);
    let mut packed = Packed::default();
    heard(&mut Listening::default(), room, &mut packed);
    let expected = ["hello", "world"].map(|body| FlumeEvent::new(body).header("src", "nc"));
    assert_eq!(events(&packed), expected);
}

#[test]
fn thrift_sinks_are_understood_and_answered_byte_by_byte_as_captured() {
    let plain = ["hello", "world"].map(FlumeEvent::new);
    let with_header = plain.clone().map(|event| event.header("src", "nc"));
    for (call, answer, expected, encoding) in [
        (COMPACT, COMPACT_ANSWER, plain, Encoding::Compact),
        (BINARY, BINARY_ANSWER, with_header, Encoding::Binary),
    ] {
        let (call, mut packed) = (bytes(call), Packed::default());
        assert_eq!(thrift::whole(&call, MAX), Ok(Some(call.len())));
        let called = thrift_events::hear(&call[4..], &mut packed).unwrap();
        assert_eq!(events(&packed), expected);
        let mut out = Vec::new();
        thrift_events::answer(&called, true, &mut out);
        assert_eq!(out, bytes(answer));
        // From the other side: the same events are called in the same bytes, and the answer is read.
        let mut own = Vec::new();
        thrift_events::call(encoding, 1, &packed, &mut own).unwrap();
        assert_eq!(own, call);
        assert_eq!(thrift_events::answered(&out[4..], 1), Ok(true));
        assert!(
            thrift_events::answered(&out[4..], 2).unwrap_err().to_string().contains("answer 1 to call 2")
        );
    }
}

#[test]
fn the_answer_of_an_agents_source_is_read_from_its_three_buffers() {
    let (mut frame, mut frames) = (bytes(SOURCE_ANSWER), Frames::default());
    frames.whole(&frame, MAX).unwrap().unwrap();
    let (_, message) = frames.open(&mut frame);
    let mut calling = Calling::source();
    let result = calling.answered(message).unwrap();
    assert_eq!(avro::status(result), Ok(true));
}

#[test]
fn a_caller_of_another_text_is_asked_for_it_and_then_understood() {
    let mut listening = Listening::default();
    let mut hello = |text: &[u8]| {
        let mut message = vec![9; 16];
        message.extend_from_slice(text);
        message.extend_from_slice(&[9; 16]);
        message.extend_from_slice(&[0, 0]);
        super::cursor::put_avro_bytes(&mut message, b"appendBatch");
        message.push(0);
        let (greeting, asked) = listening.hear(&message, &mut Packed::default()).unwrap();
        let mut out = Vec::new();
        avro::answer(greeting.as_ref(), &asked, true, &mut out);
        (greeting, asked, out)
    };
    let (greeting, asked, out) = hello(&[0]);
    assert_eq!((greeting, asked, out[0]), (Some(Greeting::Unknown), Asked::Again, 4));
    assert!(!handshake::answered(&mut Cursor::new(&out)).unwrap());
    let mut text = vec![2];
    super::cursor::put_avro_bytes(&mut text, b"{\"protocol\":\"AvroSourceProtocol\",\"doc\":\"other\"}");
    let (greeting, asked, out) = hello(&text);
    assert_eq!((greeting, asked), (Some(Greeting::Known { same: false }), Asked::Events));
    let mut cursor = Cursor::new(&out);
    assert!(handshake::answered(&mut cursor).unwrap());
    assert_eq!(cursor.left(), 3);
}

#[test]
fn own_calls_are_understood_by_the_own_other_side() {
    let mut packed = Packed::default();
    (0..20).for_each(|n| packed.put_event(&FlumeEvent::new(format!("{n}")).header("n", "x".repeat(n * 9))));
    let (mut calling, mut listening) = (Calling::source(), Listening::default());
    for _ in 0..2 {
        let mut call = Vec::new();
        let begin = super::netty::begin_frame(&mut call, 3);
        calling.begin("appendBatch", &mut call);
        avro::put_events(&packed, &mut call);
        super::netty::end_frame(&mut call, begin);
        let mut back = Packed::default();
        let mut answer = heard(&mut listening, call, &mut back);
        assert_eq!(back, packed);
        let mut frames = Frames::default();
        frames.whole(&answer, MAX).unwrap().unwrap();
        let result = calling.answered(frames.open(&mut answer).1).unwrap();
        assert_eq!(avro::status(result), Ok(true));
    }
}

#[test]
fn what_is_not_offered_is_answered_with_what_is_wrong() {
    let mut message = bytes(AVRO)[12..].to_vec();
    message.drain(48..52);
    let at = message.windows(11).position(|part| part == b"appendBatch").unwrap();
    message[at] = b'X';
    let (mut listening, mut packed) = (Listening::default(), Packed::default());
    let (greeting, asked) = listening.hear(&message, &mut packed).unwrap();
    assert_eq!(asked, Asked::Wrong("there is no message `XppendBatch`".into()));
    let mut out = Vec::new();
    avro::answer(greeting.as_ref(), &asked, false, &mut out);
    let error = Calling::source().answered(&out).unwrap_err().to_string();
    assert_eq!(error, "it answered with an error: there is no message `XppendBatch`");

    let mut message = bytes(COMPACT)[4..].to_vec();
    message[4] = b'X';
    let called = thrift_events::hear(&message, &mut packed).unwrap();
    let mut out = Vec::new();
    thrift_events::answer(&called, false, &mut out);
    let error = thrift_events::answered(&out[4..], 1).unwrap_err().to_string();
    assert_eq!(error, "it answered with an error: there is no method `XppendBatch`");
}

#[test]
fn values_that_stand_in_each_other_too_deep_are_refused() {
    // An unknown field 9 that is a list of a list of a list ...
    let mut message = bytes(COMPACT)[4..19].to_vec();
    message.extend([0x99]);
    message.extend([0x19; 2_000]);
    let error = thrift_events::hear(&message, &mut Packed::default()).unwrap_err().to_string();
    assert!(error.contains("more than 16 deep"), "{error}");
}

/// Reads bytes in every way there is; what that gives is nobody's business here, only that it ends, within memory.
fn read_in_every_way(bytes: &[u8]) {
    let packed = &mut Packed::default();
    let mut frames = Frames::default();
    for end in 0..=bytes.len().min(64) {
        if frames.whole(&bytes[..end], 4_096).is_err() {
            break;
        }
    }
    if let Ok(Some(length)) = Frames::default().whole(bytes, 4_096) {
        let (mut frame, mut frames) = (bytes[..length].to_vec(), Frames::default());
        frames.whole(&frame, 4_096).unwrap();
        let (_, message) = frames.open(&mut frame);
        let _ = Listening::default().hear(message, packed);
    }
    let _ = thrift::whole(bytes, 4_096);
    let _ = Listening::default().hear(bytes, packed);
    let _ = thrift_events::hear(bytes, packed);
    let _ = thrift_events::answered(bytes, 1);
    let _ = avro::pulled(Cursor::new(bytes), packed);
    let _ = Calling::source().answered(bytes).map(avro::status);
    let _ = unpack(&mut Cursor::new(bytes));
    let (mut inflater, mut room) = (Inflater::new(), [0; 4_096]);
    let _ = inflater.inflate(bytes, &mut room);
    assert!(
        packed.bytes.capacity() <= 64 + 16 * bytes.len(),
        "{} of {}",
        packed.bytes.capacity(),
        bytes.len()
    );
}

proptest! {
    #[test]
    fn nothing_that_comes_takes_a_decoder_down(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_in_every_way(&bytes);
    }

    #[test]
    fn nothing_that_is_nearly_right_takes_a_decoder_down(
        which in 0..5_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        framed in any::<bool>(),
    ) {
        let mut bytes = bytes([AVRO, DEFLATED, COMPACT, BINARY, SOURCE_ANSWER][which]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let bytes = &bytes[if framed { 0 } else { [12, 0, 4, 4, 12][which] }..];
        read_in_every_way(bytes);
        read_in_every_way(&bytes[..cut.index(bytes.len())]);
    }
}
