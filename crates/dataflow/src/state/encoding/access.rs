//! The parts of lists, maps, structs and variants, handed to the program's type one by one.
//!
//! Answers for the steps of an error's path, and for refusing fields that the program's type has not.
//! Holds: what a value has is read to its end, or it is an error.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Visitor};

use super::decoder::Reader;
use super::error::{DecodeError, Reason, Step};
use super::shape::ShapeKind;

fn left_over(left: usize) -> Result<(), DecodeError> {
    if left == 0 { Ok(()) } else { Err(DecodeError::malformed("more parts than the program's type took")) }
}

/// What parts that come one after the other are called in an error's path.
#[derive(Clone, Copy)]
pub(super) enum PartNames {
    /// By their numbers.
    Numbered(fn(usize) -> Step),
    /// By the fields of the struct of this shape.
    FieldsOf(usize),
}

/// The parts of a list or tuple, or of a struct that has exactly the program's fields in its order.
pub(super) struct SeqAccess<'r, 'a, 'de> {
    reader: &'r mut Reader<'a, 'de>,
    next: usize,
    count: usize,
    names: PartNames,
}

impl<'r, 'a, 'de> SeqAccess<'r, 'a, 'de> {
    pub(super) fn new(reader: &'r mut Reader<'a, 'de>, count: usize, names: PartNames) -> Self {
        Self { reader, next: 0, count, names }
    }

    pub(super) fn finish(self) -> Result<(), DecodeError> {
        left_over(self.count - self.next)
    }

    #[cold]
    fn step(&self, index: usize) -> Step {
        match self.names {
            PartNames::Numbered(step) => step(index),
            PartNames::FieldsOf(id) => field_step(self.reader, id, index),
        }
    }
}

impl<'de> de::SeqAccess<'de> for SeqAccess<'_, '_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        if self.next == self.count {
            return Ok(None);
        }
        let index = self.next;
        self.next += 1;
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.within(self.step(index))),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.count - self.next)
    }
}

#[cold]
fn field_step(reader: &Reader<'_, '_>, id: usize, index: usize) -> Step {
    match reader.shape(id).and_then(|shape| shape.fields.get(index)) {
        Some(name) => Step::Field(name.clone()),
        None => Step::Position(index),
    }
}

/// The program's struct: its name and its fields.
type InProgram = (&'static str, &'static [&'static str]);

/// The fields of a struct by name.
pub(super) struct StructAccess<'r, 'a, 'de> {
    reader: &'r mut Reader<'a, 'de>,
    id: usize,
    next: usize,
    count: usize,
    in_program: Option<InProgram>,
}

impl<'r, 'a, 'de> StructAccess<'r, 'a, 'de> {
    pub(super) fn new(reader: &'r mut Reader<'a, 'de>, id: usize, in_program: Option<InProgram>) -> Self {
        let count = reader.shape(id).map_or(0, |shape| shape.fields.len());
        Self { reader, id, next: 0, count, in_program }
    }

    pub(super) fn finish(self) -> Result<(), DecodeError> {
        left_over(self.count - self.next)
    }
}

impl<'de> de::MapAccess<'de> for StructAccess<'_, '_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        if self.next == self.count {
            return Ok(None);
        }
        let Some(field) = self.reader.shape(self.id).and_then(|shape| shape.fields.get(self.next)) else {
            return Ok(None);
        };
        if let Some((name, fields)) = self.in_program
            && !fields.contains(&&**field)
        {
            let (field, in_checkpoint) = (field.clone(), self.reader.description());
            return Err(DecodeError::new(Reason::FieldRemoved {
                field: field.clone(),
                in_checkpoint,
                name,
                fields,
            })
            .within(Step::Field(field)));
        }
        seed.deserialize(StrDeserializer::new(field)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, DecodeError> {
        let index = self.next;
        self.next += 1;
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => Ok(value),
            Err(error) => Err(error.within(field_step(self.reader, self.id, index))),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.count - self.next)
    }
}

/// The entries of a map.
pub(super) struct MapAccess<'r, 'a, 'de> {
    reader: &'r mut Reader<'a, 'de>,
    next: usize,
    count: usize,
}

impl<'r, 'a, 'de> MapAccess<'r, 'a, 'de> {
    pub(super) fn new(reader: &'r mut Reader<'a, 'de>, count: usize) -> Self {
        Self { reader, next: 0, count }
    }

    pub(super) fn finish(self) -> Result<(), DecodeError> {
        left_over(self.count - self.next)
    }
}

impl<'de> de::MapAccess<'de> for MapAccess<'_, '_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        if self.next == self.count {
            return Ok(None);
        }
        let index = self.next;
        seed.deserialize(&mut *self.reader).map(Some).map_err(|error| error.within(Step::Key(index)))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, DecodeError> {
        let index = self.next;
        self.next += 1;
        seed.deserialize(&mut *self.reader).map_err(|error| error.within(Step::Value(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.count - self.next)
    }
}

/// A variant: first its name, then what it holds.
pub(super) struct EnumAccess<'r, 'a, 'de> {
    reader: &'r mut Reader<'a, 'de>,
    id: usize,
    name: &'static str,
}

impl<'r, 'a, 'de> EnumAccess<'r, 'a, 'de> {
    pub(super) fn new(reader: &'r mut Reader<'a, 'de>, id: usize, name: &'static str) -> Self {
        Self { reader, id, name }
    }

    fn expect(&self, kind: ShapeKind, arity: Option<usize>, in_program: &str) -> Result<(), DecodeError> {
        let Some(shape) = self.reader.shape(self.id) else {
            return Err(DecodeError::malformed("the number of a shape that was not defined"));
        };
        if shape.kind == kind && arity.is_none_or(|arity| shape.arity == arity) {
            return Ok(());
        }
        let in_checkpoint = format!("variant {shape}");
        let in_program = format!("variant {}::{}{in_program}", self.name, shape.variant);
        Err(DecodeError::new(Reason::Type { in_checkpoint, in_program }))
    }

    fn step(&self) -> Step {
        Step::Field(self.reader.shape(self.id).map(|shape| shape.variant.clone()).unwrap_or_default())
    }
}

impl<'de> de::EnumAccess<'de> for EnumAccess<'_, '_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), DecodeError> {
        let variant = self.reader.shape(self.id).map_or("", |shape| &shape.variant);
        let value = seed.deserialize(StrDeserializer::<DecodeError>::new(variant))?;
        Ok((value, self))
    }
}

impl<'de> de::VariantAccess<'de> for EnumAccess<'_, '_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        self.expect(ShapeKind::UnitVariant, None, "")
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        self.expect(ShapeKind::NewtypeVariant, None, "(_)")?;
        match self.reader.deeper(|reader| seed.deserialize(reader)) {
            Ok(value) => Ok(value),
            Err(error) => Err(error.within(self.step())),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.expect(ShapeKind::TupleVariant, Some(length), &format!(" of {length} parts"))?;
        match self.reader.sequence(length, Step::Position, visitor) {
            Ok(value) => Ok(value),
            Err(error) => Err(error.within(self.step())),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.expect(ShapeKind::StructVariant, None, &super::shape::braced(fields))?;
        match self.reader.named_fields(self.id, self.name, fields, visitor) {
            Ok(value) => Ok(value),
            Err(error) => Err(error.within(self.step())),
        }
    }
}
