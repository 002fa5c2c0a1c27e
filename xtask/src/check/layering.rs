//! Who may depend on whom: the rows of ARCHITECTURE.md.
//!
//! Answers for the edges between members of the workspace. Not for outside dependencies (`licences`, `duplicates`).
//! Holds: a crate of a row sees the rows beneath it; nothing looks up; sideways only what [`SIDEWAYS`] lists. What is
//! outside of the rows may see everything, and is seen by no row, but for the testkit by tests.

use anyhow::Result;
use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{DependencyKind, Metadata};

use crate::finding::Finding;
use crate::project::Project;

/// Folders below `crates/`, the lowest row first.
const ROWS: [&[&str]; 8] = [
    &["model"],
    &["dataflow", "network", "storage"],
    &["operators", "connectors", "formats", "runtime", "state"],
    &["api"],
    &["sql"],
    &["cluster"],
    &["cli"],
    // The leaf: its wheel has the command in it, and so all that the command can start.
    &["python"],
];

/// The only edges inside of a row: who, whom.
const SIDEWAYS: [(&str, &str); 2] = [("connectors", "formats"), ("runtime", "state")];

/// Top-level folders whose packages stand outside of the rows.
const OUTSIDE: [&str; 5] = ["testkit", "tests", "examples", "bench", "xtask"];

/// One member's dependency on another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    /// The folder of the one who depends, relative to the root: `crates/runtime`.
    from: String,
    /// The folder of the one depended on.
    to: String,
    /// What it is needed for.
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Part of what is built, by itself or by its build script.
    Shipped,
    /// Only for tests, examples and benches.
    Dev,
}

/// Where a package stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Row { row: usize, name: &'a str },
    Outside { folder: &'a str },
    Nowhere,
}

/// Judges the workspace's own manifests.
pub(crate) fn check(project: &Project) -> Result<Vec<Finding>> {
    let metadata = project.metadata()?;
    let mut findings = homeless(&members(&metadata));
    findings.extend(judge(&edges(&metadata)));
    Ok(findings)
}

/// The folders of all members, relative to the root.
fn members(metadata: &Metadata) -> Vec<String> {
    let folder = |manifest: &Utf8Path| folder_of(metadata, manifest.parent().unwrap_or(manifest));
    metadata.workspace_packages().iter().map(|package| folder(&package.manifest_path)).collect()
}

/// All dependencies by path, whether or not a feature or target turns them on.
fn edges(metadata: &Metadata) -> Vec<Edge> {
    let mut edges = Vec::new();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
        for dependency in &package.dependencies {
            let Some(path) = &dependency.path else { continue };
            let kind = if dependency.kind == DependencyKind::Development { Kind::Dev } else { Kind::Shipped };
            edges.push(Edge { from: folder_of(metadata, folder), to: folder_of(metadata, path), kind });
        }
    }
    edges
}

fn folder_of(metadata: &Metadata, folder: &Utf8Path) -> String {
    folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder).to_string().replace('\\', "/")
}

fn place(folder: &str) -> Place<'_> {
    if let Some(name) = folder.strip_prefix("crates/") {
        let row = ROWS.iter().position(|row| row.contains(&name));
        return row.map_or(Place::Nowhere, |row| Place::Row { row, name });
    }
    let top = folder.split('/').next().unwrap_or(folder);
    if OUTSIDE.contains(&top) { Place::Outside { folder: top } } else { Place::Nowhere }
}

/// Members that stand in no row and not outside of them either: nobody could say what they may see.
fn homeless(folders: &[String]) -> Vec<Finding> {
    let homeless = folders.iter().filter(|folder| place(folder) == Place::Nowhere);
    let finding = |folder: &String| Finding {
        what: format!("{folder} stands in no row"),
        place: format!("{folder}/Cargo.toml"),
        right: format!("add it to a row of ARCHITECTURE.md and of {}, or move it", file!()),
    };
    homeless.map(finding).collect()
}

/// The forbidden ones among the edges.
fn judge(edges: &[Edge]) -> Vec<Finding> {
    edges.iter().filter_map(|edge| objection(edge).map(|(why, right)| finding(edge, &why, right))).collect()
}

/// Why an edge is forbidden, and what would be right; `None` if it is allowed.
fn objection(edge: &Edge) -> Option<(String, &'static str)> {
    let (row, name, to) = match (place(&edge.from), place(&edge.to)) {
        (Place::Row { row, name }, to) => (row, name, to),
        // What is outside may see all; who has no place is a finding of its own.
        (Place::Outside { .. } | Place::Nowhere, _) => return None,
    };
    match to {
        Place::Row { row: beneath, .. } if beneath < row => None,
        Place::Row { row: above, .. } if above > row => Some((
            format!("row {row} looks up to row {above}"),
            "let the upper one depend on the lower one: move the contract down, keep the code that uses it above",
        )),
        Place::Row { name: beside, .. } if SIDEWAYS.contains(&(name, beside)) => None,
        Place::Row { .. } => Some((
            format!("both stand in row {row}, and sideways there are only {}", sideways()),
            "meet in a contract of a lower row, and let a higher row bring the two together",
        )),
        Place::Outside { folder: "testkit" } if edge.kind == Kind::Dev => None,
        Place::Outside { folder: "testkit" } => Some((
            "the testkit is only for tests".to_owned(),
            "make it a dev-dependency, or move what is shipped into a row",
        )),
        Place::Outside { folder } => Some((
            format!("{folder} stands outside of the rows, and is seen by none of them"),
            "move what is needed into a row, or the code that needs it out of them",
        )),
        Place::Nowhere => Some((
            format!("{} stands in no row", edge.to),
            "depend on a crate of a lower row, or give it a row in ARCHITECTURE.md",
        )),
    }
}

fn sideways() -> String {
    SIDEWAYS.map(|(who, whom)| format!("{who} -> {whom}")).join(" and ")
}

fn finding(edge: &Edge, why: &str, right: &str) -> Finding {
    let section = match edge.kind {
        Kind::Shipped => "[dependencies]",
        Kind::Dev => "[dev-dependencies]",
    };
    Finding {
        what: format!("{} depends on {}: {why}", edge.from, edge.to),
        place: format!("{}/Cargo.toml, {section}", edge.from),
        right: right.to_owned(),
    }
}

#[cfg(test)]
mod tests;
