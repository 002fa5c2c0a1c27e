//! Disks without room: under a sink, under checkpoints, under a shuffle that spills.
//!
//! The disk is a file system in memory, mounted in a namespace of its own, which takes no rights where the system lets
//! users have namespaces. Where it does not, these tests say so and prove nothing; the messages alone are then held by
//! the tests of the state store and of the sink, with errors that are made up.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `cornered` with a disk of 24 MiB mounted on `disk`; `None` where that cannot be had.
fn on_a_small_disk(disk: &Path, arguments: &[&str]) -> Option<String> {
    std::fs::create_dir_all(disk).unwrap();
    let mounted = |command: &[&str]| -> std::io::Result<Output> {
        let script = "mount -t tmpfs -o size=24m tmpfs \"$0\" && exec \"$@\"";
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(disk).args(command);
        unshare.env("TMPDIR", disk).output()
    };
    if !mounted(&["true"]).is_ok_and(|output| output.status.success()) {
        eprintln!("no full disk can be had here: the system lets users have no namespaces");
        return None;
    }
    let output = mounted(&[&[env!("CARGO_BIN_EXE_cornered")], arguments].concat()).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{said}");
    Some(said)
}

/// What a job says whose sink or checkpoints are on the full disk.
fn stream(sink_is_on_it: bool, settings: &[&str]) -> Option<(tempfile::TempDir, String)> {
    let folder = tempfile::tempdir().unwrap();
    let (disk, roomy) = (folder.path().join("disk"), folder.path().join("roomy"));
    let (sink, state) = if sink_is_on_it { (&disk, &roomy) } else { (&roomy, &disk) };
    let path = |base: &Path, name: &str| base.join(name).to_str().unwrap().to_owned();
    let (output, checkpoints) = (path(sink, "output"), path(state, "checkpoints"));
    let mut arguments =
        vec!["--checkpoints", &checkpoints, "--checkpoint-interval", "25 ms", "--checkpoint-retained", "1"];
    arguments.extend(settings);
    let disk_name = disk.to_str().unwrap();
    arguments.extend(["--", "stream", disk_name, &output]);
    let said = on_a_small_disk(&disk, &arguments)?;
    Some((folder, said))
}

fn assert_parts(said: &str, parts: &[&str]) {
    let mut rest = said;
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else {
            panic!("{part:?} is not, or not there, in: {said}")
        };
        rest = behind;
    }
}

const NOTHING_LOST: &str = "lost: 0, doubled: 0\nkept: true\n";

#[test]
fn a_full_disk_under_a_sink_is_said_and_with_room_the_job_goes_on_from_its_last_checkpoint() {
    let Some((folder, said)) = stream(true, &[]) else { return };
    let file = format!("`{}/disk/output/.part-0-", folder.path().display());
    assert_parts(
        &said,
        &[
            "status: Failed\n",
            "committed some: true, each once: true\n",
            "message: operator `TextFilesSink` (uid files, subtask 1 of 1) failed",
            "\n  caused by: cannot ",
            &file,
            "\n  caused by: No space left on device (os error 28)\n",
            "  the disk is full: make room; finished files stay as they are, and a job with checkpoints goes on from the \
             last\n",
            NOTHING_LOST,
        ],
    );
}

#[test]
fn a_full_disk_under_checkpoints_is_said_and_with_room_the_job_goes_on_from_the_last_good_one() {
    let Some((folder, said)) = stream(false, &[]) else { return };
    let file =
        format!("message: no space is left for {}/disk/checkpoints/checkpoint-", folder.path().display());
    assert_parts(
        &said,
        &[
            "status: Failed\n",
            "committed some: true, each once: true\n",
            &file,
            ": No space left on device (os error 28); make room, a job goes on from its last finished checkpoint\n",
            NOTHING_LOST,
        ],
    );
}

#[test]
fn a_job_that_is_started_again_goes_on_by_itself_once_there_is_room() {
    for sink_is_on_it in [true, false] {
        let settings = ["--restart", "fixed-delay", "--restart-attempts", "1000", "--restart-delay", "50 ms"];
        let Some((_folder, said)) = stream(sink_is_on_it, &settings) else { return };
        assert_parts(
            &said,
            &["status: Restarting\n", "committed some: true, each once: true\n", NOTHING_LOST],
        );
    }
}

#[test]
fn a_full_disk_under_a_shuffle_that_spills_is_said_and_with_room_the_same_program_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    let Some(said) = on_a_small_disk(&disk, &["--", "spill", disk.to_str().unwrap()]) else { return };
    let spilled = format!(
        "\n  caused by: a shuffle block cannot be spilled to {}\n  caused by: No space left on device (os error 28)\n  \
         free space there, name another folder (`spill_folder`, or TMPDIR), or give it more memory\n",
        disk.display()
    );
    let attempts = " failed in all 4 attempts; this is the last one\n";
    assert_parts(
        &said,
        &["message: operator `map` (uid rdd-", &spilled, attempts, "right: 150000 of 150000\n"],
    );
}
