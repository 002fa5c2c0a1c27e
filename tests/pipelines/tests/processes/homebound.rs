//! What runs in one process only is refused on a cluster, and does not run half.

use millstream_testkit::cluster::{Cluster, Program};

fn refused(which: &str) -> String {
    let mut cluster = Cluster::start(Program::new(env!("CARGO_BIN_EXE_homebound")).arg(which));
    assert!(!cluster.wait().success());
    cluster.said()
}

#[test]
fn results_in_the_memory_of_one_process_are_refused() {
    let said = refused("collect");
    assert!(said.contains("sink `Collect` gathers results") && said.contains("without a cluster"), "{said}");
}

#[test]
fn the_same_program_runs_by_itself() {
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_homebound")).arg("collect").status().unwrap();
    assert!(status.success());
}
