//! Bytes to values.
//!
//! Answers for the dictionary of the stream and for every value that is not made of parts; those are in `access`.
//! Holds: any bytes give a value or an error, never a panic; a value is only read as the exact type it was written as.

use serde::de::{Deserialize, Deserializer, Visitor};

use super::access::{EnumAccess, MapAccess, PartNames, SeqAccess, StructAccess};
use super::describe::describe;
use super::error::{DecodeError, Reason, Step};
use super::shape::{Shape, ShapeKind, braced};
use super::tag;

/// Reads the values of one stream, and remembers the shapes the stream has defined.
#[derive(Debug, Default)]
pub struct Decoder {
    shapes: Vec<Option<Shape<Box<str>>>>,
    /// By shape: where the field list of the program's type lies that was last found equal to the shape's.
    equal_to: Vec<usize>,
}

impl Decoder {
    /// A decoder for a new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a value off the front of `input`.
    ///
    /// # Errors
    /// Where the bytes are broken, or of another type than `T` in anything but new `Option` or `#[serde(default)]`
    /// fields. The stream cannot be read on after an error.
    pub fn decode<'de, T: Deserialize<'de>>(&mut self, input: &mut &'de [u8]) -> Result<T, DecodeError> {
        let mut reader = Reader { decoder: self, input, depth: 0 };
        let value = T::deserialize(&mut reader)?;
        *input = reader.input;
        Ok(value)
    }
}

/// What is left to read of one value.
pub(super) struct Reader<'a, 'de> {
    decoder: &'a mut Decoder,
    pub(super) input: &'de [u8],
    depth: u16,
}

impl<'a, 'de> Reader<'a, 'de> {
    /// The error of finding something else than the program expects at this place.
    #[cold]
    pub(super) fn mismatch(&self, in_program: impl Into<String>) -> DecodeError {
        match describe(self.input, &self.decoder.shapes) {
            Some(in_checkpoint) => {
                DecodeError::new(Reason::Type { in_checkpoint, in_program: in_program.into() })
            }
            None => DecodeError::cut_short(),
        }
    }

    /// What lies at this place, readable.
    #[cold]
    pub(super) fn description(&self) -> String {
        describe(self.input, &self.decoder.shapes).unwrap_or_else(|| "cut short".to_owned())
    }

    #[inline]
    fn expect(&mut self, tag: u8, in_program: &str) -> Result<(), DecodeError> {
        match self.input {
            [first, rest @ ..] if *first == tag => {
                self.input = rest;
                Ok(())
            }
            _ => Err(self.mismatch(in_program)),
        }
    }

    #[inline]
    fn unsigned<T: TryFrom<u64>>(&mut self, tag: u8, in_program: &str) -> Result<T, DecodeError> {
        self.expect(tag, in_program)?;
        let value = tag::take_varint(&mut self.input)?;
        T::try_from(value).map_err(|_| DecodeError::malformed("a number too large for its type"))
    }

    #[inline]
    fn signed<T: TryFrom<i64>>(&mut self, tag: u8, in_program: &str) -> Result<T, DecodeError> {
        self.expect(tag, in_program)?;
        let value = tag::unzigzag(tag::take_varint(&mut self.input)?);
        T::try_from(value).map_err(|_| DecodeError::malformed("a number too large for its type"))
    }

    #[inline]
    fn fixed<const N: usize>(&mut self, tag: u8, in_program: &str) -> Result<[u8; N], DecodeError> {
        self.expect(tag, in_program)?;
        let (taken, rest) = self.input.split_first_chunk::<N>().ok_or_else(DecodeError::cut_short)?;
        self.input = rest;
        Ok(*taken)
    }

    fn text(&mut self, in_program: &str) -> Result<&'de str, DecodeError> {
        self.expect(tag::STR, in_program)?;
        tag::take_str(&mut self.input)
    }

    fn bytes(&mut self) -> Result<&'de [u8], DecodeError> {
        self.expect(tag::BYTES, "bytes")?;
        let length = tag::take_length(&mut self.input, 1)?;
        tag::take_bytes(&mut self.input, length)
    }

    fn character(&mut self) -> Result<char, DecodeError> {
        let number: u32 = self.unsigned(tag::CHAR, "char")?;
        char::from_u32(number).ok_or_else(|| DecodeError::malformed("a number that is no character"))
    }

    /// Runs `read` one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth == tag::MAX_DEPTH {
            return Err(DecodeError::new(Reason::TooDeep));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Takes the header of a value that has a shape; gives the shape's number.
    fn shape_id(&mut self, in_program: impl FnOnce() -> String) -> Result<usize, DecodeError> {
        match self.input.first() {
            Some(&tag::SHAPE) => {
                self.input = &self.input[1..];
                let id = tag::take_varint(&mut self.input)? as usize;
                match self.decoder.shapes.get(id) {
                    Some(Some(_)) => Ok(id),
                    _ => Err(DecodeError::malformed("the number of a shape that was not defined")),
                }
            }
            Some(&tag::DEFINE) => {
                self.input = &self.input[1..];
                let id = tag::take_varint(&mut self.input)? as usize;
                if id >= tag::MAX_SHAPES {
                    return Err(DecodeError::malformed("more shapes than a stream may define"));
                }
                let shape = Shape::read(&mut self.input)?;
                if id >= self.decoder.shapes.len() {
                    self.decoder.shapes.resize_with(id + 1, || None);
                    self.decoder.equal_to.resize(id + 1, 0);
                }
                self.decoder.shapes[id] = Some(shape);
                self.decoder.equal_to[id] = 0;
                Ok(id)
            }
            _ => Err(self.mismatch(in_program())),
        }
    }

    /// As [`Reader::shape_id`] for one kind only; where it is another, nothing is taken.
    fn shape_of(
        &mut self,
        kind: ShapeKind,
        arity: Option<usize>,
        in_program: impl Fn() -> String,
    ) -> Result<usize, DecodeError> {
        let before = self.input;
        let id = self.shape_id(&in_program)?;
        let fits =
            |shape: &Shape<Box<str>>| shape.kind == kind && arity.is_none_or(|arity| shape.arity == arity);
        if self.shape(id).is_some_and(fits) {
            return Ok(id);
        }
        self.input = before;
        Err(self.mismatch(in_program()))
    }

    #[inline]
    pub(super) fn shape(&self, id: usize) -> Option<&Shape<Box<str>>> {
        self.decoder.shapes.get(id).and_then(Option::as_ref)
    }

    /// Whether the shape's fields are the program's, in the program's order.
    #[inline]
    fn same_fields(&mut self, id: usize, fields: &'static [&'static str]) -> bool {
        // An empty list has no address of its own, so only lists with fields are remembered.
        let address = if fields.is_empty() { 0 } else { fields.as_ptr() as usize };
        if address != 0 && self.decoder.equal_to.get(id) == Some(&address) {
            return self.shape(id).is_some_and(|shape| shape.arity == fields.len());
        }
        let same = self.shape(id).is_some_and(|shape| {
            shape.fields.len() == fields.len() && shape.fields.iter().zip(fields).all(|(a, b)| **a == **b)
        });
        if same && let Some(equal_to) = self.decoder.equal_to.get_mut(id) {
            *equal_to = address;
        }
        same
    }

    /// Reads the fields of shape `id` as the program's struct (or struct variant) of this name and these fields.
    pub(super) fn named_fields<V: Visitor<'de>>(
        &mut self,
        id: usize,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if self.same_fields(id, fields) {
            return self.parts(fields.len(), PartNames::FieldsOf(id), visitor);
        }
        let result = self.deeper(|reader| {
            let mut map = StructAccess::new(reader, id, Some((name, fields)));
            let value = visitor.visit_map(&mut map)?;
            map.finish()?;
            Ok(value)
        });
        result.map_err(|error| {
            error.in_struct(name, || self.shape(id).map(Shape::to_string).unwrap_or_default())
        })
    }

    pub(super) fn sequence<V: Visitor<'de>>(
        &mut self,
        count: usize,
        step: fn(usize) -> Step,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.parts(count, PartNames::Numbered(step), visitor)
    }

    fn parts<V: Visitor<'de>>(
        &mut self,
        count: usize,
        names: PartNames,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deeper(|reader| {
            let mut sequence = SeqAccess::new(reader, count, names);
            let value = visitor.visit_seq(&mut sequence)?;
            sequence.finish()?;
            Ok(value)
        })
    }

    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, DecodeError> {
        self.expect(tag::SEQ, "list")?;
        let count = tag::take_length(&mut self.input, 1)?;
        self.sequence(count, Step::Index, visitor)
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, DecodeError> {
        self.expect(tag::MAP, "map")?;
        let count = tag::take_length(&mut self.input, 2)?;
        self.deeper(|reader| {
            let mut map = MapAccess::new(reader, count);
            let value = visitor.visit_map(&mut map)?;
            map.finish()?;
            Ok(value)
        })
    }

    fn any_shape<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, DecodeError> {
        let id = self.shape_id(String::new)?;
        let Some((kind, arity)) = self.shape(id).map(|shape| (shape.kind, shape.arity)) else {
            return Err(DecodeError::malformed("the number of a shape that was not defined"));
        };
        match kind {
            ShapeKind::UnitStruct => visitor.visit_unit(),
            ShapeKind::NewtypeStruct => self.deeper(|reader| visitor.visit_newtype_struct(reader)),
            ShapeKind::TupleStruct => self.sequence(arity, Step::Position, visitor),
            ShapeKind::Struct => self.deeper(|reader| {
                let mut map = StructAccess::new(reader, id, None);
                let value = visitor.visit_map(&mut map)?;
                map.finish()?;
                Ok(value)
            }),
            _ => visitor.visit_enum(EnumAccess::new(self, id, "")),
        }
    }
}

macro_rules! scalar {
    ($($method:ident => $visit:ident, $read:expr;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let read: fn(&mut Self) -> Result<_, DecodeError> = $read;
            let mut this = self;
            visitor.$visit(read(&mut this)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'_, 'de> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.input.first().copied().ok_or_else(DecodeError::cut_short)? {
            tag::UNIT => self.deserialize_unit(visitor),
            tag::NONE | tag::SOME => self.deserialize_option(visitor),
            tag::FALSE | tag::TRUE => self.deserialize_bool(visitor),
            tag::U8 => self.deserialize_u8(visitor),
            tag::U16 => self.deserialize_u16(visitor),
            tag::U32 => self.deserialize_u32(visitor),
            tag::U64 => self.deserialize_u64(visitor),
            tag::U128 => self.deserialize_u128(visitor),
            tag::I8 => self.deserialize_i8(visitor),
            tag::I16 => self.deserialize_i16(visitor),
            tag::I32 => self.deserialize_i32(visitor),
            tag::I64 => self.deserialize_i64(visitor),
            tag::I128 => self.deserialize_i128(visitor),
            tag::F32 => self.deserialize_f32(visitor),
            tag::F64 => self.deserialize_f64(visitor),
            tag::CHAR => self.deserialize_char(visitor),
            tag::STR => self.deserialize_str(visitor),
            tag::BYTES => self.deserialize_bytes(visitor),
            tag::SEQ => self.list(visitor),
            tag::TUPLE => {
                self.input = &self.input[1..];
                let count = tag::take_length(&mut self.input, 1)?;
                self.sequence(count, Step::Position, visitor)
            }
            tag::MAP => self.map(visitor),
            tag::SHAPE | tag::DEFINE => self.any_shape(visitor),
            _ => Err(DecodeError::malformed("a value of an unknown kind")),
        }
    }

    scalar! {
        deserialize_u8 => visit_u8, |r| r.fixed(tag::U8, "u8").map(u8::from_le_bytes);
        deserialize_u16 => visit_u16, |r| r.unsigned(tag::U16, "u16");
        deserialize_u32 => visit_u32, |r| r.unsigned(tag::U32, "u32");
        deserialize_u64 => visit_u64, |r| r.unsigned(tag::U64, "u64");
        deserialize_u128 => visit_u128, |r| r.fixed(tag::U128, "u128").map(u128::from_le_bytes);
        deserialize_i8 => visit_i8, |r| r.fixed(tag::I8, "i8").map(i8::from_le_bytes);
        deserialize_i16 => visit_i16, |r| r.signed(tag::I16, "i16");
        deserialize_i32 => visit_i32, |r| r.signed(tag::I32, "i32");
        deserialize_i64 => visit_i64, |r| r.signed(tag::I64, "i64");
        deserialize_i128 => visit_i128, |r| r.fixed(tag::I128, "i128").map(i128::from_le_bytes);
        deserialize_f32 => visit_f32, |r| r.fixed(tag::F32, "f32").map(f32::from_le_bytes);
        deserialize_f64 => visit_f64, |r| r.fixed(tag::F64, "f64").map(f64::from_le_bytes);
        deserialize_char => visit_char, |r| r.character();
        deserialize_str => visit_borrowed_str, |r| r.text("string");
        deserialize_string => visit_borrowed_str, |r| r.text("string");
        deserialize_identifier => visit_borrowed_str, |r| r.text("name");
        deserialize_bytes => visit_borrowed_bytes, |r| r.bytes();
        deserialize_byte_buf => visit_borrowed_bytes, |r| r.bytes();
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.input {
            [value @ (tag::FALSE | tag::TRUE), rest @ ..] => {
                self.input = rest;
                visitor.visit_bool(*value == tag::TRUE)
            }
            _ => Err(self.mismatch("bool")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.input {
            [tag::NONE, rest @ ..] => {
                self.input = rest;
                visitor.visit_none()
            }
            [tag::SOME, rest @ ..] => {
                self.input = rest;
                self.deeper(|reader| visitor.visit_some(reader))
            }
            _ => Err(self.mismatch("Option")),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.expect(tag::UNIT, "()")?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.shape_of(ShapeKind::UnitStruct, None, || format!("struct {name}"))?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.shape_of(ShapeKind::NewtypeStruct, None, || format!("struct {name}(_)"))?;
        self.deeper(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        let in_program = || format!("tuple of {length}");
        let before = self.input;
        let [tag::TUPLE, rest @ ..] = before else { return Err(self.mismatch(in_program())) };
        self.input = rest;
        if tag::take_length(&mut self.input, 1)? != length {
            self.input = before;
            return Err(self.mismatch(in_program()));
        }
        self.sequence(length, Step::Position, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let in_program = || format!("struct {name} of {length} parts");
        self.shape_of(ShapeKind::TupleStruct, Some(length), in_program)?;
        self.sequence(length, Step::Position, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let id = self.shape_of(ShapeKind::Struct, None, || format!("struct {name}{}", braced(fields)))?;
        self.named_fields(id, name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let in_program = || format!("enum {name}{}", braced(variants));
        let before = self.input;
        let id = self.shape_id(in_program)?;
        match self.shape(id) {
            Some(shape) if shape.kind.is_variant() => {
                if !variants.contains(&&*shape.variant) {
                    let variant = shape.variant.clone();
                    return Err(DecodeError::new(Reason::VariantMissing { variant, name, variants }));
                }
            }
            _ => {
                self.input = before;
                return Err(self.mismatch(in_program()));
            }
        }
        visitor.visit_enum(EnumAccess::new(self, id, name))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_any(visitor)
    }
}
