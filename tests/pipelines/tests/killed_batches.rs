//! A stream in batches whose process is killed, again and again, gives what an undisturbed one gives.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const KILLS: u32 = 25;

fn counted(folder: &Path) -> Child {
    let _none = fs::remove_file(folder.join("out/ready"));
    let names = ["checkpoints", "in", "out"];
    let child = Command::new(env!("CARGO_BIN_EXE_counted"))
        .args(names.map(|name| folder.join(name)))
        .spawn()
        .unwrap();
    wait_for("its start", || folder.join("out/ready").exists());
    child
}

fn wait_for(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(Instant::now() < deadline, "waited a minute for {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// The same numbers for the same seed; enough for moments to kill at.
fn pseudo_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// Puts a file into the folder whole, and notes its words.
fn put(folder: &Path, name: &str, words: &[String], expected: &mut BTreeMap<String, u64>) {
    let open = folder.join(format!("in/.{name}"));
    fs::write(&open, words.join(" ")).unwrap();
    fs::rename(open, folder.join("in").join(name)).unwrap();
    words.iter().for_each(|word| *expected.entry(word.clone()).or_default() += 1);
}

#[test]
fn each_file_changes_state_and_windows_once_through_twenty_five_kills() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ["in", "out"].iter().for_each(|name| fs::create_dir(folder.join(name)).unwrap());
    let (mut seed, mut expected) = (20_261_124, BTreeMap::new());
    for kill in 0..KILLS {
        let mut child = counted(folder);
        let deadline = Instant::now() + Duration::from_millis(pseudo_random(&mut seed) % 150);
        for file in 0.. {
            let words: Vec<_> = (0..5).map(|_| format!("word{}", pseudo_random(&mut seed) % 50)).collect();
            put(folder, &format!("{kill}-{file}"), &words, &mut expected);
            if Instant::now() >= deadline {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    put(folder, "last", &["end".to_owned()], &mut expected);
    let mut child = counted(folder);
    let expected: String = expected.iter().map(|(word, count)| format!("{word} {count}\n")).collect();
    let shown = |name: &str| fs::read_to_string(folder.join("out").join(name)).unwrap_or_default();
    for name in ["state", "window", "lines"] {
        wait_for(name, || shown(name).contains("end "));
        assert_eq!(shown(name), expected, "{name}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
