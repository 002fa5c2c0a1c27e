//! What Avro is given for an object of Python's.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{Name, Namespace, RecordSchema};
use apache_avro::types::Value;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyModule, PyString};

use super::refused;

pub(super) struct FromPython<'a, 'py> {
    pub(super) names: &'a HashMap<Name, Schema>,
    pub(super) meanings: &'a Bound<'py, PyModule>,
}

impl<'py> FromPython<'_, 'py> {
    /// The value of a schema for an object.
    pub(super) fn made(
        &self,
        object: &Bound<'py, PyAny>,
        schema: &Schema,
        space: &Namespace,
    ) -> PyResult<Value> {
        let wrong = |wanted: &str| refused(format!("{wanted} is right, {object:?} was given"));
        let mean = |what: &str| -> PyResult<i64> { self.meanings.call_method1(what, (object,))?.extract() };
        let int = || object.extract::<i32>().map_err(|_| wrong("a number of 32 bits"));
        let long = || object.extract::<i64>().map_err(|_| wrong("a number of 64 bits"));
        let is_number = !object.is_instance_of::<PyBool>();
        Ok(match schema {
            Schema::Null if object.is_none() => Value::Null,
            Schema::Null => return Err(wrong("None")),
            Schema::Boolean => Value::Boolean(object.extract().map_err(|_| wrong("True or False"))?),
            Schema::Int if is_number => Value::Int(int()?),
            Schema::Long if is_number => Value::Long(long()?),
            Schema::Float if is_number => Value::Float(object.extract().map_err(|_| wrong("a number"))?),
            Schema::Double if is_number => Value::Double(object.extract().map_err(|_| wrong("a number"))?),
            Schema::Int | Schema::Long | Schema::Float | Schema::Double => return Err(wrong("a number")),
            Schema::Bytes => Value::Bytes(bytes(object)?),
            Schema::Fixed(fixed) => {
                let bytes = bytes(object)?;
                if bytes.len() != fixed.size {
                    return Err(wrong(&format!("a bytes of length {}", fixed.size)));
                }
                Value::Fixed(fixed.size, bytes)
            }
            Schema::String => Value::String(text(object)?),
            Schema::Uuid => {
                let text = object.str()?.to_string();
                Value::Uuid(apache_avro::Uuid::parse_str(&text).map_err(|_| wrong("a UUID"))?)
            }
            Schema::Enum(of) => {
                let symbol = text(object)?;
                let place = of.symbols.iter().position(|one| *one == symbol);
                let place = place.ok_or_else(|| wrong(&format!("one of {}", of.symbols.join(", "))))?;
                Value::Enum(place as u32, symbol)
            }
            Schema::Date => Value::Date(i32::try_from(mean("days")?).map_err(|_| wrong("a date"))?),
            Schema::TimeMillis => {
                Value::TimeMillis(i32::try_from(mean("micros_of_day")? / 1_000).map_err(|_| wrong("a time"))?)
            }
            Schema::TimeMicros => Value::TimeMicros(mean("micros_of_day")?),
            Schema::TimestampMillis => Value::TimestampMillis(mean("micros")?.div_euclid(1_000)),
            Schema::TimestampMicros => Value::TimestampMicros(mean("micros")?),
            Schema::TimestampNanos => Value::TimestampNanos(mean("micros")?.saturating_mul(1_000)),
            Schema::LocalTimestampMillis => Value::LocalTimestampMillis(mean("micros")?.div_euclid(1_000)),
            Schema::LocalTimestampMicros => Value::LocalTimestampMicros(mean("micros")?),
            Schema::LocalTimestampNanos => Value::LocalTimestampNanos(mean("micros")?.saturating_mul(1_000)),
            Schema::Decimal(of) => {
                let size = match &*of.inner {
                    Schema::Fixed(fixed) => Some(fixed.size),
                    _ => None,
                };
                let unscaled =
                    self.meanings.call_method1("unscaled", (object, of.scale, of.precision, size))?;
                let unscaled = bytes(&unscaled)?;
                size.map_or_else(
                    || Value::Bytes(unscaled.clone()),
                    |size| Value::Fixed(size, unscaled.clone()),
                )
            }
            Schema::Union(union) => {
                let mut why = Vec::new();
                for (place, branch) in union.variants().iter().enumerate() {
                    match self.made(object, branch, space) {
                        Ok(value) => return Ok(Value::Union(place as u32, Box::new(value))),
                        Err(error) => why.push(error.value(object.py()).to_string()),
                    }
                }
                return Err(refused(why.join("; ")));
            }
            Schema::Array(of) => {
                if object.is_instance_of::<PyString>() || object.is_instance_of::<PyDict>() {
                    return Err(wrong("a list"));
                }
                let items = object.try_iter().map_err(|_| wrong("a list"))?;
                Value::Array(items.map(|item| self.made(&item?, &of.items, space)).collect::<PyResult<_>>()?)
            }
            Schema::Map(of) => {
                let dict = object.cast::<PyDict>().map_err(|_| wrong("a dict"))?;
                let items =
                    dict.iter().map(|(key, value)| Ok((text(&key)?, self.made(&value, &of.types, space)?)));
                Value::Map(items.collect::<PyResult<_>>()?)
            }
            Schema::Record(of) => self.record(object, of, space)?,
            Schema::Ref { name } => {
                let name = name.fully_qualified_name(space);
                let named = self.names.get(&name);
                let named = named.ok_or_else(|| refused(format!("type {name} is not in the Avro schema")))?;
                return self.made(object, named, &name.namespace);
            }
            Schema::BigDecimal | Schema::Duration => {
                return Err(refused(format!("Avro's {} is not supported", schema.canonical_form())));
            }
        })
    }

    /// Of a dict or a row: by names where it has them, in order where it has none.
    fn record(&self, object: &Bound<'py, PyAny>, of: &RecordSchema, space: &Namespace) -> PyResult<Value> {
        let space = of.name.fully_qualified_name(space).namespace;
        let names: Vec<&str> = of.fields.iter().map(|field| field.name.as_str()).collect();
        let values = self.meanings.call_method1("fields", (object, names))?;
        let mut fields = Vec::with_capacity(of.fields.len());
        for (field, value) in of.fields.iter().zip(values.try_iter()?) {
            let made = self
                .made(&value?, &field.schema, &space)
                .map_err(|error| refused(format!("field `{}`: {}", field.name, error.value(object.py()))))?;
            fields.push((field.name.clone(), made));
        }
        Ok(Value::Record(fields))
    }
}

fn bytes(object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let bytes = object.cast::<PyBytes>().map(|bytes| bytes.as_bytes().to_vec());
    bytes
        .or_else(|_| object.extract::<Vec<u8>>())
        .map_err(|_| refused(format!("bytes are right, {object:?} was given")))
}

fn text(object: &Bound<'_, PyAny>) -> PyResult<String> {
    object.extract().map_err(|_| refused(format!("a text is right, {object:?} was given")))
}
