//! What Python is given for a value of Avro.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{Name, Namespace};
use apache_avro::types::Value;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyModule};

use super::refused;

pub(super) struct ToPython<'a, 'py> {
    pub(super) names: &'a HashMap<Name, Schema>,
    /// Makes a record of its fields.
    pub(super) record: &'a Bound<'py, PyAny>,
    pub(super) meanings: &'a Bound<'py, PyModule>,
}

impl<'py> ToPython<'_, 'py> {
    /// The object for a value of a schema; names in it are of this name space if they say none.
    pub(super) fn made(
        &self,
        value: &Value,
        schema: &Schema,
        space: &Namespace,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = self.record.py();
        if let Schema::Ref { name } = schema {
            let name = name.fully_qualified_name(space);
            let named = self.names.get(&name);
            let named = named.ok_or_else(|| refused(format!("type {name} is not in the Avro schema")))?;
            return self.made(value, named, &name.namespace);
        }
        let mean = |what: &str, number: i64| self.meanings.call_method1(what, (number,));
        match (value, schema) {
            (Value::Null, _) => Ok(py.None().into_bound(py)),
            (Value::Boolean(value), _) => value.into_bound_py_any(py),
            (Value::Int(value), _) => value.into_bound_py_any(py),
            (Value::Long(value), _) => value.into_bound_py_any(py),
            (Value::Float(value), _) => value.into_bound_py_any(py),
            (Value::Double(value), _) => value.into_bound_py_any(py),
            (Value::String(value) | Value::Enum(_, value), _) => value.into_bound_py_any(py),
            (Value::Bytes(unscaled) | Value::Fixed(_, unscaled), Schema::Decimal(of)) => {
                self.meanings.call_method1("number", (PyBytes::new(py, unscaled), of.scale))
            }
            (Value::Bytes(value) | Value::Fixed(_, value), _) => Ok(PyBytes::new(py, value).into_any()),
            (Value::Uuid(value), _) => value.to_string().into_bound_py_any(py),
            (Value::Date(days), _) => mean("date", i64::from(*days)),
            (Value::TimeMillis(millis), _) => mean("time", i64::from(*millis) * 1_000),
            (Value::TimeMicros(micros), _) => mean("time", *micros),
            (Value::TimestampMillis(millis) | Value::LocalTimestampMillis(millis), _) => {
                mean("moment", millis.saturating_mul(1_000))
            }
            (Value::TimestampMicros(micros) | Value::LocalTimestampMicros(micros), _) => {
                mean("moment", *micros)
            }
            (Value::TimestampNanos(nanos) | Value::LocalTimestampNanos(nanos), _) => {
                mean("moment", nanos.div_euclid(1_000))
            }
            (Value::Union(branch, value), Schema::Union(union)) => {
                let chosen = union.variants().get(*branch as usize);
                let chosen =
                    chosen.ok_or_else(|| refused("a branch of a union is chosen that it does not have"))?;
                self.made(value, chosen, space)
            }
            (Value::Array(values), Schema::Array(of)) => {
                let list = PyList::empty(py);
                values.iter().try_for_each(|value| list.append(self.made(value, &of.items, space)?))?;
                Ok(list.into_any())
            }
            (Value::Map(values), Schema::Map(of)) => {
                let dict = PyDict::new(py);
                values
                    .iter()
                    .try_for_each(|(key, value)| dict.set_item(key, self.made(value, &of.types, space)?))?;
                Ok(dict.into_any())
            }
            (Value::Record(values), Schema::Record(of)) => {
                let (fields, space) = (PyDict::new(py), of.name.fully_qualified_name(space).namespace);
                for ((name, value), field) in values.iter().zip(&of.fields) {
                    fields.set_item(name, self.made(value, &field.schema, &space)?)?;
                }
                self.record.call1((fields,))
            }
            (value, _) => Err(refused(format!("an Avro value of this kind is not supported: {value:?}"))),
        }
    }
}
