//! What is shipped, all packages that the crates reach, and what is used: by any member. Both on x86-64 Linux.
//!
//! Answers for which packages are judged by `duplicates` (shipped) and `licences` (used). Not for the judgement.
//! Holds: reached are normal and build dependencies of members, and theirs; shipped is what the members below `crates/`
//! reach, and not what only tests, examples, the testkit, the benchmark or these tasks do. Features are those of the
//! whole workspace, as cargo resolves them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::semver::Version;
use cargo_metadata::{DependencyKind, Metadata, Node, Package, PackageId};

/// A package that is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// The one version of it that this is.
    pub(crate) version: Version,
    /// The licence expression that its manifest states.
    pub(crate) licence: Option<String>,
    /// Who asks for it, as `name version`, sorted; empty for a crate nobody depends on.
    pub(crate) wanted_by: BTreeSet<String>,
}

/// All packages that are shipped, by name and version.
pub(crate) fn shipped(metadata: &Metadata) -> Result<Vec<Dependency>> {
    let folder = metadata.workspace_root.join("crates");
    reached_from(metadata, |member| member.manifest_path.starts_with(&folder))
}

/// All packages that any member uses, by name and version.
pub(crate) fn used(metadata: &Metadata) -> Result<Vec<Dependency>> {
    reached_from(metadata, |_| true)
}

/// All packages that the chosen members reach, themselves included, by name and version.
fn reached_from(metadata: &Metadata, chosen: impl Fn(&Package) -> bool) -> Result<Vec<Dependency>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata holds no resolved dependencies")?;
    let nodes: BTreeMap<&PackageId, &Node> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let packages: BTreeMap<&PackageId, &Package> =
        metadata.packages.iter().map(|package| (&package.id, package)).collect();

    let mut wanted: BTreeMap<&PackageId, BTreeSet<String>> = BTreeMap::new();
    let members = metadata.workspace_packages().into_iter().filter(|member| chosen(member));
    let mut open: Vec<&PackageId> = members.map(|member| &member.id).collect();
    wanted.extend(open.iter().map(|&id| (id, BTreeSet::new())));
    while let Some(id) = open.pop() {
        let who = packages.get(id).with_context(|| format!("cargo metadata does not describe {id}"))?;
        let node = nodes.get(id).with_context(|| format!("cargo metadata does not resolve {id}"))?;
        for dependency in node.deps.iter().filter(|dependency| is_shipped(dependency)) {
            let seen = wanted.entry(&dependency.pkg).or_insert_with(|| {
                open.push(&dependency.pkg);
                BTreeSet::new()
            });
            seen.insert(format!("{} {}", who.name, who.version));
        }
    }

    let described = |(id, wanted_by): (&PackageId, BTreeSet<String>)| {
        let package = packages.get(id).with_context(|| format!("cargo metadata does not describe {id}"))?;
        let (name, version) = (package.name.to_string(), package.version.clone());
        Ok(Dependency { name, version, licence: package.license.clone(), wanted_by })
    };
    let mut reached = wanted.into_iter().map(described).collect::<Result<Vec<Dependency>>>()?;
    reached.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(reached)
}

fn is_shipped(dependency: &cargo_metadata::NodeDep) -> bool {
    dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
}

#[cfg(test)]
mod tests {
    use super::{shipped, used};
    use crate::check::sample;

    #[test]
    fn normal_and_build_dependencies_are_shipped_and_those_of_tests_are_not() {
        let shipped = shipped(&sample::metadata()).unwrap();
        let names: Vec<String> =
            shipped.iter().map(|package| format!("{} {}", package.name, package.version)).collect();
        assert_eq!(
            names,
            ["cc 1.0.0", "hash 0.14.0", "hash 0.15.2", "millstream-dataflow 0.1.0", "millstream-model 0.1.0"]
        );
    }

    #[test]
    fn what_members_outside_of_the_crates_reach_is_used_and_not_shipped() {
        let used = used(&sample::metadata()).unwrap();
        let quick = used.iter().find(|package| package.name == "quick").unwrap();
        assert_eq!(quick.wanted_by.iter().collect::<Vec<_>>(), ["millstream-testkit 0.1.0"]);
    }

    #[test]
    fn each_package_says_who_wants_it() {
        let shipped = shipped(&sample::metadata()).unwrap();
        let wanted_by: Vec<&String> = shipped[2].wanted_by.iter().collect();
        assert_eq!(wanted_by, ["millstream-dataflow 0.1.0", "millstream-model 0.1.0"]);
    }

    #[test]
    fn each_package_carries_the_licence_it_states() {
        let shipped = shipped(&sample::metadata()).unwrap();
        assert_eq!(shipped[0].licence, None);
        assert_eq!(shipped[1].licence.as_deref(), Some("MIT"));
    }
}
