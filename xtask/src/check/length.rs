//! No source file longer than a person reads in one go.

use anyhow::Result;

use crate::finding::Finding;
use crate::project::Project;

/// Lines that a source file may have at most. (80 to 250 are aimed at.)
const LIMIT: usize = 600;

/// Measures all Rust and Python files that git knows.
pub(crate) fn check(project: &Project) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in project.files()?.iter().filter(|file| is_source(file)) {
        findings.extend(judge(file, &project.read(file)?));
    }
    Ok(findings)
}

fn is_source(file: &str) -> bool {
    file.ends_with(".rs") || file.ends_with(".py")
}

fn judge(file: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > LIMIT).then(|| Finding {
        what: format!("{lines} lines, {LIMIT} is the limit"),
        place: file.to_owned(),
        right: "split it into one concept a file, 80 to 250 lines each, tests beside them".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, is_source, judge};

    #[test]
    fn a_file_of_exactly_the_limit_passes() {
        assert_eq!(judge("a.rs", &"x\n".repeat(LIMIT)), None);
    }

    #[test]
    fn a_file_one_line_over_the_limit_is_named_with_its_length() {
        let finding = judge("crates/model/src/text.rs", &"x\n".repeat(LIMIT + 1)).unwrap();
        assert_eq!(finding.what, "601 lines, 600 is the limit");
        assert_eq!(finding.place, "crates/model/src/text.rs");
    }

    #[test]
    fn rust_and_python_are_measured_and_data_is_not() {
        assert!(is_source("a/b.rs") && is_source("b.py"));
        assert!(!is_source("flights.csv") && !is_source("Cargo.lock"));
    }
}
