//! Shapes: what is written once per stream about a struct or a variant, so that each value only names its number.
//!
//! Answers for a shape's parts, its bytes and its readable form. Not for the values that have it.
//! Holds: names of structs and enums are for people; kind, variant, field names and arity decide whether types agree.

use std::fmt;

use super::error::DecodeError;
use super::tag::{put_varint, take_length, take_str, take_varint};

/// What a shape describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShapeKind {
    UnitStruct,
    NewtypeStruct,
    TupleStruct,
    Struct,
    UnitVariant,
    NewtypeVariant,
    TupleVariant,
    StructVariant,
}

impl ShapeKind {
    const ALL: [ShapeKind; 8] = [
        ShapeKind::UnitStruct,
        ShapeKind::NewtypeStruct,
        ShapeKind::TupleStruct,
        ShapeKind::Struct,
        ShapeKind::UnitVariant,
        ShapeKind::NewtypeVariant,
        ShapeKind::TupleVariant,
        ShapeKind::StructVariant,
    ];

    pub(super) fn has_names(self) -> bool {
        matches!(self, ShapeKind::Struct | ShapeKind::StructVariant)
    }

    pub(super) fn is_variant(self) -> bool {
        matches!(
            self,
            ShapeKind::UnitVariant
                | ShapeKind::NewtypeVariant
                | ShapeKind::TupleVariant
                | ShapeKind::StructVariant
        )
    }
}

/// One entry of the dictionary; `N` is `&'static str` where it is written and `Box<str>` where it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape<N> {
    pub(super) kind: ShapeKind,
    pub(super) name: N,
    /// Empty unless the kind is a variant's.
    pub(super) variant: N,
    /// How many values follow.
    pub(super) arity: usize,
    /// The names of the values; empty unless the kind has names.
    pub(super) fields: Vec<N>,
}

impl<N: AsRef<str>> Shape<N> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let kind = ShapeKind::ALL.iter().position(|kind| *kind == self.kind).unwrap_or_default();
        put_varint(out, kind as u64);
        put_str(out, self.name.as_ref());
        if self.kind.is_variant() {
            put_str(out, self.variant.as_ref());
        }
        put_varint(out, self.arity as u64);
        for field in &self.fields {
            put_str(out, field.as_ref());
        }
    }
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

impl Shape<Box<str>> {
    pub(super) fn read(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let kind = take_varint(input)?;
        let kind = usize::try_from(kind)
            .ok()
            .and_then(|index| ShapeKind::ALL.get(index).copied())
            .ok_or_else(|| DecodeError::malformed("a shape of an unknown kind"))?;
        let name = take_str(input)?.into();
        let variant = if kind.is_variant() { take_str(input)?.into() } else { Box::default() };
        let arity = take_length(input, 1)?;
        let fields = if kind.has_names() {
            (0..arity).map(|_| take_str(input).map(Box::from)).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        Ok(Self { kind, name, variant, arity, fields })
    }
}

impl<N: AsRef<str>> fmt::Display for Shape<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_ref())?;
        if self.kind.is_variant() {
            write!(f, "::{}", self.variant.as_ref())?;
        }
        match self.kind {
            ShapeKind::UnitStruct | ShapeKind::UnitVariant => Ok(()),
            ShapeKind::NewtypeStruct | ShapeKind::NewtypeVariant => f.write_str("(_)"),
            ShapeKind::TupleStruct | ShapeKind::TupleVariant => {
                write!(f, "({})", vec!["_"; self.arity.min(16)].join(", "))
            }
            ShapeKind::Struct | ShapeKind::StructVariant => f.write_str(&braced(&self.fields)),
        }
    }
}

/// The names as a struct's body: ` {a, b}`.
pub(super) fn braced<N: AsRef<str>>(fields: &[N]) -> String {
    let names: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
    format!(" {{{}}}", names.join(", "))
}
