//! Settings that cannot be, in a job and in its program.

use std::process::Command;

use millstream::StreamEnvironment;
use millstream::connectors::discard::Discard;

#[test]
fn a_parallelism_of_zero_or_above_the_max_is_refused_with_both_numbers_and_what_to_do() {
    let advice = "if you need more, raise it: set_max_parallelism(n) in the program, --max-parallelism n on the command \
                  line; checkpoints written with another one cannot be restored then";
    for parallelism in [0, 129] {
        let env = StreamEnvironment::new();
        env.set_parallelism(parallelism);
        env.from_sequence(1, 2).sink_to(Discard::new());
        assert_eq!(
            env.execute("wide").unwrap_err().to_string(),
            format!(
                "the parallelism of the job is {parallelism}, but must be from 1 to the max parallelism, 128\n  {advice}"
            )
        );
        let env = StreamEnvironment::new();
        env.from_sequence(1, 2).map(|n| n).name("widen").parallelism(parallelism).sink_to(Discard::new());
        assert_eq!(
            env.execute("wide").unwrap_err().to_string(),
            format!(
                "the parallelism of operator `widen` is {parallelism}, but must be from 1 to the max parallelism, 128\n  \
                 {advice}"
            )
        );
    }
    let env = StreamEnvironment::new();
    env.set_max_parallelism(40_000);
    env.from_sequence(1, 2).sink_to(Discard::new());
    assert_eq!(
        env.execute("wide").unwrap_err().to_string(),
        "max parallelism 40000 is not possible: it must be from 1 to 32768"
    );
}

/// A program with an argument and a variable, as somebody starts it.
fn program(argument: &[&str], variable: Option<(&str, &str)>) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cornered"));
    command.args(argument).envs(variable);
    let output = command.output().unwrap();
    (
        output.status.success(),
        String::from_utf8(output.stderr).unwrap() + &String::from_utf8_lossy(&output.stdout),
    )
}

#[test]
fn a_program_refuses_a_setting_that_it_does_not_know_and_one_that_is_malformed() {
    let (success, said) = program(&["--checkpoint-intervall", "1s"], None);
    assert!(!success);
    let begin = "error: there is no setting `checkpoint-intervall` (command line, --checkpoint-intervall); did you mean \
                 `checkpoint-interval`?\n  the job settings are: parallelism, adaptive, spare-slots, ";
    assert!(said.starts_with(begin), "{said}");
    let (success, said) = program(&[], Some(("MILLSTREAM_FLUSH_INTERVAL", "5")));
    assert!(!success);
    assert_eq!(
        said,
        "error: setting `flush-interval` is `5` (environment variable MILLSTREAM_FLUSH_INTERVAL), but must be a duration (a \
         number and ns, us, ms, s, min, h or d)\n  such as `500 ms` or `1s`\n  without it: 5 ms\n"
    );
}

#[test]
fn a_program_shows_its_settings_and_ends_well_when_asked_for_help() {
    let (success, said) = program(&["--help"], None);
    assert!(
        success && said.starts_with("Usage: ") && said.contains("\n  --checkpoint-interval VALUE\n"),
        "{said}"
    );
}
