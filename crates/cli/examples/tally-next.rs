//! What `tally` has become: it keeps the last record of a key, too, has lost one operator and got another one.
//!
//! Usage: `tally-next SETTINGS -- FOLDER RECORDS RATE`.

use millstream::connectors::files::sink::TextFilesSink;
use millstream::connectors::generator::Generator;
use millstream::state::keyed::{KeyedStore, ValueState, ValueStateDescriptor};
use millstream::{BoxError, Failure, KeyedContext, KeyedProcessFunction, Result, StreamEnvironment};
use serde::{Deserialize, Serialize};

/// What is kept of a key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tally {
    count: u64,
    last: Option<u64>,
}

/// A key, its count, and what came before.
type Counted = (u64, u64, Option<u64>);

struct Count(Option<ValueState<Tally>>);

impl KeyedProcessFunction<u64, u64, Counted> for Count {
    fn open(&mut self, states: &mut KeyedStore<u64>) -> Result<(), BoxError> {
        self.0 = Some(states.value(&ValueStateDescriptor::new("tally"))?);
        Ok(())
    }

    fn process(&mut self, n: u64, context: &mut KeyedContext<'_, u64, Counted>) -> Result<(), BoxError> {
        let key = *context.key();
        let tally = self.0.as_ref().ok_or("not opened")?;
        let (count, before) = tally.with_mut(|tally| {
            tally.count += 1;
            (tally.count, tally.last.replace(n))
        });
        context.emit((key, count, before));
        Ok(())
    }
}

fn main() -> Result<()> {
    let env = StreamEnvironment::from_args()?;
    let [folder, records, rate] = env.arguments() else {
        return Err(Failure::user("usage: tally-next SETTINGS -- FOLDER RECORDS RATE"));
    };
    let number = |text: &String| {
        text.parse::<u64>().map_err(|error| Failure::user(format!("`{text}` is no number")).because(error))
    };
    let counted = env
        .source(Generator::new(|n| n, Some(number(records)?)).rate(number(rate)? as f64))
        .uid("numbers")
        .key_by(|n| n % 97)
        .process(|| Count(None))
        .uid("count");
    counted
        .map(|(key, count, _)| format!("{key} {count}"))
        .sink_to(TextFilesSink::below(format!("{folder}/out")))
        .uid("out");
    counted
        .filter(|(_, _, before)| before.is_none())
        .key_by(|(key, ..)| *key)
        .count()
        .uid("fresh")
        .map(|(key, count)| format!("{key} {count}"))
        .sink_to(TextFilesSink::below(format!("{folder}/fresh")))
        .uid("fresh out");
    env.execute("tally")?;
    Ok(())
}
