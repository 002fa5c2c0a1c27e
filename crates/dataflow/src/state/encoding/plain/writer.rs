//! Values to bytes: numbers as they are in memory, the least byte first; lengths and variants in four bytes.

use serde::ser::{self, Serialize, Serializer};

use super::super::error::EncodeError;
use super::super::tag::MAX_DEPTH;
use super::fingerprint;

/// What stands for a value that has no parts.
const NOTHING: u8 = 0;

/// One value on its way into `out`.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) depth: u16,
}

impl Writer<'_> {
    fn deeper(&mut self) -> Result<(), EncodeError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(EncodeError::TooDeep { limit: MAX_DEPTH }) } else { Ok(()) }
    }

    fn length(&mut self, length: usize) -> Result<(), EncodeError> {
        let length = u32::try_from(length).map_err(|_| EncodeError::NotPlain)?;
        self.out.extend_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// Which variant: its number, and what its name amounts to, for `#[serde(skip)]` makes the two sides count differently.
    fn variant(&mut self, index: u32, name: &str) -> Result<(), EncodeError> {
        let index = u16::try_from(index).map_err(|_| EncodeError::NotPlain)?;
        self.out.extend_from_slice(&index.to_le_bytes());
        self.out.extend_from_slice(&fingerprint(name).to_le_bytes());
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.length(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn within<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.deeper()?;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        Ok(())
    }
}

/// The parts of a value. Where their number is not part of the type, it stands in front of them.
pub(super) struct Parts<'w, 'a> {
    writer: &'w mut Writer<'a>,
    count_at: Option<usize>,
    count: usize,
}

impl<'w, 'a> Parts<'w, 'a> {
    fn counted(writer: &'w mut Writer<'a>, announced: Option<usize>) -> Result<Self, EncodeError> {
        writer.deeper()?;
        let count_at = Some(writer.out.len());
        writer.length(announced.unwrap_or(0))?;
        Ok(Self { writer, count_at, count: 0 })
    }

    #[inline]
    fn known(writer: &'w mut Writer<'a>, count: usize) -> Result<Self, EncodeError> {
        writer.deeper()?;
        if count == 0 {
            writer.out.push(NOTHING);
        }
        Ok(Self { writer, count_at: None, count })
    }

    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        // A tuple or struct that writes more than it announced could not be read back.
        match self.count_at {
            Some(_) => self.count += 1,
            None => self.count = self.count.checked_sub(1).ok_or(EncodeError::NotPlain)?,
        }
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn finish(self) -> Result<(), EncodeError> {
        self.writer.depth -= 1;
        match self.count_at {
            Some(at) => {
                let count = u32::try_from(self.count).map_err(|_| EncodeError::NotPlain)?;
                if let Some(place) = self.writer.out.get_mut(at..at + 4) {
                    place.copy_from_slice(&count.to_le_bytes());
                }
                Ok(())
            }
            None if self.count == 0 => Ok(()),
            None => Err(EncodeError::NotPlain),
        }
    }
}

macro_rules! parts {
    ($($trait:ident :: $method:ident ($($key:ty)?);)*) => {$(
        impl ser::$trait for Parts<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $key,)? value: &T) -> Result<(), EncodeError> {
                self.part(value)
            }

            $(fn skip_field(&mut self, _: $key) -> Result<(), EncodeError> {
                Err(EncodeError::NotPlain)
            })?

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

parts! {
    SerializeSeq::serialize_element();
    SerializeTuple::serialize_element();
    SerializeTupleStruct::serialize_field();
    SerializeTupleVariant::serialize_field();
    SerializeStruct::serialize_field(&'static str);
    SerializeStructVariant::serialize_field(&'static str);
}

impl ser::SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.part(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}

macro_rules! numbers {
    ($($method:ident: $number:ty),*) => {$(
        #[inline]
        fn $method(self, value: $number) -> Result<(), EncodeError> {
            self.out.extend_from_slice(&value.to_le_bytes());
            Ok(())
        }
    )*};
}

impl<'w, 'a> Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Parts<'w, 'a>;
    type SerializeTuple = Parts<'w, 'a>;
    type SerializeTupleStruct = Parts<'w, 'a>;
    type SerializeTupleVariant = Parts<'w, 'a>;
    type SerializeMap = Parts<'w, 'a>;
    type SerializeStruct = Parts<'w, 'a>;
    type SerializeStructVariant = Parts<'w, 'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_f32: f32, serialize_f64: f64
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.out.push(u8::from(value));
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_u32(value.into())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.bytes(value)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_bool(false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.out.push(1);
        self.within(value)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.out.push(NOTHING);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
    ) -> Result<(), EncodeError> {
        self.variant(index, name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.within(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.variant(index, name)?;
        self.within(value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Parts<'w, 'a>, EncodeError> {
        Parts::counted(self, length)
    }

    #[inline]
    fn serialize_tuple(self, length: usize) -> Result<Parts<'w, 'a>, EncodeError> {
        Parts::known(self, length)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Parts<'w, 'a>, EncodeError> {
        Parts::known(self, length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Parts<'w, 'a>, EncodeError> {
        self.variant(index, name)?;
        Parts::known(self, length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Parts<'w, 'a>, EncodeError> {
        Parts::counted(self, length)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Parts<'w, 'a>, EncodeError> {
        Parts::known(self, length)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Parts<'w, 'a>, EncodeError> {
        self.variant(index, name)?;
        Parts::known(self, length)
    }
}
