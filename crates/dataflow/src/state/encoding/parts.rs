//! Values made of parts: lists, maps, tuples, structs.
//!
//! Answers for counts and shapes that are only known when the last part has been written. A struct is written under the
//! shape its type had the last time; where the fields turn out differently, the header is put right afterwards.
//! Holds: the count and the shape in the bytes are those of the parts that were written, whatever was announced.

use serde::Serialize;
use serde::ser;

use super::encoder::Writer;
use super::error::EncodeError;
use super::shape::{Shape, ShapeKind};
use super::tag;

/// A list or a map: its count stands before it and may be unknown at first.
pub(super) struct CountedParts<'w, 'a> {
    writer: &'w mut Writer<'a>,
    count_at: usize,
    announced: usize,
    written: usize,
}

impl<'w, 'a> CountedParts<'w, 'a> {
    pub(super) fn new(
        writer: &'w mut Writer<'a>,
        tag: u8,
        length: Option<usize>,
    ) -> Result<Self, EncodeError> {
        writer.deeper()?;
        writer.out.push(tag);
        let (count_at, announced) = (writer.out.len(), length.unwrap_or(0));
        tag::put_varint(writer.out, announced as u64);
        Ok(Self { writer, count_at, announced, written: 0 })
    }

    fn finish(self) -> Result<(), EncodeError> {
        if self.written != self.announced {
            let (mut before, mut count) = (Vec::new(), Vec::new());
            tag::put_varint(&mut before, self.announced as u64);
            tag::put_varint(&mut count, self.written as u64);
            self.writer.out.splice(self.count_at..self.count_at + before.len(), count);
        }
        self.writer.shallower();
        Ok(())
    }
}

impl ser::SerializeSeq for CountedParts<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.written += 1;
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}

impl ser::SerializeMap for CountedParts<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.written += 1;
        key.serialize(&mut *self.writer)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}

/// A tuple, tuple struct or tuple variant: its count is part of its type.
pub(super) struct PlainParts<'w, 'a> {
    writer: &'w mut Writer<'a>,
    left: usize,
}

impl<'w, 'a> PlainParts<'w, 'a> {
    pub(super) fn new(writer: &'w mut Writer<'a>, length: usize) -> Result<Self, EncodeError> {
        writer.deeper()?;
        Ok(Self { writer, left: length })
    }

    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.left = self.left.checked_sub(1).ok_or_else(Self::wrong_count)?;
        value.serialize(&mut *self.writer)
    }

    fn finish(self) -> Result<(), EncodeError> {
        self.writer.shallower();
        if self.left == 0 { Ok(()) } else { Err(Self::wrong_count()) }
    }

    fn wrong_count() -> EncodeError {
        EncodeError::Custom("a tuple did not write as many parts as it announced".to_owned())
    }
}

macro_rules! plain_parts {
    ($($trait:ident :: $method:ident),*) => {$(
        impl ser::$trait for PlainParts<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.part(value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

plain_parts!(
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// A struct or struct variant: its fields' names come one by one.
pub(super) struct ShapedParts<'w, 'a> {
    writer: &'w mut Writer<'a>,
    kind: ShapeKind,
    name: &'static str,
    variant: &'static str,
    start: usize,
    body: usize,
    written: usize,
    /// How many shapes the stream had defined before this value.
    known: usize,
    fields: Fields,
}

/// Which fields have been written.
enum Fields {
    /// The first ones of the shape with this number.
    AsIn(usize),
    /// These.
    Listed(Vec<&'static str>),
}

impl<'w, 'a> ShapedParts<'w, 'a> {
    pub(super) fn new(
        writer: &'w mut Writer<'a>,
        kind: ShapeKind,
        name: &'static str,
        variant: &'static str,
        start: usize,
        guess: Option<usize>,
    ) -> Self {
        let body = writer.out.len();
        let fields = guess.map_or_else(|| Fields::Listed(Vec::new()), Fields::AsIn);
        let known = writer.shapes_defined();
        Self { writer, kind, name, variant, start, body, written: 0, known, fields }
    }

    fn part<T: Serialize + ?Sized>(&mut self, field: &'static str, value: &T) -> Result<(), EncodeError> {
        if let Fields::AsIn(id) = self.fields {
            let known = self.writer.shape(id).map_or(&[][..], |shape| &shape.fields);
            if known.get(self.written).is_none_or(|name| *name != field) {
                self.fields = Fields::Listed(known.iter().take(self.written).copied().collect());
            }
        }
        if let Fields::Listed(names) = &mut self.fields {
            names.push(field);
        }
        self.written += 1;
        value.serialize(&mut *self.writer)
    }

    fn finish(self) -> Result<(), EncodeError> {
        let fields = match self.fields {
            Fields::AsIn(id) => {
                let known = self.writer.shape(id).map_or(&[][..], |shape| &shape.fields);
                (known.len() != self.written).then(|| known.iter().take(self.written).copied().collect())
            }
            Fields::Listed(names) => Some(names),
        };
        if let Some(fields) = fields {
            let Self { kind, name, variant, written: arity, .. } = self;
            let header = self.writer.header_for(Shape { kind, name, variant, arity, fields }, self.known)?;
            self.writer.out.splice(self.start..self.body, header);
        }
        self.writer.shallower();
        Ok(())
    }
}

macro_rules! shaped_parts {
    ($($trait:ident),*) => {$(
        impl ser::$trait for ShapedParts<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                field: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.part(field, value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

shaped_parts!(SerializeStruct, SerializeStructVariant);
