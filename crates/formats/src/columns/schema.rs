//! The schema that a file should have.

use arrow_schema::{Schema, SchemaRef};
use millstream_model::error::{Failure, Result};

/// The columns of a schema as a person reads them: `carrier Utf8, delay Int32`.
pub(super) fn shown(schema: &Schema) -> String {
    let columns = schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type()));
    columns.collect::<Vec<_>>().join(", ")
}

/// Refuses a file that has not the columns that are expected, each of its type.
pub(super) fn check(name: &str, found: &Schema, expected: &SchemaRef) -> Result<()> {
    for field in expected.fields() {
        let what = match found.field_with_name(field.name()) {
            Ok(other) if other.data_type() == field.data_type() => continue,
            Ok(other) => {
                let (other, expected) = (other.data_type(), field.data_type());
                format!("column `{}` of `{name}` is {other}, and {expected} is expected", field.name())
            }
            Err(_) => {
                format!("`{name}` has no column `{}` ({} is expected)", field.name(), field.data_type())
            }
        };
        return Err(Failure::user(what).advice(format!(
            "its columns are: {}; read files of another schema by a source of their own",
            shown(found)
        )));
    }
    Ok(())
}
