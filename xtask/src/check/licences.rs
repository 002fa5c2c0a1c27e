//! Only permissive licences in what is shipped.
//!
//! Answers for what the manifests of the dependencies state. Not for whether they state the truth, nor for notices.
//! Holds: an expression passes if one of the choices it offers (OR) asks (AND) only for what [`PERMISSIVE`] lists.

use anyhow::Result;
use spdx::{Expression, ParseMode};

use super::dependencies::{self, Dependency};
use crate::finding::Finding;
use crate::project::Project;

/// Licences, in SPDX's words, under which a dependency may come; one with an exception only if listed with it.
const PERMISSIVE: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Judges all that is shipped.
pub(crate) fn check(project: &Project) -> Result<Vec<Finding>> {
    Ok(judge(&dependencies::shipped(&project.metadata()?)?))
}

fn judge(shipped: &[Dependency]) -> Vec<Finding> {
    shipped
        .iter()
        .filter_map(|package| objection(package.licence.as_deref()).map(|what| finding(package, &what)))
        .collect()
}

/// Why a licence is refused; `None` if it is permissive.
fn objection(licence: Option<&str>) -> Option<String> {
    let Some(text) = licence else { return Some("states no licence expression".to_owned()) };
    // Old manifests write `MIT/Apache-2.0`, which the lax mode reads as OR.
    let expression = match Expression::parse_mode(text, ParseMode::LAX) {
        Ok(expression) => expression,
        Err(error) => {
            return Some(format!(
                "states the licence \"{text}\", which is no SPDX expression: {}",
                error.reason
            ));
        }
    };
    let refused =
        expression.evaluate_with_failures(|asked| PERMISSIVE.contains(&asked.to_string().as_str())).err()?;
    let refused: Vec<String> = refused.iter().map(|failed| failed.req.to_string()).collect();
    Some(format!("states the licence \"{text}\"; not on the list: {}", refused.join(", ")))
}

fn finding(package: &Dependency, what: &str) -> Finding {
    let wanted_by: Vec<&str> = package.wanted_by.iter().map(String::as_str).collect();
    Finding {
        what: format!("{} {} {what}", package.name, package.version),
        place: if wanted_by.is_empty() {
            "its own manifest".into()
        } else {
            format!("wanted by {}", wanted_by.join(", "))
        },
        right: format!("another crate or feature; or, if the licence is permissive, list it in {}", file!()),
    }
}

#[cfg(test)]
mod tests {
    use super::{judge, objection};
    use crate::check::sample;

    #[test]
    fn a_listed_licence_passes() {
        assert_eq!(objection(Some("MIT")), None);
    }

    #[test]
    fn of_a_choice_one_listed_licence_is_enough() {
        assert_eq!(objection(Some("GPL-3.0-only OR Apache-2.0")), None);
        assert_eq!(objection(Some("MIT/Apache-2.0")), None);
    }

    #[test]
    fn of_what_is_asked_together_each_must_be_listed() {
        assert_eq!(objection(Some("(MIT OR Apache-2.0) AND Unicode-3.0")), None);
        let refused = objection(Some("MIT AND MPL-2.0")).unwrap();
        assert!(refused.ends_with("not on the list: MPL-2.0"), "{refused}");
    }

    #[test]
    fn and_binds_before_or() {
        assert_eq!(objection(Some("MIT OR GPL-2.0-only AND Zlib")), None);
        assert!(objection(Some("(MIT OR GPL-2.0-only) AND AGPL-3.0-only")).is_some());
    }

    #[test]
    fn an_exception_must_be_listed_with_its_licence() {
        assert_eq!(objection(Some("Apache-2.0 WITH LLVM-exception")), None);
        assert!(objection(Some("GPL-2.0-only WITH Classpath-exception-2.0")).is_some());
        assert!(objection(Some("MIT WITH LLVM-exception")).is_some());
    }

    #[test]
    fn what_is_no_expression_is_refused_and_said() {
        let refused = objection(Some("see the file LICENSE")).unwrap();
        assert!(refused.contains("no SPDX expression"), "{refused}");
    }

    #[test]
    fn a_package_without_a_licence_is_found_with_who_wants_it() {
        let found = judge(&sample::shipped());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "cc 1.0.0 states no licence expression");
        assert_eq!(found[0].place, "wanted by millstream-dataflow 0.1.0");
    }
}
