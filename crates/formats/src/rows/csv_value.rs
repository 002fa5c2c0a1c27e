//! CSV where each value is a row, as in a message.
//!
//! Holds: a value is exactly one row; its columns are known beforehand, since no header comes with it.

use csv::{ErrorKind, StringRecord};
use serde::de::DeserializeOwned;

use super::csv::Csv;

/// Reads values that are one row each.
///
/// ```
/// use millstream_formats::rows::{Csv, CsvValues};
///
/// let rows = CsvValues::new(Csv::default(), Some(&["page", "visits"]));
/// assert_eq!(rows.read::<(String, u32)>(b"start,7").unwrap(), ("start".to_owned(), 7));
/// ```
#[derive(Clone, Debug)]
pub struct CsvValues {
    format: Csv,
    columns: Option<StringRecord>,
}

impl CsvValues {
    /// Rows with these columns, by whose names fields of a struct are found; without names they are taken in their order.
    pub fn new(format: Csv, columns: Option<&[&str]>) -> Self {
        Self { format, columns: columns.map(StringRecord::from) }
    }

    /// The row in a value.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn read<T: DeserializeOwned>(&self, value: &[u8]) -> Result<T, String> {
        let mut reader = self.format.values(value);
        let mut row = StringRecord::new();
        let read = |error: csv::Error| match error.kind() {
            ErrorKind::Utf8 { .. } => "the row is no text in UTF-8".to_owned(),
            _ => format!("no row of CSV: {error}"),
        };
        if !reader.read_record(&mut row).map_err(read)? {
            return Err("the value is empty, where a row of CSV is right".to_owned());
        }
        if let Some(columns) = self.columns.as_ref().filter(|columns| columns.len() != row.len()) {
            return Err(format!("the row has {} fields where {} are right", row.len(), columns.len()));
        }
        let found = row.deserialize(self.columns.as_ref()).map_err(|error| {
            let ErrorKind::Deserialize { err, .. } = error.kind() else { return error.to_string() };
            let place = err.field().and_then(|at| usize::try_from(at).ok());
            let name = |at: usize| self.columns.as_ref()?.get(at).map(|name| format!("`{name}`"));
            match place {
                Some(at) => {
                    let name = name(at).unwrap_or_else(|| format!("{}", at + 1));
                    format!("field {name} of the row is wrong: {}", err.kind())
                }
                None => format!("the row is wrong: {}", err.kind()),
            }
        })?;
        match reader.read_record(&mut row).map_err(read)? {
            true => Err("the value has several rows, where one is right".to_owned()),
            false => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Visit {
        visits: u32,
        page: String,
    }

    #[test]
    fn a_value_is_one_row_by_names_or_in_order() {
        let named = CsvValues::new(Csv::default(), Some(&["page", "visits"]));
        let visit = Visit { visits: 7, page: "a,\nb".into() };
        assert_eq!(named.read::<Visit>(b"\"a,\nb\",7\n"), Ok(visit));
        let ordered = CsvValues::new(Csv { delimiter: b';', ..Csv::default() }, None);
        assert_eq!(ordered.read::<(u32, String)>("7;ü".as_bytes()), Ok((7, "ü".to_owned())));
    }

    #[test]
    fn what_is_no_row_is_refused_with_what_would_be_right() {
        let rows = CsvValues::new(Csv::default(), Some(&["page", "visits"]));
        for (value, why) in [
            (&b""[..], "the value is empty, where a row of CSV is right"),
            (b"a", "the row has 1 fields where 2 are right"),
            (b"a,1\nb,2", "the value has several rows, where one is right"),
            (b"caf\xe9,1", "the row is no text in UTF-8"),
            (b"a,x", "field `visits` of the row is wrong: invalid digit found in string"),
        ] {
            assert_eq!(rows.read::<Visit>(value), Err(why.to_owned()));
        }
    }
}
