//! What the bytes of one value are, before the library reads them.
//!
//! Answers for a value that is whole, with nothing behind it, and no deeper than a stack has room for: the library takes what is
//! missing for null, and reserves whatever memory a length asks for. Not for what the value is.
//! Holds: no length is believed that the bytes have no room for.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{Name, Namespace};

/// How deep records, arrays and maps may lie in each other.
const DEEPEST: usize = 128;
/// How many values that take no bytes at all one array may have.
const MOST_OF_NOTHING: u64 = 1 << 16;

/// Walks over a value, and behind it.
pub(super) struct Walk<'a> {
    names: &'a HashMap<Name, Schema>,
    rest: &'a [u8],
    depth: usize,
}

/// Refuses bytes that are not exactly one value of the schema.
pub(super) fn check(schema: &Schema, names: &HashMap<Name, Schema>, bytes: &[u8]) -> Result<(), String> {
    let mut walk = Walk { names, rest: bytes, depth: 0 };
    walk.value(schema, &None)?;
    match walk.rest.len() {
        0 => Ok(()),
        left => Err(format!(
            "{left} bytes stand behind the value: it was written with another schema than the one given"
        )),
    }
}

impl Walk<'_> {
    fn value(&mut self, schema: &Schema, space: &Namespace) -> Result<(), String> {
        match schema {
            Schema::Null => Ok(()),
            Schema::Boolean => self.skip(1),
            Schema::Int
            | Schema::Long
            | Schema::Enum(_)
            | Schema::Date
            | Schema::TimeMillis
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => self.number().map(drop),
            Schema::Float => self.skip(4),
            Schema::Double => self.skip(8),
            Schema::Bytes | Schema::String | Schema::BigDecimal | Schema::Uuid => self.measured(),
            Schema::Decimal(decimal) => self.value(&decimal.inner, space),
            Schema::Fixed(fixed) => self.skip(fixed.size as u64),
            Schema::Duration => self.skip(12),
            Schema::Array(array) => self.deeper(|own| own.items(|own| own.value(&array.items, space))),
            Schema::Map(map) => self.deeper(|own| {
                own.items(|own| {
                    own.measured()?;
                    own.value(&map.types, space)
                })
            }),
            Schema::Union(union) => {
                let (variants, chosen) = (union.variants(), self.number()?);
                let variant = usize::try_from(chosen).ok().and_then(|index| variants.get(index));
                let variant = variant
                    .ok_or_else(|| format!("branch {chosen} of a union of {} is chosen", variants.len()))?;
                self.deeper(|own| own.value(variant, space))
            }
            Schema::Record(record) => {
                let space = record.name.fully_qualified_name(space).namespace;
                self.deeper(|own| {
                    record.fields.iter().try_for_each(|field| {
                        own.value(&field.schema, &space)
                            .map_err(|why| format!("field `{}`: {why}", field.name))
                    })
                })
            }
            Schema::Ref { name } => {
                let name = name.fully_qualified_name(space);
                let names = self.names;
                let named = names.get(&name).ok_or_else(|| format!("type {name} is not in the schema"))?;
                self.value(named, &name.namespace)
            }
        }
    }

    fn deeper(&mut self, walk: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("the value is more than {DEEPEST} levels deep"));
        }
        walk(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn skip(&mut self, count: u64) -> Result<(), String> {
        let rest = usize::try_from(count).ok().and_then(|count| self.rest.get(count..));
        self.rest = rest.ok_or_else(|| {
            format!("the value ends too soon: {count} bytes are to follow, {} do", self.rest.len())
        })?;
        Ok(())
    }

    /// Bytes with their length before them.
    fn measured(&mut self) -> Result<(), String> {
        let length = self.number()?;
        self.skip(u64::try_from(length).map_err(|_| "a length is negative".to_owned())?)
    }

    /// The blocks of an array or a map.
    fn items(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        let mut of_nothing = 0;
        loop {
            let count = self.number()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // Such a block says its length too.
                self.number()?;
            }
            let count = count.unsigned_abs();
            for _ in 0..count {
                let before = self.rest.len();
                item(self)?;
                of_nothing += u64::from(before == self.rest.len());
                if of_nothing > MOST_OF_NOTHING {
                    return Err(format!("an array has {count} values that take no bytes"));
                }
            }
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let (byte, rest) = self
                .rest
                .split_first()
                .ok_or_else(|| "the value ends too soon, where a number is to follow".to_owned())?;
            self.rest = rest;
            if shift > 63 {
                return Err("a number has more than ten bytes".to_owned());
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
            }
            shift += 7;
        }
    }
}
