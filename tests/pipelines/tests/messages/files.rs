//! Input files that are missing, unreadable, empty or no text.

use std::fs;
use std::path::Path;
use std::process::Command;

use millstream::connectors::files::{LineSettings, OnBadText, TextFiles};
use millstream::rdd::Context;
use millstream::{StreamEnvironment, Text};

fn stream(path: &Path) -> Result<Vec<Text>, String> {
    let env = StreamEnvironment::new();
    let lines = env.source(TextFiles::read(path.display().to_string())).uid("lines");
    lines.execute_and_collect("read").map_err(|failure| failure.to_string())
}

fn rdd(path: &Path) -> Result<Vec<Text>, String> {
    let context = Context::builder().parallelism(1).build().unwrap();
    context.text_file(path).and_then(|lines| lines.collect()).map_err(|failure| failure.to_string())
}

fn here() -> String {
    std::env::current_dir().unwrap().display().to_string()
}

#[test]
fn a_file_that_is_missing_is_named_with_the_folder_that_paths_begin_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flights.csv");
    let said = format!(
        "`{}` does not exist\n  caused by: No such file or directory (os error 2)\n  paths are relative to {}",
        path.display(),
        here()
    );
    assert_eq!(stream(&path).unwrap_err(), in_source(&said));
    assert_eq!(rdd(&path).unwrap_err(), said);
}

/// What the source of these tests says of itself.
fn in_source(said: &str) -> String {
    format!("operator `TextFiles` (uid lines) failed\n  caused by: {said}")
}

#[test]
fn a_pattern_or_a_folder_without_files_says_what_is_left_out_and_how_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".hidden"), "x").unwrap();
    let advice = format!(
        "paths are relative to {}; names that begin with . or _ are left out; a stream waits for files that come \
         later with .watch(interval)",
        here()
    );
    let path = folder.path().join("*.csv");
    let said = format!("no file matches `{}`\n  {advice}", path.display());
    assert_eq!(stream(&path).unwrap_err(), in_source(&said));
    assert_eq!(rdd(&path).unwrap_err(), said);
    let said = format!("the folder `{}` has no file to read\n  {advice}", folder.path().display());
    assert_eq!(stream(folder.path()).unwrap_err(), in_source(&said));
    assert_eq!(rdd(folder.path()).unwrap_err(), said);
}

#[test]
fn a_file_that_may_not_be_read_is_said() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.csv");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let read = [env!("CARGO_BIN_EXE_cornered"), "--", "read", path.to_str().unwrap()];
    // In a namespace without rights not even root reads what nobody may.
    let mut command = Command::new("unshare");
    let output = command
        .arg("--user")
        .args(read)
        .output()
        .ok()
        .filter(|output| !output.stderr.starts_with(b"unshare"));
    let said = output.unwrap_or_else(|| Command::new(read[0]).args(&read[1..]).output().unwrap());
    assert!(
        !said.status.success(),
        "this user reads everything: run the tests as one who does not, or let users have namespaces"
    );
    assert_eq!(
        String::from_utf8(said.stderr).unwrap(),
        format!(
            "error: operator `TextFiles` (uid lines) failed\n  caused by: `{}` may not be read by this user\n  \
             caused by: Permission denied (os error 13)\n  give this user the right to read it (chmod, chown), or run the \
             program as one who has it\n",
            path.display()
        )
    );
}

#[test]
fn a_path_that_cannot_be_followed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loop");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let said = format!(
        "cannot read `{}`\n  caused by: Too many levels of symbolic links (os error 40)",
        path.display()
    );
    assert_eq!(stream(&path).unwrap_err(), in_source(&said));
    assert_eq!(rdd(&path).unwrap_err(), said);
}

#[test]
fn an_empty_file_is_a_stream_without_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.csv");
    fs::write(&path, "").unwrap();
    assert_eq!(stream(&path).unwrap(), Vec::<Text>::new());
    assert_eq!(rdd(&path).unwrap(), Vec::<Text>::new());
}

#[test]
fn a_line_that_is_no_text_is_named_with_file_line_byte_and_the_choices() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.txt");
    fs::write(&path, b"one\ntwo\nthr\xffee\nfour\n").unwrap();
    let said = "a line is not UTF-8 text: byte 4 of the line is bad (byte 11 of the input, counted from 0)";
    let behind = format!(
        "failed at {}, line 3\n  caused by: {said}\n  to go on with such lines: OnBadText::Replace puts U+FFFD for bad \
         bytes, OnBadText::Skip leaves the lines out and counts them",
        path.display()
    );
    assert_eq!(
        stream(&path).unwrap_err(),
        format!("operator `TextFiles` (uid lines, subtask 1 of 1) {behind}")
    );
    assert_eq!(
        rdd(&path).unwrap_err(),
        format!(
            "operator `text_file` (uid rdd-0, subtask 1 of 1) {behind}\n  partition 0 of rdd 0 failed in attempt 1; another would fail in \
             the same way"
        )
    );
}

#[test]
fn lines_that_are_no_text_are_replaced_or_skipped_and_counted_where_that_was_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.txt").display().to_string();
    fs::write(&path, b"one\nthr\xffee\nfour\n").unwrap();
    let read = |source: TextFiles| {
        let env = StreamEnvironment::new();
        env.source(source).execute_and_collect("read").unwrap()
    };
    let replacing = TextFiles::read(&path).on_bad_text(OnBadText::Replace);
    assert_eq!(read(replacing), ["one", "thr\u{fffd}ee", "four"]);
    let context = Context::builder().parallelism(1).build().unwrap();
    let settings = LineSettings { on_bad_text: OnBadText::Skip, ..LineSettings::default() };
    let skipped = settings.skipped.clone();
    assert_eq!(context.text_file_with(&path, settings).unwrap().collect().unwrap(), ["one", "four"]);
    assert_eq!(skipped.count(), 1);
    let skipping = TextFiles::read(&path).on_bad_text(OnBadText::Skip);
    let skipped = skipping.skipped();
    assert_eq!(read(skipping), ["one", "four"]);
    assert_eq!(skipped.count(), 1);
}
