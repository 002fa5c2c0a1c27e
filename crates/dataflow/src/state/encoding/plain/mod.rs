//! The short form of the encoding: values without tags, for who knows what comes.
//!
//! The wire uses it between processes of the same program, where saying each value's type again would cost more than the
//! value. It is for types that are always read by asking for one thing after the other, which [`is_plain`] finds out by
//! having one read from nothing. Other types (untagged enums, flattened structs, `serde_json::Value`) are written in the
//! full form.
//!
//! Answers for bytes. Not for what is kept: state is always in the full form, which says what it is.
//! Holds: reading never panics, whatever the bytes; each value is at least a byte, so lengths are checked against what is
//! left; a value that cannot be read back (as one with skipped fields) is not written.

mod probe;
mod reader;
mod writer;

pub(crate) use probe::is_plain;

use serde::{Deserialize, Serialize};

use super::error::{DecodeError, EncodeError};

/// Appends a value. On an error `out` ends somewhere within it.
///
/// # Errors
/// [`EncodeError::NotPlain`] if this value cannot be written in the short form; others as in the full form.
#[inline]
pub(crate) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    value.serialize(&mut writer::Writer { out, depth: 0 })
}

/// Takes a value off the front of `input`.
///
/// # Errors
/// If the bytes are none of this type.
#[inline]
pub(crate) fn decode<'de, T: Deserialize<'de>>(input: &mut &'de [u8]) -> Result<T, DecodeError> {
    let mut reader = reader::Reader { input, depth: 0 };
    let value = T::deserialize(&mut reader)?;
    *input = reader.input;
    Ok(value)
}

/// What the name of a variant amounts to (FNV-1a, folded).
fn fingerprint(name: &str) -> u16 {
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Nothing,
        Round(f64),
        Sides { left: i32, right: Option<Box<Shape>> },
        Pair(u8, String),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        unit: (),
        bytes: [i8; 3],
        text: String,
        letter: char,
        flag: bool,
        list: Vec<Shape>,
        map: BTreeMap<String, u128>,
        empty: Empty,
        wide: (u16, i64, f32),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Empty {}

    fn shape() -> impl Strategy<Value = Shape> {
        let leaf = prop_oneof![
            Just(Shape::Nothing),
            (-1e9..1e9f64).prop_map(Shape::Round),
            (any::<u8>(), any::<String>()).prop_map(|(a, b)| Shape::Pair(a, b)),
        ];
        leaf.prop_recursive(3, 8, 2, |inner| {
            (any::<i32>(), prop::option::of(inner))
                .prop_map(|(left, right)| Shape::Sides { left, right: right.map(Box::new) })
        })
    }

    fn everything(list: Vec<Shape>, map: BTreeMap<String, u128>, text: String) -> Everything {
        let wide = (7, -8, 0.5);
        Everything {
            unit: (),
            bytes: [1, -2, 3],
            text,
            letter: 'ß',
            flag: true,
            list,
            map,
            empty: Empty {},
            wide,
        }
    }

    proptest! {
        #[test]
        fn values_come_back_and_take_no_byte_more(
            list in prop::collection::vec(shape(), 0..5),
            map: BTreeMap<String, u128>,
            text: String,
        ) {
            let value = everything(list, map, text);
            let mut bytes = Vec::new();
            encode(&value, &mut bytes).unwrap();
            let mut input = &bytes[..];
            prop_assert_eq!(decode::<Everything>(&mut input).unwrap(), value);
            prop_assert!(input.is_empty());
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes: Vec<u8>) {
            let _ = decode::<Everything>(&mut &bytes[..]);
            let _ = decode::<Vec<Shape>>(&mut &bytes[..]);
            let _ = decode::<Vec<()>>(&mut &bytes[..]);
        }
    }

    #[test]
    fn a_length_that_lies_is_an_error_at_once() {
        assert!(decode::<Vec<()>>(&mut &[0xff; 9][..]).is_err());
        assert!(decode::<String>(&mut &[0xff, 0xff, 0, 0, b'x'][..]).is_err());
    }

    #[test]
    fn a_value_nested_too_deep_is_refused_on_both_sides() {
        let deep = |depth| {
            (0..depth).fold(Shape::Nothing, |inner, left| Shape::Sides { left, right: Some(Box::new(inner)) })
        };
        assert!(matches!(encode(&deep(300), &mut Vec::new()), Err(EncodeError::TooDeep { .. })));
        let mut bytes = Vec::new();
        encode(&deep(1), &mut bytes).unwrap();
        let step = bytes[..9].repeat(300);
        assert!(decode::<Shape>(&mut &step[..]).is_err());
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Way {
        North(u8),
        #[serde(skip)]
        #[allow(dead_code, reason = "it is there to be skipped")]
        Nowhere(u8),
        South(u8),
        East(u8),
    }

    #[test]
    fn a_variant_that_is_skipped_does_not_make_others_of_those_behind_it() {
        for way in [Way::North(1), Way::South(2), Way::East(3)] {
            let mut bytes = Vec::new();
            encode(&way, &mut bytes).unwrap();
            assert_eq!(decode::<Way>(&mut &bytes[..]).unwrap(), way);
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Skips {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        seldom: Option<u8>,
        after: u8,
    }

    #[test]
    fn a_value_that_skips_a_field_is_not_written_in_the_short_form() {
        assert!(encode(&Skips { seldom: Some(1), after: 2 }, &mut Vec::new()).is_ok());
        let skipped = encode(&Skips { seldom: None, after: 2 }, &mut Vec::new());
        assert!(matches!(skipped, Err(EncodeError::NotPlain)));
    }
}
