//! Values of Avro for Python: bytes into objects, and objects into bytes.
//!
//! Answers for objects as PyFlink has them: a record is whatever the caller makes of its fields. Not for bytes, schemas and their
//! resolution: those are `millstream_formats::avro`.
//! Holds: what is no value of the schema is a `ValueError` that says why, never another value.

mod from_python;
mod to_python;

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{Name, ResolvedSchema};
use millstream_formats::avro::{AvroEncode, AvroValues};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What makes dates, times and numbers of what Avro has for them, and back.
const MEANINGS: &str = "millstream.flink.datastream.formats._avro_meanings";

fn refused(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The types that a schema names.
fn names(schema: &Schema) -> PyResult<HashMap<Name, Schema>> {
    let resolved = ResolvedSchema::try_from(schema).map_err(refused)?;
    Ok(resolved.get_names().iter().map(|(name, schema)| (name.clone(), (*schema).clone())).collect())
}

/// Reads values.
#[pyclass(name = "AvroReader", module = "millstream._native", frozen)]
pub(crate) struct PyAvroReader {
    values: AvroValues,
    names: HashMap<Name, Schema>,
    record: Py<PyAny>,
    meanings: Py<PyModule>,
}

#[pymethods]
impl PyAvroReader {
    /// Values are read as `wanted`; they were written with it too, or with `written`, or with that of `by_id` whose number
    /// stands before the value. `record` makes a record of its fields, which it is given by name.
    #[new]
    #[pyo3(signature = (wanted, written, by_id, record))]
    fn new(
        py: Python<'_>,
        wanted: &str,
        written: Option<&str>,
        by_id: Option<HashMap<u32, String>>,
        record: Py<PyAny>,
    ) -> PyResult<Self> {
        let values = match by_id {
            Some(schemas) => AvroValues::by_id(schemas),
            None => AvroValues::of(written.unwrap_or(wanted)),
        };
        let values = values.and_then(|values| values.read_as(wanted)).map_err(refused)?;
        let names = names(values.schema_of(&[]).map_err(refused)?)?;
        Ok(Self { values, names, record, meanings: py.import(MEANINGS)?.unbind() })
    }

    /// The value in bytes.
    fn read<'py>(&self, py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let value = self.values.value(bytes).map_err(refused)?;
        let schema = self.values.schema_of(bytes).map_err(refused)?;
        to_python::ToPython {
            names: &self.names,
            record: self.record.bind(py),
            meanings: self.meanings.bind(py),
        }
        .made(&value, schema, &None)
    }
}

/// Writes values.
#[pyclass(name = "AvroWriter", module = "millstream._native", frozen)]
pub(crate) struct PyAvroWriter {
    encode: AvroEncode,
    names: HashMap<Name, Schema>,
    meanings: Py<PyModule>,
}

#[pymethods]
impl PyAvroWriter {
    /// Values of a schema, with its number before each if one is given.
    #[new]
    #[pyo3(signature = (schema, id))]
    fn new(py: Python<'_>, schema: &str, id: Option<u32>) -> PyResult<Self> {
        let mut encode = AvroEncode::of(schema).map_err(refused)?;
        if let Some(id) = id {
            encode = encode.with_id(id);
        }
        let names = names(encode.schema())?;
        Ok(Self { encode, names, meanings: py.import(MEANINGS)?.unbind() })
    }

    /// The bytes of a value.
    fn write<'py>(&self, py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let from = from_python::FromPython { names: &self.names, meanings: self.meanings.bind(py) };
        let value = from.made(value, self.encode.schema(), &None)?;
        let mut bytes = Vec::new();
        self.encode.write_value(value, &mut bytes).map_err(refused)?;
        Ok(PyBytes::new(py, &bytes))
    }
}
