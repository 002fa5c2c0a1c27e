//! What can go wrong with the encoding, with the place in the value.
//!
//! Answers for messages that name the path of the field, the type in the checkpoint and the type in the program.
//! Holds: building a path costs nothing until something fails: it grows while the error travels outwards.

use std::fmt;

use super::shape::braced;

/// A value that could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Values lie deeper within each other than can be read back.
    #[error("the value is nested deeper than {limit} levels, which could not be read back")]
    TooDeep {
        /// The number of levels there may be.
        limit: u16,
    },
    /// More different structs and variants than a stream may define.
    #[error("the value has more than {limit} different structs and variants")]
    TooManyShapes {
        /// The number of shapes there may be.
        limit: usize,
    },
    /// Not in the short form, in which what is left out could not be told from what follows.
    #[error("the value leaves out a part of its type")]
    NotPlain,
    /// What the type's own `Serialize` said.
    #[error("{0}")]
    Custom(String),
}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        EncodeError::Custom(message.to_string())
    }
}

/// A step from a value to one within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(Box<str>),
    Index(usize),
    Position(usize),
    Key(usize),
    Value(usize),
}

/// Why bytes are not a value of the program's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    Type {
        in_checkpoint: String,
        in_program: String,
    },
    FieldRemoved {
        field: Box<str>,
        in_checkpoint: String,
        name: &'static str,
        fields: &'static [&'static str],
    },
    FieldMissing {
        field: &'static str,
        in_checkpoint: String,
        name: &'static str,
    },
    VariantMissing {
        variant: Box<str>,
        name: &'static str,
        variants: &'static [&'static str],
    },
    CutShort,
    TooDeep,
    Malformed(&'static str),
    Custom(String),
}

/// Bytes that are not a value of the program's type, with the place in the value.
///
/// A type may gain `Option` fields and fields with `#[serde(default)]`; every other difference is this error.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    /// From the innermost step outwards.
    steps: Vec<Step>,
    reason: Reason,
}

impl DecodeError {
    pub(super) fn new(reason: Reason) -> Self {
        Self(Box::new(Inner { steps: Vec::new(), reason }))
    }

    pub(crate) fn cut_short() -> Self {
        Self::new(Reason::CutShort)
    }

    pub(crate) fn malformed(what: &'static str) -> Self {
        Self::new(Reason::Malformed(what))
    }

    pub(super) fn within(mut self, step: Step) -> Self {
        self.0.steps.push(step);
        self
    }

    /// Says in which struct a field was missing, where serde could not.
    pub(super) fn in_struct(mut self, struct_name: &'static str, shape: impl FnOnce() -> String) -> Self {
        if let Inner { steps, reason: Reason::FieldMissing { field, in_checkpoint, name } } = &mut *self.0
            && name.is_empty()
        {
            *name = struct_name;
            *in_checkpoint = shape();
            steps.push(Step::Field((*field).into()));
        }
        self
    }

    /// The way from the value to the part that is wrong, such as `delays[3].sum`; empty for the value itself.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.steps.iter().rev() {
            let dot = if path.is_empty() { "" } else { "." };
            path += &match step {
                Step::Field(name) => format!("{dot}{name}"),
                Step::Position(index) => format!("{dot}{index}"),
                Step::Index(index) => format!("[{index}]"),
                Step::Key(index) => format!("{dot}keys[{index}]"),
                Step::Value(index) => format!("{dot}values[{index}]"),
            };
        }
        path
    }

    /// Whether the bytes themselves are broken, rather than of another type than the program's.
    pub fn is_corruption(&self) -> bool {
        matches!(self.0.reason, Reason::CutShort | Reason::Malformed(_) | Reason::TooDeep)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if !path.is_empty() {
            write!(f, "at `{path}`: ")?;
        }
        match &self.0.reason {
            Reason::Type { in_checkpoint, in_program } => {
                write!(f, "{in_checkpoint} in the checkpoint, {in_program} in the program")
            }
            Reason::FieldRemoved { field, in_checkpoint, name, fields } => write!(
                f,
                "the field `{field}` ({in_checkpoint}) of the checkpoint is not in the program's type {name}{}",
                braced(fields)
            ),
            Reason::FieldMissing { field, in_checkpoint, name } => write!(
                f,
                "the field `{field}` of the program's type {name} is not in the checkpoint, which has \
                 {in_checkpoint}; a new field must be an Option or have #[serde(default)]"
            ),
            Reason::VariantMissing { variant, name, variants } => write!(
                f,
                "the variant `{variant}` of the checkpoint is not in the program's enum {name}{}",
                braced(variants)
            ),
            Reason::CutShort => f.write_str("the bytes end within a value"),
            Reason::TooDeep => write!(f, "values lie deeper than {} levels", super::tag::MAX_DEPTH),
            Reason::Malformed(what) => write!(f, "the bytes hold {what}"),
            Reason::Custom(message) => f.write_str(message),
        }
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Reason::Custom(message.to_string()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Reason::FieldMissing { field, in_checkpoint: String::new(), name: "" })
    }
}
