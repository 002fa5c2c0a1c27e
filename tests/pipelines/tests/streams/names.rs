//! Names, uids and parallelism of operators, and what is refused about them.

use millstream::connectors::discard::Discard;
use millstream::{OnError, OutputTag, Rejected, StreamEnvironment};

use super::refusal;

#[test]
fn every_operator_source_and_sink_takes_a_name_and_a_parallelism() {
    let env = StreamEnvironment::new();
    let numbers = env.from_sequence(1, 2).name("numbers").uid("n").parallelism(1);
    let doubled = numbers.map(|n| n * 2).name("doubled").uid("d").parallelism(2);
    let counted = doubled.key_by(|n| *n).count().name("counted").uid("c").parallelism(3);
    counted.sink_to(Discard::new()).name("nowhere").uid("s").parallelism(4);
    let plan = env.explain("named").unwrap();
    for line in ["1: numbers   x 1", "2: doubled   x 2", "3: counted   x 3", "4: nowhere   x 4"] {
        assert!(plan.contains(line), "{line:?} is not in:\n{plan}");
    }
    env.execute("named").unwrap();
}

#[test]
fn a_uid_given_twice_is_refused_with_both_places() {
    let env = StreamEnvironment::new();
    let first = env.from_sequence(1, 2).map(|n| n).name("first").uid("x");
    let first_line = line!() - 1;
    first.filter(|_| true).name("second").uid("x").sink_to(Discard::new());
    let error = refusal(&env);
    let (file, second_line) = (file!(), first_line + 2);
    assert!(error.contains("two operators have the uid `x`"), "{error}");
    assert!(error.contains(&format!("`first` (uid given at {file}:{first_line})")), "{error}");
    assert!(error.contains(&format!("`second` (uid given at {file}:{second_line})")), "{error}");
}

#[test]
fn a_uid_that_another_operators_name_gave_is_refused_too() {
    let env = StreamEnvironment::new();
    env.from_sequence(1, 2).map(|n| n).filter(|_| true).uid("map").sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("`map` (uid derived from its name) and `filter` (uid given at"), "{error}");
}

#[test]
fn a_parallelism_out_of_range_is_refused_with_the_operators_name() {
    let env = StreamEnvironment::new();
    env.from_sequence(1, 2).map(|n| n).name("wide").parallelism(129).sink_to(Discard::new());
    let error = refusal(&env);
    assert!(
        error.contains("operator `wide` is 129, but must be from 1 to the max parallelism, 128"),
        "{error}"
    );
}

#[test]
fn what_is_said_of_no_operator_is_refused() {
    let tag = OutputTag::<u64>::new("late");
    type Wrong = fn(&StreamEnvironment, &OutputTag<u64>);
    let wrong: [(Wrong, &str, &str); 4] = [
        (
            |env, _| drop(env.from_sequence(1, 2).union(&env.from_sequence(1, 2)).uid("u")),
            ".uid(\"u\")",
            "union",
        ),
        (
            |env, _| drop(env.from_sequence(1, 2).rebalance().parallelism(3)),
            ".parallelism(3)",
            "partitioning",
        ),
        (
            |env, tag| drop(env.from_sequence(1, 2).side_output(tag).name("l")),
            ".name(\"l\")",
            "side output `late`",
        ),
        (
            |env, _| drop(env.from_sequence(1, 2).global().on_error(OnError::Skip)),
            ".on_error(...)",
            "partitioning",
        ),
    ];
    for (program, call, what) in wrong {
        let env = StreamEnvironment::new();
        program(&env, &tag);
        let error = refusal(&env);
        assert!(error.contains(&format!("{call} stands behind")), "{error}");
        assert!(error.contains(what) && error.contains("which is no operator"), "{error}");
        assert!(error.contains("right behind the operator that is meant"), "{error}");
    }
}

#[test]
fn on_error_is_refused_where_no_function_gives_errors_for_records() {
    let env = StreamEnvironment::new();
    env.from_sequence(1, 2).map(|n| n).name("plain").on_error(OnError::Skip).sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("operator `plain` has no function that can give an error"), "{error}");
    assert!(error.contains("try_map, try_filter, try_flat_map or process"), "{error}");
}

#[test]
fn a_side_output_for_rejected_records_of_another_type_is_refused_with_both_types() {
    let env = StreamEnvironment::new();
    let tag = OutputTag::<Rejected<String>>::new("bad");
    let parsed = env.from_sequence(1, 2).try_map(Ok).name("parse").on_error(OnError::side_output(&tag));
    parsed.sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("takes rejected records of type `alloc::string::String`"), "{error}");
    assert!(error.contains("operator `parse` are of type `u64`"), "{error}");
    assert!(error.contains("OutputTag<Rejected<u64>>"), "{error}");
}
