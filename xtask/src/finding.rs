//! One thing that a check found wrong.
//!
//! Holds: a finding says what is wrong, where, and what would be right; a check that cannot say so is not finished.

use std::fmt;

/// What is wrong, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The fault in one sentence, without the place.
    pub(crate) what: String,
    /// File, with a line or section where known; or the command to run.
    pub(crate) place: String,
    /// What to do instead.
    pub(crate) right: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "  wrong: {}", self.what)?;
        writeln!(to, "  where: {}", self.place)?;
        writeln!(to, "  right: {}", self.right)
    }
}

#[cfg(test)]
mod tests {
    use super::Finding;

    #[test]
    fn a_finding_is_printed_as_what_where_and_right() {
        let finding = Finding { what: "too long".into(), place: "a.rs".into(), right: "split it".into() };
        assert_eq!(finding.to_string(), "  wrong: too long\n  where: a.rs\n  right: split it\n");
    }
}
