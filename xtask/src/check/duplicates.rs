//! One version of each dependency, or a written reason for two.
//!
//! Answers for `xtask/duplicates.txt` saying exactly what is. Not for which version is the better one.
//! Holds: a duplicate that is not listed fails, and so does a line that no longer describes a duplicate.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use cargo_metadata::semver::Version;

use super::dependencies::{self, Dependency};
use crate::finding::Finding;
use crate::project::Project;

/// The list of duplicates that are put up with: a line each, `name series series ..: reason`.
const LIST: &str = "xtask/duplicates.txt";

/// Compares what is shipped with the list.
pub(crate) fn check(project: &Project) -> Result<Vec<Finding>> {
    let listed = parse(&project.read(LIST)?)?;
    Ok(judge(&dependencies::shipped(&project.metadata()?)?, &listed))
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    line: usize,
    name: String,
    series: BTreeSet<String>,
}

/// Reads the list. Empty lines and those that start with `#` say nothing.
fn parse(text: &str) -> Result<Vec<Listed>> {
    let mut listed: Vec<Listed> = Vec::new();
    for (line, entry) in
        (1..).zip(text.lines()).filter(|(_, entry)| !entry.is_empty() && !entry.starts_with('#'))
    {
        let (package, reason) = entry.split_once(": ").unwrap_or((entry, ""));
        ensure!(!reason.trim().is_empty(), "{LIST}, line {line}: no reason after `: `");
        let mut words = package.split_whitespace().map(str::to_owned);
        let name = words.next().unwrap_or_default();
        let series: BTreeSet<String> = words.collect();
        ensure!(
            series.len() > 1,
            "{LIST}, line {line}: two series or more are expected, as in `hash 0.14 0.15: reason`"
        );
        ensure!(listed.iter().all(|other| other.name != name), "{LIST}, line {line}: {name} is listed twice");
        listed.push(Listed { line, name, series });
    }
    Ok(listed)
}

/// What is not listed, and what is listed without being so.
fn judge(shipped: &[Dependency], listed: &[Listed]) -> Vec<Finding> {
    let duplicates = duplicates(shipped);
    let unlisted = duplicates.iter().filter(|(name, versions)| {
        !listed.iter().any(|entry| entry.name == **name && entry.series == series_of(versions))
    });
    let stale = listed.iter().filter(|entry| {
        duplicates.get(entry.name.as_str()).is_none_or(|versions| series_of(versions) != entry.series)
    });
    unlisted
        .map(|(name, versions)| unlisted_finding(name, versions))
        .chain(stale.map(stale_finding))
        .collect()
}

/// The packages shipped in more than one version, by name.
fn duplicates(shipped: &[Dependency]) -> BTreeMap<&str, Vec<&Dependency>> {
    let mut by_name: BTreeMap<&str, Vec<&Dependency>> = BTreeMap::new();
    for package in shipped {
        by_name.entry(&package.name).or_default().push(package);
    }
    by_name.retain(|_, versions| versions.len() > 1);
    by_name
}

fn series_of(versions: &[&Dependency]) -> BTreeSet<String> {
    versions.iter().map(|package| series(&package.version)).collect()
}

/// The part of a version that its compatible successors share (cargo keeps one version of each series).
fn series(version: &Version) -> String {
    match (version.major, version.minor) {
        (0, 0) => format!("0.0.{}", version.patch),
        (0, minor) => format!("0.{minor}"),
        (major, _) => major.to_string(),
    }
}

fn unlisted_finding(name: &str, versions: &[&Dependency]) -> Finding {
    let wanted = |package: &&Dependency| {
        let by: Vec<&str> = package.wanted_by.iter().map(String::as_str).collect();
        format!("{} by {}", package.version, by.join(", "))
    };
    let wanted: Vec<String> = versions.iter().map(wanted).collect();
    let series: Vec<String> = series_of(versions).into_iter().collect();
    Finding {
        what: format!("{name} is built in {} versions", versions.len()),
        place: format!("wanted as {}", wanted.join("; as ")),
        right: format!(
            "agree on one version; or, if that cannot be, `{name} {}: reason` in {LIST}",
            series.join(" ")
        ),
    }
}

fn stale_finding(entry: &Listed) -> Finding {
    let series: Vec<&str> = entry.series.iter().map(String::as_str).collect();
    Finding {
        what: format!("{} is not built in the series {}", entry.name, series.join(" and ")),
        place: format!("{LIST}, line {}", entry.line),
        right: "take the line out, or make it say what is".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{judge, parse, series};
    use crate::check::sample;
    use cargo_metadata::semver::Version;

    #[test]
    fn an_unlisted_duplicate_is_found_with_who_wants_which_version() {
        let found = judge(&sample::shipped(), &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "hash is built in 2 versions");
        assert_eq!(
            found[0].place,
            "wanted as 0.14.0 by cc 1.0.0; as 0.15.2 by millstream-dataflow 0.1.0, millstream-model 0.1.0"
        );
        assert!(found[0].right.contains("`hash 0.14 0.15: reason`"), "{}", found[0].right);
    }

    #[test]
    fn a_listed_duplicate_passes() {
        let listed = parse("# who: why\n\nhash 0.15 0.14: cc has not moved on\n").unwrap();
        assert_eq!(judge(&sample::shipped(), &listed), []);
    }

    #[test]
    fn a_line_about_what_is_no_duplicate_is_stale() {
        let listed = parse("hash 0.14 0.15: cc has not moved on\ncc 1 2: gone\n").unwrap();
        let found = judge(&sample::shipped(), &listed);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "cc is not built in the series 1 and 2");
        assert_eq!(found[0].place, "xtask/duplicates.txt, line 2");
    }

    #[test]
    fn a_line_with_other_series_is_stale_and_does_not_cover() {
        let listed = parse("hash 0.13 0.15: cc has not moved on\n").unwrap();
        assert_eq!(judge(&sample::shipped(), &listed).len(), 2);
    }

    #[test]
    fn a_line_needs_a_reason_two_series_and_a_name_of_its_own() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert!(message("hash 0.14 0.15").contains("line 1: no reason"));
        assert!(message("hash 0.14 0.15: ").contains("line 1: no reason"));
        assert!(message("\nhash 0.14: old").contains("line 2: two series"));
        assert!(message("hash 1 2: old\nhash 2 3: new").contains("line 2: hash is listed twice"));
    }

    #[test]
    fn a_series_is_what_cargo_unifies() {
        let of = |text: &str| series(&Version::parse(text).unwrap());
        assert_eq!((of("1.2.3"), of("0.15.2"), of("0.0.7")), ("1".into(), "0.15".into(), "0.0.7".into()));
    }
}
