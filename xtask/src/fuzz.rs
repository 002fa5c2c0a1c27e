//! Fuzzing led by coverage: libFuzzer, on the stable toolchain, over the same properties that the tests try with random bytes.
//!
//! Answers for building them with counters at each branch, in a folder of their own, for running each for some seconds, and for
//! keeping what was found. Not for the properties: they stand beside what they are about, and `cargo test` runs them briefly.
//! Holds: no property is left out; one that was built without counters is a failure, and so is an input that breaks one. It is
//! kept below `fuzz/broken`, and what led to new branches below `fuzz/corpus`, both in the folder of what is built.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::Message;

use crate::project::{Project, TARGET, cargo};

/// What the suite gives to each property, in seconds.
const BRIEFLY: u64 = 6;

/// What a property is begun with in the source.
const MARK: &str = concat!("bolero::", "check!()");

/// What rustc is told, beside what says so to the code.
const FLAGS: &str = "--cfg fuzzing --cfg fuzzing_libfuzzer -Cpasses=sancov-module \
     -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// A property, and where it is.
struct Property {
    package: &'static str,
    /// The target of the package: its library, or a test.
    binary: &'static str,
    test: &'static str,
    /// The folder with `__fuzz__`, where there are stored seeds.
    seeds: Option<&'static str>,
}

const PROPERTIES: [Property; 7] = [
    Property {
        package: "millstream-network",
        binary: "fuzz",
        test: "any_bytes_are_messages_within_the_limit_or_an_error",
        seeds: Some("crates/network/tests"),
    },
    Property {
        package: "millstream-network",
        binary: "fuzz",
        test: "any_preface_is_right_or_refused_with_advice",
        seeds: None,
    },
    Property {
        package: "millstream-runtime",
        binary: "network",
        test: "fuzz::any_bytes_are_frames_the_wish_for_more_or_an_error",
        seeds: Some("crates/runtime/tests/network"),
    },
    Property {
        package: "millstream-runtime",
        binary: "network",
        test: "fuzz::whatever_a_frame_with_a_right_checksum_holds_is_read_or_refused",
        seeds: None,
    },
    Property {
        package: "millstream-state",
        binary: "millstream_state",
        test: "tests::fuzz::any_bytes_are_a_manifest_or_a_fault",
        seeds: Some("crates/state/src/tests"),
    },
    Property {
        package: "millstream-state",
        binary: "millstream_state",
        test: "tests::fuzz::a_manifest_that_is_changed_anywhere_is_a_manifest_or_a_fault",
        seeds: None,
    },
    Property {
        package: "millstream-cluster",
        binary: "millstream_cluster",
        test: "rest::tests::whatever_is_asked_is_answered_or_refused_with_advice",
        seeds: None,
    },
];

/// The stage of the suite.
pub(crate) fn briefly(project: &Project) -> Result<()> {
    run(project, BRIEFLY, None)
}

/// Runs all properties, or those whose names have `only` in them, for so many seconds each.
pub(crate) fn run(project: &Project, seconds: u64, only: Option<&str>) -> Result<()> {
    none_is_left_out(project)?;
    let chosen = PROPERTIES.iter().filter(|property| only.is_none_or(|only| property.test.contains(only)));
    let chosen: Vec<&Property> = chosen.collect();
    ensure!(!chosen.is_empty(), "no property has {:?} in its name", only.unwrap_or_default());
    let folder = project.target().join("fuzz");
    // libFuzzer's arguments come in one variable, with spaces between them.
    ensure!(!folder.to_string_lossy().contains(' '), "{} has a space in its name", folder.display());
    let programs = build(project, &folder)?;
    let failed = chosen.iter().filter(|property| match property.run(project, &folder, &programs, seconds) {
        Ok(line) => {
            eprintln!("fuzz: {}: {line}", property.test);
            false
        }
        Err(error) => {
            eprintln!("fuzz: {} failed: {error:#}", property.test);
            true
        }
    });
    let failed = failed.count();
    ensure!(failed == 0, "{failed} of {} properties failed, see above", chosen.len());
    Ok(())
}

fn none_is_left_out(project: &Project) -> Result<()> {
    let mut found = 0;
    for file in project.files()?.iter().filter(|file| file.ends_with(".rs")) {
        found += project.read(file)?.matches(MARK).count();
    }
    let known = PROPERTIES.len();
    ensure!(
        found == known,
        "{found} properties are in the sources, {known} in the list of xtask/src/fuzz.rs"
    );
    Ok(())
}

/// Test programs, by package and name.
type Programs = BTreeMap<(String, String), PathBuf>;

/// Libraries and tests apart: a library without properties has no fuzzer in it to be linked with.
fn build(project: &Project, folder: &Path) -> Result<Programs> {
    let (libraries, tests): (Vec<&Property>, Vec<&Property>) =
        PROPERTIES.iter().partition(|property| property.is_in_library());
    let mut programs = built(project, folder, &tests)?;
    programs.extend(built(project, folder, &libraries)?);
    Ok(programs)
}

fn built(project: &Project, folder: &Path, properties: &[&Property]) -> Result<Programs> {
    let mut build = Command::new(cargo());
    // For a target that is named, so that build scripts and macros are built without the flags.
    build.args(["test", "--no-run", "--profile", "fuzz", "--target", TARGET]);
    build.args(["--message-format", "json-render-diagnostics"]).arg("--target-dir").arg(folder);
    for property in properties {
        build.args(["-p", property.package]);
        match property.is_in_library() {
            true => build.arg("--lib"),
            false => build.args(["--test", property.binary]),
        };
    }
    build.env("RUSTFLAGS", FLAGS).env_remove("CARGO_ENCODED_RUSTFLAGS");
    let printed = project.printed(&mut build)?;
    let mut programs = Programs::new();
    for message in Message::parse_stream(printed.as_slice()) {
        if let Message::CompilerArtifact(artifact) = message.context("cargo's messages cannot be read")?
            && let Some(program) = artifact.executable
        {
            // A package's id has its folder in it.
            let package = properties.iter().find(|known| {
                let short = known.package.trim_start_matches("millstream-");
                artifact.package_id.repr.contains(&format!("crates/{short}#"))
            });
            let package = package.map_or_else(String::new, |known| known.package.to_owned());
            programs.insert((package, artifact.target.name.replace('-', "_")), program.into());
        }
    }
    Ok(programs)
}

impl Property {
    fn is_in_library(&self) -> bool {
        self.binary.starts_with("millstream")
    }

    /// How far it got, in words.
    fn run(&self, project: &Project, folder: &Path, programs: &Programs, seconds: u64) -> Result<String> {
        let program = programs.get(&(self.package.to_owned(), self.binary.to_owned()));
        let program =
            program.with_context(|| format!("{} has no test program {}", self.package, self.binary))?;
        let name = self.test.replace("::", "__");
        let (corpus, broken) = (folder.join("corpus").join(&name), folder.join("broken").join(&name));
        for folder in [&corpus, &broken] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let mut arguments = vec![corpus.display().to_string()];
        if let Some(seeds) = self.seeds {
            arguments.push(format!("{seeds}/__fuzz__/{name}/corpus"));
        }
        arguments.push(format!("-artifact_prefix={}/", broken.display()));
        arguments.extend([
            format!("-max_total_time={seconds}"),
            "-timeout=10".into(),
            "-print_final_stats=1".into(),
        ]);
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut fuzz = Command::new(program);
        fuzz.args([self.test, "--exact", "--nocapture", "--quiet", "--test-threads", "1"]);
        fuzz.env("BOLERO_TEST_NAME", self.test).env("BOLERO_LIBTEST_HARNESS", "1");
        fuzz.env("BOLERO_LIBFUZZER_ARGS", arguments.join(" "));
        fuzz.stdout(Stdio::from(out.try_clone()?)).stderr(Stdio::from(out));
        let ended = project.run(&mut fuzz);
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        if ended.is_err() {
            let lines: Vec<&str> = said.lines().collect();
            bail!(
                "an input broke it; it is in {}: mend what is wrong, and keep the input in a folder \
                 `__fuzz__/{name}/corpus` beside the test\n{}",
                broken.display(),
                lines[lines.len().saturating_sub(30)..].join("\n")
            );
        }
        let runs = number_behind(&said, "stat::number_of_executed_units:").unwrap_or(0);
        let coverage = number_behind(&said, " cov: ").unwrap_or(0);
        ensure!(
            runs > 0 && coverage > 0,
            "it ran {runs} times and saw {coverage} branches: it was built without counters; see {}",
            log.display()
        );
        Ok(format!("{runs} runs in {seconds} s, {coverage} branches"))
    }
}

/// The last number that stands behind these words.
fn number_behind(text: &str, words: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(words)?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_understood() {
        let said =
            "#2\tINITED cov: 40 ft: 41\n#900\tNEW    cov: 57 ft: 90\nstat::number_of_executed_units: 1234\n";
        assert_eq!(number_behind(said, " cov: "), Some(57));
        assert_eq!(number_behind(said, "stat::number_of_executed_units:"), Some(1234));
        assert_eq!(number_behind("nothing", " cov: "), None);
    }
}
