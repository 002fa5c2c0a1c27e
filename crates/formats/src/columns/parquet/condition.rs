//! What the rows that are wanted have in a column.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, Scalar, StringArray};
use arrow_schema::{ArrowError, Schema};
use millstream_model::error::{Failure, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata};
use parquet::file::metadata::RowGroupMetaData;

use super::super::schema::shown;

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A column compared with a value. A row whose column is null is not wanted.
#[derive(Clone, Debug)]
pub struct Condition {
    column: String,
    compare: Compare,
    value: ArrayRef,
}

/// A value to compare with.
pub trait Value {
    /// As an array of one.
    fn array(self) -> ArrayRef;
}

impl Value for i64 {
    fn array(self) -> ArrayRef {
        Arc::new(Int64Array::from(vec![self]))
    }
}

impl Value for f64 {
    fn array(self) -> ArrayRef {
        Arc::new(Float64Array::from(vec![self]))
    }
}

impl Value for bool {
    fn array(self) -> ArrayRef {
        Arc::new(BooleanArray::from(vec![self]))
    }
}

impl Value for &str {
    fn array(self) -> ArrayRef {
        Arc::new(StringArray::from(vec![self]))
    }
}

impl Condition {
    /// The rows in which `column` compares so with `value`: an `i64`, `f64`, `bool` or text, which is turned into the column's
    /// type (a text into a time, too).
    ///
    /// ```
    /// use millstream_formats::columns::parquet::{Compare, Condition};
    /// let late = Condition::of("delay", Compare::Greater, 60);
    /// ```
    pub fn of(column: impl Into<String>, compare: Compare, value: impl Value) -> Self {
        Self { column: column.into(), compare, value: value.array() }
    }

    /// The value, as the column's type has it.
    fn value_in(&self, name: &str, schema: &Schema) -> Result<Scalar<ArrayRef>> {
        let Ok(field) = schema.field_with_name(&self.column) else {
            return Err(Failure::user(format!("`{name}` has no column `{}` to compare with", self.column))
                .advice(format!("its columns are: {}", shown(schema))));
        };
        let cast = arrow_cast::cast(&self.value, field.data_type());
        match cast.ok().filter(|value| value.null_count() == 0) {
            Some(value) => Ok(Scalar::new(value)),
            None => {
                let what = format!(
                    "column `{}` of `{name}` is {}, which does not compare with a value of type {}",
                    self.column,
                    field.data_type(),
                    self.value.data_type()
                );
                Err(Failure::user(what).advice("compare it with a value of its own type"))
            }
        }
    }

    /// For each row group, whether a row of it may be wanted.
    pub(super) fn may_be_in(&self, name: &str, file: &ArrowReaderMetadata) -> Result<Vec<bool>> {
        let groups: &[RowGroupMetaData] = file.metadata().row_groups();
        let value = self.value_in(name, file.schema())?;
        let told = || -> std::result::Result<Vec<bool>, ArrowError> {
            let converter = StatisticsConverter::try_new(&self.column, file.schema(), file.parquet_schema())
                .map_err(|error| ArrowError::ExternalError(error.into()))?;
            let fail = |error: parquet::errors::ParquetError| ArrowError::ExternalError(error.into());
            let mins = converter.row_group_mins(groups).map_err(fail)?;
            let maxes = converter.row_group_maxes(groups).map_err(fail)?;
            let judge = |mask: BooleanArray| -> Vec<bool> {
                // Without statistics any row may be there.
                (0..mask.len()).map(|at| mask.is_null(at) || mask.value(at)).collect()
            };
            Ok(match self.compare {
                Compare::Less => judge(arrow_ord::cmp::lt(&mins, &value)?),
                Compare::AtMost => judge(arrow_ord::cmp::lt_eq(&mins, &value)?),
                Compare::Greater => judge(arrow_ord::cmp::gt(&maxes, &value)?),
                Compare::AtLeast => judge(arrow_ord::cmp::gt_eq(&maxes, &value)?),
                Compare::Equal => {
                    let (low, high) =
                        (arrow_ord::cmp::lt_eq(&mins, &value)?, arrow_ord::cmp::gt_eq(&maxes, &value)?);
                    judge(low).into_iter().zip(judge(high)).map(|(low, high)| low && high).collect()
                }
            })
        };
        // Statistics that cannot be compared tell nothing.
        Ok(told().unwrap_or_else(|_| vec![true; groups.len()]))
    }

    /// What leaves out the other rows.
    pub(super) fn filter(&self, name: &str, file: &ArrowReaderMetadata) -> Result<Box<dyn ArrowPredicate>> {
        let (value, compare) = (self.value_in(name, file.schema())?, self.compare);
        let mask = ProjectionMask::columns(file.parquet_schema(), [self.column.as_str()]);
        Ok(Box::new(ArrowPredicateFn::new(mask, move |batch| {
            let column = batch.column(0);
            match compare {
                Compare::Equal => arrow_ord::cmp::eq(column, &value),
                Compare::Less => arrow_ord::cmp::lt(column, &value),
                Compare::AtMost => arrow_ord::cmp::lt_eq(column, &value),
                Compare::Greater => arrow_ord::cmp::gt(column, &value),
                Compare::AtLeast => arrow_ord::cmp::gt_eq(column, &value),
            }
        })))
    }

    pub(super) fn column(&self) -> &str {
        &self.column
    }
}
