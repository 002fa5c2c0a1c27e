//! Bytes to values.

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::super::error::{DecodeError, Reason};
use super::super::tag::{self, MAX_DEPTH};
use super::fingerprint;

/// What is left to read.
pub(super) struct Reader<'de> {
    pub(super) input: &'de [u8],
    pub(super) depth: u16,
}

impl<'de> Reader<'de> {
    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.input.split_first_chunk::<N>().ok_or_else(DecodeError::cut_short)?;
        self.input = rest;
        Ok(*taken)
    }

    /// A number of things that are at least a byte each.
    #[inline]
    fn length(&mut self) -> Result<usize, DecodeError> {
        let length = u32::from_le_bytes(self.fixed()?) as usize;
        if length <= self.input.len() { Ok(length) } else { Err(DecodeError::cut_short()) }
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'de [u8], DecodeError> {
        let length = self.length()?;
        tag::take_bytes(&mut self.input, length)
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::malformed("text that is not UTF-8"))
    }

    fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.fixed()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(DecodeError::malformed("neither true nor false")),
        }
    }

    fn nothing(&mut self) -> Result<(), DecodeError> {
        self.fixed::<1>().map(drop)
    }

    #[inline]
    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::new(Reason::TooDeep));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    #[inline]
    fn parts<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.deeper(|reader| {
            let mut parts = Parts { reader, left: count };
            let value = visitor.visit_seq(&mut parts)?;
            parts.finish()?;
            Ok(value)
        })
    }

    /// As [`Reader::parts`] for a number that is part of the type.
    #[inline]
    fn known<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, DecodeError> {
        if count == 0 {
            self.nothing()?;
        }
        self.parts(count, visitor)
    }
}

struct Parts<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl Parts<'_, '_> {
    fn finish(&self) -> Result<(), DecodeError> {
        if self.left == 0 { Ok(()) } else { Err(DecodeError::malformed("more parts than the type has")) }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Parts<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// An enum, with the names of the variants that the type can be read as.
struct Variants<'r, 'de> {
    reader: &'r mut Reader<'de>,
    names: &'static [&'static str],
}

impl<'r, 'de> EnumAccess<'de> for Variants<'r, 'de> {
    type Error = DecodeError;
    type Variant = &'r mut Reader<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), DecodeError> {
        let [a, b, c, d] = self.reader.fixed()?;
        let (index, print) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        let is_it = |name: &&str| fingerprint(name) == print;
        let place = match self.names.get(usize::from(index)).filter(|name| is_it(name)) {
            Some(_) => usize::from(index),
            // The sender counts variants that are never read.
            None => self
                .names
                .iter()
                .position(is_it)
                .ok_or_else(|| DecodeError::malformed("a variant that the type has not"))?,
        };
        let place: U32Deserializer<DecodeError> =
            u32::try_from(place).unwrap_or(u32::MAX).into_deserializer();
        Ok((seed.deserialize(place)?, self.reader))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, DecodeError> {
        self.deeper(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.known(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.known(fields.len(), visitor)
    }
}

macro_rules! numbers {
    ($($method:ident => $visit:ident: $number:ty),*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit(<$number>::from_le_bytes(self.fixed()?))
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        deserialize_u8 => visit_u8: u8, deserialize_u16 => visit_u16: u16, deserialize_u32 => visit_u32: u32,
        deserialize_u64 => visit_u64: u64, deserialize_u128 => visit_u128: u128, deserialize_i8 => visit_i8: i8,
        deserialize_i16 => visit_i16: i16, deserialize_i32 => visit_i32: i32, deserialize_i64 => visit_i64: i64,
        deserialize_i128 => visit_i128: i128, deserialize_f32 => visit_f32: f32, deserialize_f64 => visit_f64: f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
        Err(DecodeError::malformed("a value of a type that asks what comes, which is not said here"))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_bool(self.flag()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let letter = char::from_u32(u32::from_le_bytes(self.fixed()?));
        visitor.visit_char(letter.ok_or_else(|| DecodeError::malformed("a number that is no character"))?)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.flag()? { self.deeper(|reader| visitor.visit_some(reader)) } else { visitor.visit_none() }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.nothing()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deeper(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let count = self.length()?;
        self.parts(count, visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.known(count, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.known(count, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let count = self.length()?;
        self.deeper(|reader| {
            let mut parts = Parts { reader, left: count };
            let value = visitor.visit_map(&mut parts)?;
            parts.finish()?;
            Ok(value)
        })
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.known(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deeper(|reader| visitor.visit_enum(Variants { reader, names }))
    }
}
