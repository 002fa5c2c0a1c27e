//! The readable name of a type, kept beside its bytes.
//!
//! Answers for what a manifest tells a person about a state's type. Not for whether bytes can be read: the decoder
//! decides that from the bytes' own structure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Encoder;

/// A type's name without module paths, and the structs and variants that were met when values of it were written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeSignature {
    /// Such as `Vec<Delay>`.
    pub name: String,
    /// Such as `Delay {sum, count}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<String>,
}

impl TypeSignature {
    /// The signature of `T`, before any of its values was written.
    ///
    /// ```
    /// use millstream_dataflow::state::encoding::TypeSignature;
    /// assert_eq!(TypeSignature::of::<Vec<Option<String>>>().to_string(), "Vec<Option<String>>");
    /// ```
    pub fn of<T: ?Sized>() -> Self {
        Self { name: without_paths(std::any::type_name::<T>()), shapes: Vec::new() }
    }

    /// Adds the shapes that `encoder` has met and that are not yet listed.
    pub fn learn(&mut self, encoder: &Encoder) {
        for shape in encoder.shapes() {
            if !self.shapes.contains(&shape) {
                self.shapes.push(shape);
            }
        }
    }
}

impl fmt::Display for TypeSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// `alloc::vec::Vec<my::Delay>` as `Vec<Delay>`.
fn without_paths(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    let mut segment = 0;
    let mut rest = name;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            short.truncate(segment);
            rest = after;
            continue;
        }
        short.push(next);
        if !(next.is_alphanumeric() || next == '_') {
            segment = short.len();
        }
        rest = &rest[next.len_utf8()..];
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_without_the_paths_of_its_parts() {
        let name = "(alloc::vec::Vec<my_job::types::Delay>, [u8; 4], &str, dyn core::fmt::Debug)";
        assert_eq!(without_paths(name), "(Vec<Delay>, [u8; 4], &str, dyn Debug)");
    }
}
