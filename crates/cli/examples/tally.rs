//! The first version of a program that is upgraded in a test: counts by key, behind an operator that the next one lacks.
//!
//! Usage: `tally SETTINGS -- FOLDER RECORDS RATE`.

use millstream::connectors::files::sink::TextFilesSink;
use millstream::connectors::generator::Generator;
use millstream::state::keyed::{KeyedStore, ValueState, ValueStateDescriptor};
use millstream::{BoxError, Failure, KeyedContext, KeyedProcessFunction, Result, StreamEnvironment};
use serde::{Deserialize, Serialize};

/// What is kept of a key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tally {
    count: u64,
}

struct Count(Option<ValueState<Tally>>);

impl KeyedProcessFunction<u64, u64, (u64, u64)> for Count {
    fn open(&mut self, states: &mut KeyedStore<u64>) -> Result<(), BoxError> {
        self.0 = Some(states.value(&ValueStateDescriptor::new("tally"))?);
        Ok(())
    }

    fn process(&mut self, _: u64, context: &mut KeyedContext<'_, u64, (u64, u64)>) -> Result<(), BoxError> {
        let key = *context.key();
        let tally = self.0.as_ref().ok_or("not opened")?;
        let count = tally.with_mut(|tally| {
            tally.count += 1;
            tally.count
        });
        context.emit((key, count));
        Ok(())
    }
}

fn main() -> Result<()> {
    let env = StreamEnvironment::from_args()?;
    let [folder, records, rate] = env.arguments() else {
        return Err(Failure::user("usage: tally SETTINGS -- FOLDER RECORDS RATE"));
    };
    let number = |text: &String| {
        text.parse::<u64>().map_err(|error| Failure::user(format!("`{text}` is no number")).because(error))
    };
    let numbers =
        env.source(Generator::new(|n| n, Some(number(records)?)).rate(number(rate)? as f64)).uid("numbers");
    let latest = numbers.key_by(|n| n % 97).reduce(|_, n| n).uid("latest");
    latest
        .key_by(|n| n % 97)
        .process(|| Count(None))
        .uid("count")
        .map(|(key, count)| format!("{key} {count}"))
        .sink_to(TextFilesSink::below(format!("{folder}/out")))
        .uid("out");
    env.execute("tally")?;
    Ok(())
}
