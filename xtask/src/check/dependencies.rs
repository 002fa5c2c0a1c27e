//! What is shipped: all packages that the crates reach, on x86-64 Linux.
//!
//! Answers for which packages are judged by `licences` and `duplicates`. Not for the judgement.
//! Holds: reached are normal and build dependencies of the members below `crates/`, and theirs; what only tests,
//! examples, the testkit or these tasks use is not. Features are those of the whole workspace, as cargo resolves them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::semver::Version;
use cargo_metadata::{DependencyKind, Metadata, Node, Package, PackageId};

/// A package that is part of what is shipped.
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
    let resolve = metadata.resolve.as_ref().context("cargo metadata holds no resolved dependencies")?;
    let nodes: BTreeMap<&PackageId, &Node> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let packages: BTreeMap<&PackageId, &Package> =
        metadata.packages.iter().map(|package| (&package.id, package)).collect();

    let mut wanted: BTreeMap<&PackageId, BTreeSet<String>> = BTreeMap::new();
    let mut open: Vec<&PackageId> = crates(metadata).collect();
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
    let mut shipped = wanted.into_iter().map(described).collect::<Result<Vec<Dependency>>>()?;
    shipped.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(shipped)
}

/// The members below `crates/`.
fn crates(metadata: &Metadata) -> impl Iterator<Item = &PackageId> {
    let folder = metadata.workspace_root.join("crates");
    let packages = metadata.workspace_packages().into_iter();
    packages.filter(move |package| package.manifest_path.starts_with(&folder)).map(|package| &package.id)
}

fn is_shipped(dependency: &cargo_metadata::NodeDep) -> bool {
    dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
}

#[cfg(test)]
mod tests {
    use super::shipped;
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
