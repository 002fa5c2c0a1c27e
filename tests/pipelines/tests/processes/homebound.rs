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
fn streams_in_batches_are_refused_for_now() {
    let said = refused("dstream");
    assert!(said.contains("streams in batches (DStream) does not run on a cluster yet"), "{said}");
}

#[test]
fn the_same_programs_run_by_themselves() {
    for which in ["collect", "dstream"] {
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_homebound")).arg(which).status().unwrap();
        assert!(status.success(), "{which}");
    }
}
