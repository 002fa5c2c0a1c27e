//! A workspace of three members for tests, as cargo would describe it.
//!
//! `crates/dataflow` -> `crates/model` -(dev)-> `testkit` -> `crates/dataflow`; both crates want `hash` 0.15, the build
//! script of `crates/dataflow` wants `cc` (without a licence), which wants `hash` 0.14; the testkit wants `quick`.

use cargo_metadata::{Metadata, MetadataCommand};

use super::dependencies::{self, Dependency};

/// The metadata of the sample.
pub(crate) fn metadata() -> Metadata {
    let packages = [
        package(
            "millstream-model",
            "0.1.0",
            "crates/model",
            "MIT",
            &[("millstream-testkit", "testkit", "dev")],
        ),
        package(
            "millstream-dataflow",
            "0.1.0",
            "crates/dataflow",
            "MIT",
            &[("millstream-model", "crates/model", "")],
        ),
        package(
            "millstream-testkit",
            "0.1.0",
            "testkit",
            "MIT",
            &[("millstream-dataflow", "crates/dataflow", "")],
        ),
        package("hash", "0.14.0", "registry/hash-0.14.0", "MIT", &[]),
        package("hash", "0.15.2", "registry/hash-0.15.2", "MIT", &[]),
        package("cc", "1.0.0", "registry/cc", "", &[]),
        package("quick", "1.0.0", "registry/quick", "GPL-3.0-only", &[]),
    ];
    let nodes = [
        node("millstream-model 0.1.0", &[("hash 0.15.2", ""), ("millstream-testkit 0.1.0", "dev")]),
        node(
            "millstream-dataflow 0.1.0",
            &[("millstream-model 0.1.0", ""), ("hash 0.15.2", ""), ("cc 1.0.0", "build")],
        ),
        node("millstream-testkit 0.1.0", &[("millstream-dataflow 0.1.0", ""), ("quick 1.0.0", "")]),
        node("hash 0.14.0", &[]),
        node("hash 0.15.2", &[]),
        node("cc 1.0.0", &[("hash 0.14.0", "")]),
        node("quick 1.0.0", &[]),
    ];
    let members = r#""millstream-model 0.1.0", "millstream-dataflow 0.1.0", "millstream-testkit 0.1.0""#;
    let text = format!(
        r#"{{"version": 1, "workspace_root": "/house", "target_directory": "/house/target", "workspace_members": [{members}],
            "packages": [{}], "resolve": {{"root": null, "nodes": [{}]}}}}"#,
        packages.join(","),
        nodes.join(",")
    );
    MetadataCommand::parse(text).unwrap()
}

/// What the sample ships.
pub(crate) fn shipped() -> Vec<Dependency> {
    dependencies::shipped(&metadata()).unwrap()
}

fn package(name: &str, version: &str, folder: &str, licence: &str, paths: &[(&str, &str, &str)]) -> String {
    let licence = if licence.is_empty() { "null".to_owned() } else { format!("{licence:?}") };
    let dependency = |(name, folder, kind): &(&str, &str, &str)| {
        format!(
            r#"{{"name": {name:?}, "req": "*", "kind": {}, "optional": false, "uses_default_features": true,
                "features": [], "path": "/house/{folder}"}}"#,
            kind_of(kind)
        )
    };
    let dependencies: Vec<String> = paths.iter().map(dependency).collect();
    format!(
        r#"{{"name": {name:?}, "version": {version:?}, "id": "{name} {version}", "license": {licence},
            "manifest_path": "/house/{folder}/Cargo.toml", "dependencies": [{}], "targets": [], "features": {{}}}}"#,
        dependencies.join(",")
    )
}

fn node(id: &str, wants: &[(&str, &str)]) -> String {
    let want = |(id, kind): &(&str, &str)| {
        format!(
            r#"{{"name": "x", "pkg": {id:?}, "dep_kinds": [{{"kind": {}, "target": null}}]}}"#,
            kind_of(kind)
        )
    };
    let deps: Vec<String> = wants.iter().map(want).collect();
    let ids: Vec<String> = wants.iter().map(|(id, _)| format!("{id:?}")).collect();
    format!(
        r#"{{"id": {id:?}, "deps": [{}], "dependencies": [{}], "features": []}}"#,
        deps.join(","),
        ids.join(",")
    )
}

/// Cargo writes `null` for a normal dependency.
fn kind_of(kind: &str) -> String {
    if kind.is_empty() { "null".to_owned() } else { format!("{kind:?}") }
}
