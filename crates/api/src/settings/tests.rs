//! Arguments, variables and files as somebody may give them.

use std::path::Path;

use millstream_model::error::Result;

use super::*;
use crate::StreamEnvironment;

fn outside(arguments: &[&str], environment: &[(&str, &str)]) -> Outside {
    Outside {
        arguments: arguments.iter().map(Into::into).collect(),
        environment: environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
    }
}

fn given(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(Values, Vec<String>)> {
    match read(&JOB_SETTINGS, outside(arguments, environment))? {
        Read::Given { settings, arguments } => Ok((settings, arguments)),
        Read::Help(help) => panic!("help instead of settings: {help}"),
    }
}

fn refusal(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    given(arguments, environment).err().unwrap().to_string()
}

/// A file with this text; its folder goes away with the first.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn all() -> String {
    let names: Vec<&str> = JOB_SETTINGS.settings().map(|setting| setting.name()).collect();
    format!("  the job settings are: {}", names.join(", "))
}

#[test]
fn an_argument_holds_against_a_variable_and_that_against_the_file() {
    let (_folder, path) =
        file("parallelism = 2\nmode = \"batch\"\nflush-interval = \"7 ms\"\nrestart-factor = 2.5\n");
    let environment = [("MILLSTREAM_PARALLELISM", "3"), ("MILLSTREAM_MODE", "streaming"), ("HOME", "/")];
    let arguments = ["--settings", &path, "--parallelism=4", "--", "--speed", "9"];
    let (settings, own) = given(&arguments, &environment).unwrap();
    let origin = |name| settings.origin(name).map(ToString::to_string);
    assert_eq!(origin("parallelism").unwrap(), "command line, --parallelism");
    assert_eq!(origin("mode").unwrap(), "environment variable MILLSTREAM_MODE");
    assert_eq!(origin("flush-interval").unwrap(), format!("{path}, line 3"));
    assert_eq!(origin("restart-factor").unwrap(), format!("{path}, line 4"));
    assert_eq!(own, ["--speed", "9"]);
}

#[test]
fn a_variable_may_name_the_file() {
    let (_folder, path) = file("parallelism = 2\n");
    let (settings, _) = given(&[], &[("MILLSTREAM_SETTINGS", &path)]).unwrap();
    assert_eq!(settings.origin("parallelism").unwrap().to_string(), format!("{path}, line 1"));
}

#[test]
fn an_unknown_argument_is_refused_with_the_nearest_name_and_the_list() {
    let all = all();
    assert_eq!(
        refusal(&["--paralelism", "2"], &[]),
        format!(
            "there is no setting `paralelism` (command line, --paralelism); did you mean `parallelism`?\n{all}"
        )
    );
    assert_eq!(
        refusal(&[], &[("MILLSTREAM_CHECKPOINT_INTERVALL", "1 s")]),
        format!(
            "there is no setting `checkpoint-intervall` (environment variable MILLSTREAM_CHECKPOINT_INTERVALL); did you \
             mean `checkpoint-interval`?\n{all}"
        )
    );
    let (_folder, path) = file("# the job\n\n[restart-strategy.fixed-delay]\nattempts = 2\n");
    assert_eq!(
        refusal(&["--settings", &path], &[]),
        format!(
            "there is no setting `restart-strategy.fixed-delay.attempts` ({path}, line 4); did you mean \
             `restart-attempts`?\n{all}"
        )
    );
    assert_eq!(
        refusal(&["flights.csv"], &[]),
        "`flights.csv` is no setting (command line)\n  settings are given as --NAME VALUE; the program's own arguments come \
         behind `--`\n  all settings: --help"
    );
}

#[test]
fn a_malformed_value_is_refused_with_its_place() {
    let expected = "but must be a whole number from 1 on\n  such as `4`\n  without it: 1";
    assert_eq!(
        refusal(&["--parallelism", "two"], &[]),
        format!("setting `parallelism` is `two` (command line, --parallelism), {expected}")
    );
    assert_eq!(
        refusal(&["--parallelism", "0"], &[]),
        format!("setting `parallelism` is `0` (command line, --parallelism), {expected}")
    );
    assert_eq!(
        refusal(&[], &[("MILLSTREAM_PARALLELISM", "")]),
        format!("setting `parallelism` is `` (environment variable MILLSTREAM_PARALLELISM), {expected}")
    );
    let (_folder, path) = file("mode = \"batch\"\nparallelism = -1\n");
    assert_eq!(
        refusal(&["--settings", &path], &[]),
        format!("setting `parallelism` is `-1` ({path}, line 2), {expected}")
    );
    let (_folder, path) = file("restart-delay = [1, 2]\n");
    assert_eq!(
        refusal(&["--settings", &path], &[]),
        format!(
            "setting `restart-delay` is neither text, decimal number nor true or false ({path}, line 1), but must be a \
             duration (a number and ns, us, ms, s, min, h or d)\n  such as restart-delay = \"500 ms\" or \"1s\""
        )
    );
}

#[test]
fn a_value_that_is_missing_or_given_twice_is_said() {
    assert_eq!(
        refusal(&["--checkpoint-interval", "--parallelism", "2"], &[]),
        "setting `checkpoint-interval` has no value (command line, --checkpoint-interval)\n  \
         give one behind it, such as --checkpoint-interval 500 ms or 1s"
    );
    assert_eq!(
        refusal(&["--mode", "batch", "--mode=batch"], &[]),
        "setting `mode` is given twice (command line, --mode)\n  give it once"
    );
}

#[test]
fn a_settings_file_that_is_missing_or_no_toml_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.toml").display().to_string();
    let said = refusal(&["--settings", &path], &[]);
    let begin = format!("the settings file `{path}` cannot be read\n  caused by: No such file or directory");
    assert!(said.starts_with(&begin), "{said}");
    assert!(said.ends_with("\n  name a file of lines such as: parallelism = 2"), "{said}");
    for text in ["mode = \"batch\"\nparallelism two\n", "mode = \"batch\"\nmode = \"batch\"\n"] {
        let (_folder, path) = file(text);
        let said = refusal(&["--settings", &path], &[]);
        let begin = format!("the settings file `{path}` is no TOML ({path}, line 2): ");
        assert!(said.starts_with(&begin), "{said}");
        assert!(
            said.contains("\n  write a setting on each line, text in quotes: checkpoint-interval = \"1 s\"")
        );
    }
}

#[test]
fn help_shows_every_setting_with_its_type_and_default() {
    let help = match read(&JOB_SETTINGS, outside(&["--parallelism", "two", "--help"], &[])).unwrap() {
        Read::Help(help) => help,
        Read::Given { .. } => panic!("no help"),
    };
    for setting in JOB_SETTINGS.settings() {
        assert!(help.contains(&format!("\n  --{} VALUE\n", setting.name())), "{help}");
    }
    assert!(help.contains("--settings FILE"), "{help}");
    assert!(help.lines().all(|line| line.len() <= 120), "{help}");
}

#[test]
fn an_environment_from_arguments_runs_with_them_and_gives_back_the_programs_own() {
    let arguments = ["--parallelism", "3", "--mode", "batch", "--", "words.txt"];
    let env = StreamEnvironment::from_args_of(arguments).unwrap();
    assert_eq!(env.arguments(), ["words.txt"]);
    let counts = env.from_collection([1, 2, 1]).key_by(|n| *n).count();
    assert!(env.explain("words").unwrap().contains("x 3\n"));
    let mut counts = counts.execute_and_collect("words").unwrap();
    counts.sort_unstable();
    assert_eq!(counts, [(1, 2), (2, 1)]);
    let error = StreamEnvironment::from_args_of(["--mode", "fast"]).err().unwrap().to_string();
    assert!(
        error.starts_with(
            "setting `mode` is `fast` (command line, --mode), but must be one of streaming, batch"
        )
    );
    let help = StreamEnvironment::from_args_of(["--help"]).err().unwrap().to_string();
    assert!(help.starts_with("Usage: "), "{help}");
}

/// Writes the page anew where it differs, so that it only has to be committed.
#[test]
fn the_reference_of_settings_is_in_step_with_the_program() {
    let page =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/reference/settings.md");
    let expected = format!(
        "# Settings of a job\n\n\
         Generated from the descriptions in `crates/runtime/src/settings/list.rs`; a test keeps it in step.\n\n\
         A program that begins with `StreamEnvironment::from_args()` takes these settings\n\n\
         - as arguments: `--checkpoint-interval 1s` or `--checkpoint-interval=1s`; what follows `--` is the program's own;\n\
         - from the environment: `MILLSTREAM_CHECKPOINT_INTERVAL=1s`;\n\
         - from a file that `--settings FILE` or `MILLSTREAM_SETTINGS` names, in TOML: `checkpoint-interval = \"1 s\"`;\n\n\
         and each of these holds against those below it, and all of them against the defaults that the program gives to\n\
         `from_args_over(defaults)`. What the program sets by a call afterwards, such as `env.set_parallelism(2)`, holds\n\
         against all. Unknown names and malformed values are refused before the job starts. `--help` shows this list.\n\n\
         \"Elsewhere\" is what the like is called in Flink and Spark: whoever writes that is told the name here.\n\n{}",
        JOB_SETTINGS.markdown()
    );
    if std::fs::read_to_string(&page).ok().as_deref() != Some(&expected) {
        std::fs::create_dir_all(page.parent().unwrap()).unwrap();
        std::fs::write(&page, expected).unwrap();
        panic!("{} was not in step; it has been written anew: look at it and commit it", page.display());
    }
}
