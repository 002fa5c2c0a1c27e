//! Disks without room: under a sink, under checkpoints, under a shuffle that spills.
//!
//! The disk is a file system in memory, mounted in a namespace of its own. That takes either root's rights or a system
//! that lets users have namespaces; where there is neither, these tests fail and say so.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `command` where a disk of 24 MiB is mounted on `disk`, with the rights of a user's own namespace or with root's.
fn mounted(disk: &Path, rights: &[&str], command: &[&str]) -> Output {
    let mut unshare = Command::new("unshare");
    unshare.args(rights).args([
        "--mount",
        "sh",
        "-c",
        "mount -t tmpfs -o size=24m tmpfs \"$0\" && exec \"$@\"",
    ]);
    unshare.arg(disk).args(command).env("TMPDIR", disk).output().unwrap()
}

/// Runs `cornered` with a disk of 24 MiB mounted on `disk`.
fn on_a_small_disk(disk: &Path, arguments: &[&str]) -> String {
    const USERS: &[&str] = &["--user", "--map-root-user"];
    std::fs::create_dir_all(disk).unwrap();
    let can = |rights: &&&[&str]| mounted(disk, rights, &["true"]).status.success();
    let rights = [USERS, &[]].iter().find(can).copied().unwrap_or_else(|| {
        panic!(
            "no small disk can be mounted here: let users have namespaces (`sysctl kernel.unprivileged_userns_clone=1`, \
             `sysctl kernel.apparmor_restrict_unprivileged_userns=0`) or run the tests as root: {}",
            String::from_utf8_lossy(&mounted(disk, USERS, &["true"]).stderr)
        )
    });
    let output = mounted(disk, rights, &[&[env!("CARGO_BIN_EXE_cornered")], arguments].concat());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// What a job says whose sink or checkpoints are on the full disk.
fn stream(sink_is_on_it: bool, settings: &[&str]) -> (tempfile::TempDir, String) {
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
    let said = on_a_small_disk(&disk, &arguments);
    (folder, said)
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
    let (folder, said) = stream(true, &[]);
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
    let (folder, said) = stream(false, &[]);
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
        let (_folder, said) = stream(sink_is_on_it, &settings);
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
    let said = on_a_small_disk(&disk, &["--", "spill", disk.to_str().unwrap()]);
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
