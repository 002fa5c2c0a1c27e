//! A state whose type has changed since the checkpoint was written.

use std::path::Path;

use millstream::connectors::collect::Collect;
use millstream::state::StateData;
use millstream::state::keyed::{KeyedStore, ValueState, ValueStateDescriptor};
use millstream::{
    BoxError, CheckpointSettings, Failure, KeyedContext, KeyedProcessFunction, RestoreFrom,
    StreamEnvironment, UnmatchedState,
};
use serde::{Deserialize, Serialize};

/// What a state keeps of a key.
trait Kept: StateData + Default {
    fn add(&mut self, n: u64);

    fn show(&self) -> String;
}

macro_rules! kept {
    ($module:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),+ }) => {
        mod $module {
            use super::*;

            #[derive(Clone, Debug, Default, Serialize, Deserialize)]
            pub(super) struct Delay {
                $($(#[$attribute])* pub(super) $field: $type),+
            }

            impl Kept for Delay {
                fn add(&mut self, n: u64) {
                    self.sum += n as f64;
                }

                fn show(&self) -> String {
                    format!("{self:?}")
                }
            }
        }
    };
}

kept!(written { sum: f64, count: u32 });
kept!(grown { worst: Option<u64>, sum: f64, count: u32, #[serde(default)] name: String });
kept!(wider { sum: f64, count: u64 });
kept!(renamed { sum: f64, number: u32 });
kept!(demanding { sum: f64, count: u32, place: u8 });

struct Keep<D>(Option<ValueState<D>>);

impl<D: Kept> KeyedProcessFunction<u64, u64, String> for Keep<D> {
    fn open(&mut self, states: &mut KeyedStore<u64>) -> Result<(), BoxError> {
        self.0 = Some(states.value(&ValueStateDescriptor::new("delays"))?);
        Ok(())
    }

    fn process(&mut self, n: u64, context: &mut KeyedContext<'_, u64, String>) -> Result<(), BoxError> {
        let delays = self.0.as_ref().ok_or("not opened")?;
        delays.with_mut(|delay| delay.add(n));
        context.emit(delays.with(|delay| delay.map(Kept::show)).unwrap_or_default());
        Ok(())
    }
}

/// Runs the job with this type of state; gives what it emitted, or what went wrong.
fn run<D: Kept>(folder: &Path, restore: RestoreFrom, numbers: u64) -> Result<Vec<String>, String> {
    let env = StreamEnvironment::new();
    // The source is another one each time, so that it has something to read.
    let unmatched = UnmatchedState::Ignore;
    env.enable_checkpoints(CheckpointSettings {
        restore,
        unmatched,
        ..CheckpointSettings::in_folder(folder)
    });
    let numbers = env.from_sequence(1, numbers).uid(&format!("numbers to {numbers}"));
    let kept = numbers.key_by(|_| 0).process(|| Keep::<D>(None)).name("keep").uid("kept");
    let (sink, found) = Collect::new();
    kept.sink_to(sink).uid("away");
    env.execute("keeping").map(|_| found.take()).map_err(|failure: Failure| failure.to_string())
}

#[test]
fn a_type_that_gained_optional_and_default_fields_reads_a_checkpoint_of_before_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    run::<written::Delay>(folder.path(), RestoreFrom::Nothing, 3).unwrap();
    let restored = || RestoreFrom::Named("checkpoint-000001".into());
    let found = run::<grown::Delay>(folder.path(), restored(), 1).unwrap();
    assert_eq!(found, ["Delay { worst: None, sum: 7.0, count: 0, name: \"\" }"]);

    let refusals = [
        (
            run::<wider::Delay>(folder.path(), restored(), 1),
            "count`: u32 in the checkpoint, u64 in the program",
        ),
        (
            run::<renamed::Delay>(folder.path(), restored(), 1),
            "the field `count` (u32) of the checkpoint is not in",
        ),
        (
            run::<demanding::Delay>(folder.path(), restored(), 1),
            "the field `place` of the program's type Delay",
        ),
    ];
    for (refused, what) in refusals {
        let error = refused.unwrap_err();
        for part in ["operator `keep` (uid kept", "state `delays`", what] {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }
}
