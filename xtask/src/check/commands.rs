//! The checks that another tool makes: rustfmt, clippy, rustdoc.
//!
//! Holds: the tool's own output is passed through and says where; the finding says which command it was.

use crate::finding::Finding;
use crate::project::Project;

/// All members, formatted.
pub(crate) fn fmt(project: &Project) -> Vec<Finding> {
    let result = project.cargo(&["fmt", "--all", "--check"], &[]);
    findings(result, "fmt", "run `cargo fmt --all`")
}

/// All members and all their targets, without a warning.
pub(crate) fn clippy(project: &Project) -> Vec<Finding> {
    let result = project.cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]);
    findings(result, "clippy", "follow the lints; an exception needs `#[allow(.., reason = \"..\")]`")
}

/// The documentation of all members, without a warning.
pub(crate) fn docs(project: &Project) -> Vec<Finding> {
    let result = project.cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]);
    findings(result, "docs", "mend the links and the markup")
}

fn findings(result: anyhow::Result<()>, check: &str, right: &str) -> Vec<Finding> {
    let finding = |error: anyhow::Error| Finding {
        what: format!("{error:#}"),
        place: format!("in the output above; again with `cargo xtask check --only {check}`"),
        right: right.to_owned(),
    };
    result.err().map(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::findings;

    #[test]
    fn a_tool_that_succeeds_is_no_finding() {
        assert_eq!(findings(Ok(()), "fmt", "run it"), []);
    }

    #[test]
    fn a_tool_that_fails_is_a_finding_that_says_how_to_see_it_again() {
        let found = findings(Err(anyhow::anyhow!("`cargo fmt` ended with 1")), "fmt", "run it");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "`cargo fmt` ended with 1");
        assert!(found[0].place.contains("cargo xtask check --only fmt"), "{}", found[0].place);
    }
}
