//! Whether a type is read by asking for one thing after the other.
//!
//! It is had read from nothing, with values made up as it asks for them, again and again until every variant of every enum
//! has been asked for. A type that asks what comes, or that does not take what it is given, is not plain.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::super::error::DecodeError;

/// How often a type is read at most: more variants than that are in no type.
const ROUNDS: usize = 512;
/// Beyond this depth lists are empty and options absent; what goes on even so is not plain.
const SHALLOW: usize = 12;
const DEEP: usize = 40;

/// Whether values of this type can be read without being told what they are.
pub(crate) fn is_plain<T: DeserializeOwned>() -> bool {
    let mut seen = Seen::default();
    for _ in 0..ROUNDS {
        seen.found_new = false;
        // Reading a record is user code.
        let read = catch_unwind(AssertUnwindSafe(|| T::deserialize(Probe { seen: &mut seen, depth: 0 })));
        if !matches!(read, Ok(Ok(_))) {
            return false;
        }
        if !seen.found_new {
            return true;
        }
    }
    false
}

/// The enums that were asked for, by the place of their variants' names: how many variants were given.
#[derive(Default)]
struct Seen {
    enums: HashMap<(usize, usize), u32>,
    /// Whether this round gave a variant that no other had given, or an enum has one that was not given yet.
    found_new: bool,
}

struct Probe<'p> {
    seen: &'p mut Seen,
    depth: usize,
}

fn not_plain() -> DecodeError {
    DecodeError::malformed("a type that asks what comes")
}

impl Probe<'_> {
    fn deeper(&mut self) -> Result<Probe<'_>, DecodeError> {
        if self.depth == DEEP {
            Err(not_plain())
        } else {
            Ok(Probe { seen: self.seen, depth: self.depth + 1 })
        }
    }

    fn parts<'de, V: Visitor<'de>>(mut self, count: usize, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Parts { probe: self.deeper()?, left: count })
    }

    fn some(&self) -> usize {
        usize::from(self.depth < SHALLOW)
    }
}

struct Parts<'p> {
    probe: Probe<'p>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.probe.deeper()?).map(Some)
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        seed.deserialize(self.probe.deeper()?)
    }
}

struct Variant<'p> {
    probe: Probe<'p>,
    index: u32,
}

impl<'de, 'p> EnumAccess<'de> for Variant<'p> {
    type Error = DecodeError;
    type Variant = Probe<'p>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Probe<'p>), DecodeError> {
        let index: U32Deserializer<DecodeError> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self.probe))
    }
}

impl<'de> VariantAccess<'de> for Probe<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(mut self, seed: S) -> Result<S::Value, DecodeError> {
        seed.deserialize(self.deeper()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.parts(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.parts(fields.len(), visitor)
    }
}

macro_rules! values {
    ($($method:ident => $visit:ident($value:expr)),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit($value)
        }
    )*};
}

macro_rules! refused {
    ($($method:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
            Err(not_plain())
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    refused! { deserialize_any, deserialize_ignored_any, deserialize_identifier }

    // One, for there are numbers that may not be zero.
    values! {
        deserialize_bool => visit_bool(true), deserialize_char => visit_char('a'),
        deserialize_u8 => visit_u8(1), deserialize_u16 => visit_u16(1), deserialize_u32 => visit_u32(1),
        deserialize_u64 => visit_u64(1), deserialize_u128 => visit_u128(1), deserialize_i8 => visit_i8(1),
        deserialize_i16 => visit_i16(1), deserialize_i32 => visit_i32(1), deserialize_i64 => visit_i64(1),
        deserialize_i128 => visit_i128(1), deserialize_f32 => visit_f32(1.0), deserialize_f64 => visit_f64(1.0),
        deserialize_str => visit_borrowed_str("1"), deserialize_string => visit_borrowed_str("1"),
        deserialize_bytes => visit_borrowed_bytes(b"1"), deserialize_byte_buf => visit_borrowed_bytes(b"1"),
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.some() == 0 { visitor.visit_none() } else { visitor.visit_some(self.deeper()?) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self.deeper()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let count = self.some();
        self.parts(count, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.parts(count, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.parts(count, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        let left = self.some();
        visitor.visit_map(Parts { probe: self.deeper()?, left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.parts(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let count = u32::try_from(variants.len()).unwrap_or(u32::MAX);
        let given = self.seen.enums.entry((variants.as_ptr() as usize, variants.len())).or_default();
        let index = if *given < count { *given } else { 0 };
        let is_new = *given < count;
        *given = (*given + 1).min(count);
        self.seen.found_new |= is_new;
        visitor.visit_enum(Variant { probe: self.deeper()?, index })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape is of interest")]
    enum Mixed {
        One(u8),
        Two { name: String },
        Three,
        Hidden(Option<Vec<Untagged>>),
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "only its shape is of interest")]
    enum Untagged {
        Number(u64),
        Text(String),
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape is of interest")]
    enum Tree {
        Leaf,
        Node(Vec<Tree>),
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape is of interest")]
    struct Flattened {
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }

    #[test]
    fn usual_types_are_plain_and_those_that_ask_what_comes_are_not() {
        assert!(is_plain::<(u64, String)>());
        assert!(is_plain::<Vec<Option<BTreeMap<String, std::num::NonZeroU16>>>>());
        assert!(is_plain::<Tree>());
        assert!(!is_plain::<Untagged>());
        assert!(!is_plain::<Mixed>(), "an untagged enum in one of its variants");
        assert!(!is_plain::<Flattened>());
        assert!(!is_plain::<serde_json::Value>());
    }
}
