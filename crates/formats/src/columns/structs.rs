//! Rows of a batch into the program's own types, and back.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema};
use millstream_model::error::{Failure, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_arrow::schema::{SchemaLike, TracingOptions};

use super::schema::shown;

/// The columns that a type stands for; `None` where the type alone does not tell, as a map does not.
pub(super) fn fields<T: DeserializeOwned>() -> Option<Vec<FieldRef>> {
    let options = TracingOptions::default()
        .sequence_as_large_list(false)
        .strings_as_large_utf8(false)
        .bytes_as_large_binary(false)
        .enums_without_data_as_strings(true);
    Vec::<FieldRef>::from_type::<T>(options).ok()
}

/// The rows of a batch.
pub(super) fn rows<T: DeserializeOwned>(batch: &RecordBatch) -> Result<Vec<T>> {
    serde_arrow::from_record_batch(batch).map_err(|error| {
        let what = format!("the columns do not fit the type {}: {}", type_name::<T>(), brief(&error));
        Failure::user(what).advice(format!("the file's columns are: {}", shown(&batch.schema())))
    })
}

/// A batch of rows.
pub(super) fn batch<T: Serialize>(fields: &[FieldRef], rows: &[T]) -> Result<RecordBatch> {
    serde_arrow::to_record_batch(fields, &rows).map_err(|error| {
        let what =
            format!("a record of type {} cannot be put into columns: {}", type_name::<T>(), brief(&error));
        Failure::user(what).advice(format!("the columns are: {}", shown(&Schema::new(fields.to_vec()))))
    })
}

/// That a type does not tell its columns.
pub(super) fn no_columns<T>() -> Failure {
    Failure::user(format!("the type {} does not tell which columns a file of it has", type_name::<T>()))
        .advice("make it a struct of numbers, texts, lists and structs; or write batches (RecordBatch) with a schema")
}

pub(super) fn schema_of(fields: &[FieldRef]) -> Arc<Schema> {
    Arc::new(Schema::new(fields.to_vec()))
}

fn type_name<T>() -> &'static str {
    std::any::type_name::<T>()
}

/// The message without the trace that the library may have.
fn brief(error: &serde_arrow::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("Error: ").to_owned()
}
