//! The layering check against edges that are allowed and edges that are not.

use super::{Edge, Kind, edges, homeless, judge, members};
use crate::check::sample;

fn edge(from: &str, to: &str, kind: Kind) -> Edge {
    Edge { from: from.into(), to: to.into(), kind }
}

fn shipped(from: &str, to: &str) -> Edge {
    edge(from, to, Kind::Shipped)
}

fn dev(from: &str, to: &str) -> Edge {
    edge(from, to, Kind::Dev)
}

#[test]
fn a_row_sees_every_row_beneath_it() {
    let edges = [
        shipped("crates/dataflow", "crates/model"),
        shipped("crates/runtime", "crates/dataflow"),
        shipped("crates/api", "crates/model"),
        shipped("crates/cli", "crates/cluster"),
        shipped("crates/python", "crates/cli"),
        dev("crates/api", "crates/state"),
    ];
    assert_eq!(judge(&edges), []);
}

#[test]
fn a_crate_that_looks_up_is_found_with_who_whom_why_and_what_is_right() {
    let found =
        judge(&[shipped("crates/dataflow", "crates/model"), shipped("crates/model", "crates/runtime")]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].what, "crates/model depends on crates/runtime: row 0 looks up to row 2");
    assert_eq!(found[0].place, "crates/model/Cargo.toml, [dependencies]");
    assert!(found[0].right.contains("move the contract down"), "{}", found[0].right);
}

#[test]
fn tests_do_not_look_up_either() {
    let found = judge(&[dev("crates/operators", "crates/api")]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].place, "crates/operators/Cargo.toml, [dev-dependencies]");
}

#[test]
fn sideways_there_are_only_two_edges_and_only_in_their_direction() {
    let allowed = [shipped("crates/connectors", "crates/formats"), shipped("crates/runtime", "crates/state")];
    assert_eq!(judge(&allowed), []);
    let forbidden = [
        shipped("crates/formats", "crates/connectors"),
        shipped("crates/state", "crates/runtime"),
        shipped("crates/operators", "crates/state"),
        shipped("crates/operators", "crates/connectors"),
    ];
    let found = judge(&forbidden);
    assert_eq!(found.len(), forbidden.len());
    assert!(found[0].what.contains("only connectors -> formats and runtime -> state"), "{}", found[0].what);
}

#[test]
fn a_row_sees_the_testkit_only_from_its_tests() {
    assert_eq!(judge(&[dev("crates/model", "testkit")]), []);
    let found = judge(&[shipped("crates/model", "testkit")]);
    assert_eq!(found.len(), 1);
    assert!(found[0].right.contains("dev-dependency"), "{}", found[0].right);
}

#[test]
fn a_row_sees_nothing_else_that_is_outside() {
    let outside = ["tests/pipelines", "examples", "bench", "xtask"];
    let edges: Vec<Edge> = outside.iter().map(|&folder| dev("crates/cli", folder)).collect();
    assert_eq!(judge(&edges).len(), outside.len());
}

#[test]
fn what_is_outside_sees_everything() {
    let edges = [
        shipped("testkit", "crates/runtime"),
        shipped("tests/pipelines", "crates/cli"),
        shipped("bench", "testkit"),
        shipped("examples", "crates/api"),
    ];
    assert_eq!(judge(&edges), []);
}

#[test]
fn a_member_without_a_row_is_found() {
    let found = homeless(&["crates/model".into(), "crates/rpc".into(), "tools".into(), "tests/sql".into()]);
    let places: Vec<&str> = found.iter().map(|finding| finding.place.as_str()).collect();
    assert_eq!(places, ["crates/rpc/Cargo.toml", "tools/Cargo.toml"]);
}

#[test]
fn edges_are_read_from_the_metadata_with_their_kind() {
    let metadata = sample::metadata();
    assert_eq!(members(&metadata), ["crates/model", "crates/dataflow", "testkit"]);
    assert_eq!(
        edges(&metadata),
        [
            dev("crates/model", "testkit"),
            shipped("crates/dataflow", "crates/model"),
            shipped("testkit", "crates/dataflow"),
        ]
    );
}
