//! Values to bytes.
//!
//! Answers for the dictionary of the stream and for every value that is not made of parts; those are in `parts`.
//! Holds: the same values in the same order give the same bytes; after an error the output and the dictionary are as
//! they were before the value.

use std::fmt;

use serde::Serialize;
use serde::ser::Serializer;

use super::error::EncodeError;
use super::parts::{CountedParts, PlainParts, ShapedParts};
use super::shape::{Shape, ShapeKind};
use super::tag;

/// Writes the values of one stream, and remembers which shapes the stream has already defined.
///
/// ```
/// use millstream_dataflow::state::encoding::{Decoder, Encoder};
/// let mut bytes = Vec::new();
/// let mut encoder = Encoder::new();
/// encoder.encode(&("MIA", 3u64), &mut bytes).unwrap();
/// encoder.encode(&("JFK", 4u64), &mut bytes).unwrap();
///
/// let (mut decoder, mut input) = (Decoder::new(), bytes.as_slice());
/// let first: (&str, u64) = decoder.decode(&mut input).unwrap();
/// let second: (&str, u64) = decoder.decode(&mut input).unwrap();
/// assert_eq!((first, second, input.len()), (("MIA", 3), ("JFK", 4), 0));
/// ```
#[derive(Debug, Default)]
pub struct Encoder {
    shapes: Vec<Shape<&'static str>>,
}

impl Encoder {
    /// An encoder for a new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `value` to `out`, with the definitions of the shapes that are new to the stream.
    ///
    /// # Errors
    /// Where the value is nested too deep, has too many shapes, or its own `Serialize` fails; `out` is as before then.
    pub fn encode<T: Serialize + ?Sized>(&mut self, value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (length, shapes) = (out.len(), self.shapes.len());
        let result = value.serialize(&mut Writer { encoder: self, out, depth: 0 });
        if result.is_err() {
            out.truncate(length);
            self.shapes.truncate(shapes);
        }
        result
    }

    /// Forgets the dictionary: what follows is a new stream.
    pub fn restart(&mut self) {
        self.shapes.clear();
    }

    /// The shapes defined so far, readable: `Delay {sum, count}`.
    pub fn shapes(&self) -> impl Iterator<Item = String> {
        self.shapes.iter().map(Shape::to_string)
    }

    /// The latest shape that agrees in all but the fields' names.
    fn guess(&self, kind: ShapeKind, name: &str, variant: &str, arity: usize) -> Option<usize> {
        let fits = |shape: &Shape<&'static str>| {
            shape.kind == kind && shape.arity == arity && shape.name == name && shape.variant == variant
        };
        self.shapes.iter().rposition(fits)
    }
}

/// One value on its way into `out`.
pub(super) struct Writer<'a> {
    encoder: &'a mut Encoder,
    pub(super) out: &'a mut Vec<u8>,
    depth: u16,
}

impl<'a> Writer<'a> {
    pub(super) fn deeper(&mut self) -> Result<(), EncodeError> {
        self.depth += 1;
        if self.depth > tag::MAX_DEPTH {
            return Err(EncodeError::TooDeep { limit: tag::MAX_DEPTH });
        }
        Ok(())
    }

    pub(super) fn shallower(&mut self) {
        self.depth -= 1;
    }

    fn number(&mut self, tag: u8, value: u64) {
        self.out.push(tag);
        tag::put_varint(self.out, value);
    }

    fn raw(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        self.out.extend_from_slice(bytes);
    }

    fn sized(&mut self, tag: u8, bytes: &[u8]) {
        self.number(tag, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// The header of a value whose shape is known in full before its parts are.
    fn nameless(&mut self, shape: Shape<&'static str>) -> Result<(), EncodeError> {
        match self.encoder.guess(shape.kind, shape.name, shape.variant, shape.arity) {
            Some(id) => self.number(tag::SHAPE, id as u64),
            None => {
                let id = self.define(shape)?;
                let header = self.header(id, true);
                self.out.extend_from_slice(&header);
            }
        }
        Ok(())
    }

    fn define(&mut self, shape: Shape<&'static str>) -> Result<usize, EncodeError> {
        if self.encoder.shapes.len() == tag::MAX_SHAPES {
            return Err(EncodeError::TooManyShapes { limit: tag::MAX_SHAPES });
        }
        self.encoder.shapes.push(shape);
        Ok(self.encoder.shapes.len() - 1)
    }

    /// The header for `shape`, to stand where the stream had defined the first `known` shapes.
    ///
    /// A shape that was defined later than that, within a value of the same type, is defined once more.
    pub(super) fn header_for(
        &mut self,
        shape: Shape<&'static str>,
        known: usize,
    ) -> Result<Vec<u8>, EncodeError> {
        match self.encoder.shapes.iter().position(|other| *other == shape) {
            Some(id) => Ok(self.header(id, id >= known)),
            None => {
                let id = self.define(shape)?;
                Ok(self.header(id, true))
            }
        }
    }

    fn header(&self, id: usize, define: bool) -> Vec<u8> {
        let mut header = vec![if define { tag::DEFINE } else { tag::SHAPE }];
        tag::put_varint(&mut header, id as u64);
        if define && let Some(shape) = self.encoder.shapes.get(id) {
            shape.write(&mut header);
        }
        header
    }

    pub(super) fn shapes_defined(&self) -> usize {
        self.encoder.shapes.len()
    }

    pub(super) fn shape(&self, id: usize) -> Option<&Shape<&'static str>> {
        self.encoder.shapes.get(id)
    }

    fn named<'w>(
        &'w mut self,
        kind: ShapeKind,
        name: &'static str,
        variant: &'static str,
        arity: usize,
    ) -> Result<ShapedParts<'w, 'a>, EncodeError> {
        self.deeper()?;
        let start = self.out.len();
        let guess = self.encoder.guess(kind, name, variant, arity);
        if let Some(id) = guess {
            self.number(tag::SHAPE, id as u64);
        }
        Ok(ShapedParts::new(self, kind, name, variant, start, guess))
    }
}

fn nameless(kind: ShapeKind, name: &'static str, variant: &'static str, arity: usize) -> Shape<&'static str> {
    Shape { kind, name, variant, arity, fields: Vec::new() }
}

impl<'w, 'a> Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = CountedParts<'w, 'a>;
    type SerializeTuple = PlainParts<'w, 'a>;
    type SerializeTupleStruct = PlainParts<'w, 'a>;
    type SerializeTupleVariant = PlainParts<'w, 'a>;
    type SerializeMap = CountedParts<'w, 'a>;
    type SerializeStruct = ShapedParts<'w, 'a>;
    type SerializeStructVariant = ShapedParts<'w, 'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.out.push(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), EncodeError> {
        self.raw(tag::I8, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_i16(self, value: i16) -> Result<(), EncodeError> {
        self.number(tag::I16, tag::zigzag(value.into()));
        Ok(())
    }

    fn serialize_i32(self, value: i32) -> Result<(), EncodeError> {
        self.number(tag::I32, tag::zigzag(value.into()));
        Ok(())
    }

    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        self.number(tag::I64, tag::zigzag(value));
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        self.raw(tag::I128, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), EncodeError> {
        self.raw(tag::U8, &[value]);
        Ok(())
    }

    fn serialize_u16(self, value: u16) -> Result<(), EncodeError> {
        self.number(tag::U16, value.into());
        Ok(())
    }

    fn serialize_u32(self, value: u32) -> Result<(), EncodeError> {
        self.number(tag::U32, value.into());
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), EncodeError> {
        self.number(tag::U64, value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        self.raw(tag::U128, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        self.raw(tag::F32, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        self.raw(tag::F64, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.number(tag::CHAR, u32::from(value).into());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.sized(tag::STR, value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.sized(tag::BYTES, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.out.push(tag::NONE);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.out.push(tag::SOME);
        self.deeper()?;
        value.serialize(&mut *self)?;
        self.shallower();
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.out.push(tag::UNIT);
        Ok(())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), EncodeError> {
        self.nameless(nameless(ShapeKind::UnitStruct, name, "", 0))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.nameless(nameless(ShapeKind::UnitVariant, name, variant, 0))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.nameless(nameless(ShapeKind::NewtypeStruct, name, "", 1))?;
        self.deeper()?;
        value.serialize(&mut *self)?;
        self.shallower();
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.nameless(nameless(ShapeKind::NewtypeVariant, name, variant, 1))?;
        self.deeper()?;
        value.serialize(&mut *self)?;
        self.shallower();
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
        CountedParts::new(self, tag::SEQ, length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, EncodeError> {
        self.number(tag::TUPLE, length as u64);
        PlainParts::new(self, length)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        self.nameless(nameless(ShapeKind::TupleStruct, name, "", length))?;
        PlainParts::new(self, length)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        self.nameless(nameless(ShapeKind::TupleVariant, name, variant, length))?;
        PlainParts::new(self, length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
        CountedParts::new(self, tag::MAP, length)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, EncodeError> {
        self.named(ShapeKind::Struct, name, "", length)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        self.named(ShapeKind::StructVariant, name, variant, length)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.serialize_str(&value.to_string())
    }
}
