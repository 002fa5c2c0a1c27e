//! The readable type of encoded bytes, for errors.
//!
//! Answers for one line about the value at the front of the bytes. Not for reading it.
//! Holds: nothing is changed or defined by looking.

use super::shape::Shape;
use super::tag;

/// How far to look into values that hold others.
const LEVELS: u8 = 4;

/// The type of the value at the front of `input`; none where the bytes end or make no sense.
pub(super) fn describe(input: &[u8], shapes: &[Option<Shape<Box<str>>>]) -> Option<String> {
    describe_to(input, shapes, LEVELS)
}

fn describe_to(input: &[u8], shapes: &[Option<Shape<Box<str>>>], levels: u8) -> Option<String> {
    let (tag, mut rest) = input.split_first()?;
    let inner = |rest: &[u8]| match levels {
        0 => "..".to_owned(),
        _ => describe_to(rest, shapes, levels - 1).unwrap_or_else(|| "_".to_owned()),
    };
    let plain = match *tag {
        tag::UNIT => "()",
        tag::NONE => "Option (None)",
        tag::FALSE | tag::TRUE => "bool",
        tag::U8 => "u8",
        tag::U16 => "u16",
        tag::U32 => "u32",
        tag::U64 => "u64",
        tag::U128 => "u128",
        tag::I8 => "i8",
        tag::I16 => "i16",
        tag::I32 => "i32",
        tag::I64 => "i64",
        tag::I128 => "i128",
        tag::F32 => "f32",
        tag::F64 => "f64",
        tag::CHAR => "char",
        tag::STR => "string",
        tag::BYTES => "bytes",
        tag::SOME => return Some(format!("Option<{}>", inner(rest))),
        tag::SEQ => {
            let count = tag::take_varint(&mut rest).ok()?;
            return Some(if count == 0 {
                "empty list".to_owned()
            } else {
                format!("list of {}", inner(rest))
            });
        }
        tag::TUPLE => return Some(format!("tuple of {}", tag::take_varint(&mut rest).ok()?)),
        tag::MAP => {
            let count = tag::take_varint(&mut rest).ok()?;
            return Some(if count == 0 {
                "empty map".to_owned()
            } else {
                format!("map from {}", inner(rest))
            });
        }
        tag::SHAPE => {
            let id = usize::try_from(tag::take_varint(&mut rest).ok()?).ok()?;
            return Some(describe_shape(shapes.get(id)?.as_ref()?));
        }
        tag::DEFINE => {
            tag::take_varint(&mut rest).ok()?;
            return Some(describe_shape(&Shape::read(&mut rest).ok()?));
        }
        _ => return None,
    };
    Some(plain.to_owned())
}

fn describe_shape(shape: &Shape<Box<str>>) -> String {
    format!("{} {shape}", if shape.kind.is_variant() { "enum" } else { "struct" })
}
