//! Only permissive licences in what is used, but for named packages that a single member, never shipped, may use.
//!
//! Answers for what the manifests of the dependencies state. Not for whether they state the truth, nor for notices.
//! Holds: an expression passes if one of the choices it offers (OR) asks (AND) only for what [`PERMISSIVE`] lists; a
//! package of [`ADMITTED`] passes under the licence named there as long as nobody but its one member wants it.

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

/// A package that is used in spite of its licence, by one member that lies outside of `crates/`.
struct Admitted {
    name: &'static str,
    licence: &'static str,
    /// The only one who may want it.
    by: &'static str,
}

const ADMITTED: [Admitted; 1] = [
    // A peer that the benchmark runs beside the engine. The benchmark is neither published nor distributed, so that
    // the licence, which asks something of those who distribute, asks nothing.
    Admitted { name: "renoir", licence: "LGPL-3.0-or-later", by: "millstream-bench" },
];

/// Judges all that is used.
pub(crate) fn check(project: &Project) -> Result<Vec<Finding>> {
    Ok(judge(&dependencies::used(&project.metadata()?)?, &ADMITTED))
}

fn judge(used: &[Dependency], admitted: &[Admitted]) -> Vec<Finding> {
    used.iter()
        .filter(|package| !admitted.iter().any(|entry| entry.covers(package)))
        .filter_map(|package| objection(package.licence.as_deref()).map(|what| finding(package, &what)))
        .collect()
}

impl Admitted {
    fn covers(&self, package: &Dependency) -> bool {
        let is_it = |who: &String| who.split_once(' ').is_some_and(|(name, _)| name == self.by);
        let is_named = package.name == self.name && package.licence.as_deref() == Some(self.licence);
        is_named && package.wanted_by.iter().all(is_it)
    }
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
    use super::{Admitted, judge, objection};
    use crate::check::{dependencies, sample};

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
        let found = judge(&sample::shipped(), &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "cc 1.0.0 states no licence expression");
        assert_eq!(found[0].place, "wanted by millstream-dataflow 0.1.0");
    }

    #[test]
    fn an_admitted_package_passes_for_its_one_member_and_under_its_one_licence() {
        let used = dependencies::used(&sample::metadata()).unwrap();
        let found = |by, licence| judge(&used, &[Admitted { name: "quick", licence, by }]).len();
        assert_eq!(judge(&used, &[]).len(), 2, "cc and quick");
        assert_eq!(found("millstream-testkit", "GPL-3.0-only"), 1, "cc");
        assert_eq!(found("millstream-testkit", "GPL-2.0-only"), 2);
        assert_eq!(found("millstream-model", "GPL-3.0-only"), 2);
    }

    #[test]
    fn a_package_that_another_member_wants_as_well_is_not_admitted() {
        let mut used = dependencies::used(&sample::metadata()).unwrap();
        let quick = used.iter_mut().find(|package| package.name == "quick").unwrap();
        quick.wanted_by.insert("millstream-model 0.1.0".to_owned());
        let admitted = [Admitted { name: "quick", licence: "GPL-3.0-only", by: "millstream-testkit" }];
        assert_eq!(judge(&used, &admitted).len(), 2);
    }
}
