//! A user's function that fails far into its input.

use millstream::StreamEnvironment;
use millstream::connectors::discard::Discard;
use millstream::rdd::Context;

const BAD: u64 = 1_000_000;

fn check(n: u64) -> u64 {
    if n == BAD { panic!("no such number") } else { n }
}

#[test]
fn a_panic_on_record_1_000_000_of_a_stream_is_named_with_its_position() {
    let env = StreamEnvironment::new();
    env.from_sequence(1, 2 * BAD).map(check).name("check").uid("check-numbers").sink_to(Discard::new());
    assert_eq!(
        env.execute("numbers").unwrap_err().to_string(),
        "operator `check` (uid check-numbers, subtask 1 of 1) failed at sequence, record 1000000, its record 1000000\n  \
         caused by: panicked: no such number"
    );
}

#[test]
fn a_panic_on_record_1_000_000_of_an_rdds_partition_is_named_with_its_position() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let error = context.range(1, 2 * BAD as i64).map(|n| check(n as u64)).count().unwrap_err().to_string();
    assert_eq!(
        error,
        "operator `map` (uid rdd-1, subtask 1 of 1) failed at its record 1000000\n  caused by: panicked: no such number\n  \
         partition 0 of rdd 1 failed in all 4 attempts; this is the last one"
    );
}
