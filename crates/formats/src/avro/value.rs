//! Avro where each value stands for itself, as in a message: no file, and so no schema that comes with it.
//!
//! Answers for values as their schema has them, and for those that name it by a number before them, as Confluent's serialisers
//! write them. Not for asking a registry which schema that is: the program gives them.
//! Holds: what was not read to its last byte is no value; a schema that cannot be read is refused before the first value.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use apache_avro::schema::{Name, ResolvedSchema};
use apache_avro::types::Value;
use apache_avro::{Schema, from_avro_datum, from_value, to_avro_datum, write_avro_datum_ref};
use millstream_model::error::{Failure, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::resolution::{self, Named, renamed, without_decimals};
use super::walk;

/// How long the number of a schema is, with the zero before it.
const HEAD: usize = 5;

/// Reads values of a schema.
///
/// ```
/// use millstream_formats::avro::{AvroEncode, AvroValues};
///
/// #[derive(serde::Deserialize, serde::Serialize)]
/// struct Visit {
///     page: String,
///     times: u32,
/// }
///
/// let schema = r#"{"type": "record", "name": "visit", "fields": [
///     {"name": "page", "type": "string"}, {"name": "times", "type": "int"}]}"#;
/// let mut bytes = Vec::new();
/// AvroEncode::of(schema)?.write(&Visit { page: "start".to_owned(), times: 7 }, &mut bytes)?;
/// let read: Visit = AvroValues::of(schema)?.read(&bytes)?;
/// assert_eq!((read.page.as_str(), read.times), ("start", 7));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AvroValues {
    written: Written,
    /// What they are read as, if not as they were written.
    wanted: Option<Arc<Known>>,
}

#[derive(Clone, Debug)]
enum Written {
    Plain(Arc<Known>),
    ById(BTreeMap<u32, Arc<Known>>),
}

/// A schema with the types that it names.
#[derive(Debug)]
struct Known {
    /// As it was given.
    whole: Schema,
    /// As values are read.
    schema: Schema,
    names: HashMap<Name, Schema>,
}

impl Known {
    fn of(whole: Schema) -> Result<Self> {
        let schema = without_decimals(whole.clone());
        let resolved = ResolvedSchema::try_from(&schema).map_err(|error| {
            Failure::user("an Avro schema names a type that it does not have").because(error)
        })?;
        let names =
            resolved.get_names().iter().map(|(name, schema)| (name.clone(), (*schema).clone())).collect();
        Ok(Self { whole, schema, names })
    }

    fn named(&self) -> Named<'_> {
        Named { schema: &self.schema, names: &self.names }
    }
}

impl AvroValues {
    /// Values that were written with this schema, given as JSON, and have nothing before them.
    ///
    /// # Errors
    /// If it is no schema.
    pub fn of(written: &str) -> Result<Self> {
        let known = Known::of(super::schema(written)?)?;
        Ok(Self { written: Written::Plain(Arc::new(known)), wanted: None })
    }

    /// Values that say by a number which of these schemas they were written with: a zero byte and four more come before each, as
    /// Confluent's serialisers write them. Each is read as its own schema has it, unless [`AvroValues::read_as`] says otherwise.
    ///
    /// # Errors
    /// If one is no schema, or there is none.
    pub fn by_id<S: AsRef<str>>(schemas: impl IntoIterator<Item = (u32, S)>) -> Result<Self> {
        let mut known = BTreeMap::new();
        for (id, text) in schemas {
            let schema =
                super::schema(text.as_ref()).map_err(|failure| failure.within(format!("schema {id}")))?;
            known.insert(id, Arc::new(Known::of(schema)?));
        }
        if known.is_empty() {
            return Err(Failure::user("no Avro schema was given")
                .advice("give those of the topic with the numbers that the registry has for them"));
        }
        Ok(Self { written: Written::ById(known), wanted: None })
    }

    /// Reads values as this schema has them, whichever they were written with: fields that were not written get their defaults,
    /// those that are not asked for are left out, and aliases are followed, as Avro resolves one schema into another.
    ///
    /// # Errors
    /// If it is no schema, or values of one that they are written with cannot be read as it in any case.
    pub fn read_as(mut self, wanted: &str) -> Result<Self> {
        let wanted = Known::of(super::schema(wanted)?)?;
        let fitting = |written: &Known, id: Option<u32>| -> Result<Arc<Known>> {
            let renamed = Known::of(renamed(written.whole.clone(), &wanted.whole))?;
            let checked = resolution::check(&renamed.named(), &wanted.named());
            checked.map_err(|why| {
                let which = id.map_or_else(String::new, |id| format!(" {id}"));
                Failure::user(format!(
                    "values of Avro schema{which} cannot be read as the schema that is asked for: {why}"
                ))
                .advice(
                    "give fields that are new a default, and let types only grow: int, long, float, double",
                )
            })?;
            Ok(Arc::new(renamed))
        };
        match &mut self.written {
            Written::Plain(written) => *written = fitting(written, None)?,
            Written::ById(known) => {
                for (id, written) in known {
                    *written = fitting(written, Some(*id))?;
                }
            }
        }
        self.wanted = Some(Arc::new(wanted));
        Ok(self)
    }

    /// The schema that a value was written with, and its bytes.
    fn written<'a, 'b>(&'a self, value: &'b [u8]) -> Result<(&'a Known, &'b [u8]), String> {
        let known = match &self.written {
            Written::Plain(known) => return Ok((known, value)),
            Written::ById(known) => known,
        };
        let head = value.first_chunk::<HEAD>().filter(|head| head[0] == 0);
        let Some([_, id @ ..]) = head else {
            return Err("the value does not begin with a zero byte and the number of a schema".to_owned());
        };
        let id = u32::from_be_bytes(*id);
        let found = known.get(&id).ok_or_else(|| {
            let given: Vec<_> = known.keys().map(u32::to_string).collect();
            format!(
                "the value is of Avro schema {id}, which was not given: those given are {}",
                given.join(", ")
            )
        })?;
        Ok((found, &value[HEAD..]))
    }

    /// A value as Avro has it; exact numbers as the bytes that they are in.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn value(&self, bytes: &[u8]) -> Result<Value, String> {
        let (written, mut bytes) = self.written(bytes)?;
        let wrong = |why: String| format!("no value of the Avro schema: {why}");
        walk::check(&written.schema, &written.names, bytes).map_err(wrong)?;
        let wanted = self.wanted.as_ref().map(|wanted| &wanted.schema);
        from_avro_datum(&written.schema, &mut bytes, wanted).map_err(|error| wrong(error.to_string()))
    }

    /// A value as the program has it.
    ///
    /// # Errors
    /// What is wrong with it, or that it is not what the program asks for.
    pub fn read<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, String> {
        let value = self.value(bytes)?;
        from_value(&value)
            .map_err(|error| format!("the Avro value is no {}: {error}", std::any::type_name::<T>()))
    }

    /// The schema that a value of these bytes is read as.
    ///
    /// # Errors
    /// If the value names one that was not given.
    pub fn schema_of(&self, bytes: &[u8]) -> Result<&Schema, String> {
        match &self.wanted {
            Some(wanted) => Ok(&wanted.whole),
            None => self.written(bytes).map(|(written, _)| &written.whole),
        }
    }
}

/// Writes values of a schema.
#[derive(Clone, Debug)]
pub struct AvroEncode {
    known: Arc<Known>,
    id: Option<u32>,
}

impl AvroEncode {
    /// Values of this schema, given as JSON, with nothing before them.
    ///
    /// # Errors
    /// If it is no schema.
    pub fn of(schema: &str) -> Result<Self> {
        Ok(Self { known: Arc::new(Known::of(super::schema(schema)?)?), id: None })
    }

    /// Writes a zero byte and this number before each value, by which Confluent's deserialisers find the schema.
    #[must_use]
    pub fn with_id(mut self, id: u32) -> Self {
        self.id = Some(id);
        self
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        &self.known.whole
    }

    /// Writes a value of the program's.
    ///
    /// # Errors
    /// If it does not fit the schema.
    pub fn write<T: Serialize>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), String> {
        self.head(out);
        let written = write_avro_datum_ref(&self.known.whole, value, out);
        written.map(drop).map_err(|error| {
            format!("a {} does not fit the Avro schema: {error}", std::any::type_name::<T>())
        })
    }

    /// Writes a value as Avro has it; exact numbers as the bytes that they are in.
    ///
    /// # Errors
    /// If it does not fit the schema.
    pub fn write_value(&self, value: Value, out: &mut Vec<u8>) -> Result<(), String> {
        self.head(out);
        let written = to_avro_datum(&self.known.schema, value);
        out.extend(written.map_err(|error| format!("the value does not fit the Avro schema: {error}"))?);
        Ok(())
    }

    fn head(&self, out: &mut Vec<u8>) {
        if let Some(id) = self.id {
            out.push(0);
            out.extend_from_slice(&id.to_be_bytes());
        }
    }
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
