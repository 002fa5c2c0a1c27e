//! What happened, how often, and how long it took to go on.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

pub(crate) struct Report {
    head: String,
    kinds: BTreeMap<&'static str, (usize, Vec<Duration>)>,
}

impl Report {
    pub(crate) fn new(seed: u64, lacks: &str) -> Self {
        Self { head: format!("chaos, seed {seed}{lacks}"), kinds: BTreeMap::new() }
    }

    pub(crate) fn note(&mut self, kind: &'static str, recovered: Option<Duration>) {
        let (count, times) = self.kinds.entry(kind).or_default();
        *count += 1;
        times.extend(recovered);
    }

    pub(crate) fn faults(&self) -> usize {
        self.kinds.values().map(|(count, _)| count).sum()
    }

    /// From a fault's begin to a checkpoint of each job that began after it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}: {} faults\n", self.head, self.faults());
        let mut all = Vec::new();
        for (kind, (count, times)) in &self.kinds {
            let _ = writeln!(text, "  {kind:32} {count:4}  {}", spread(times));
            all.extend(times);
        }
        let _ = write!(text, "  {:32} {:4}  {}", "all", self.faults(), spread(&all));
        text
    }

    /// Beside what is built.
    pub(crate) fn write(&self) {
        let file = Path::new(env!("CARGO_BIN_EXE_sufferer")).parent().unwrap().join("chaos-report.txt");
        std::fs::write(&file, self.text()).unwrap();
    }
}

fn spread(times: &[Duration]) -> String {
    let mut times = times.to_vec();
    times.sort_unstable();
    match (times.get(times.len() / 2), times.last()) {
        (Some(median), Some(most)) => {
            format!(
                "{} timed: median {:.1} s, maximum {:.1} s",
                times.len(),
                median.as_secs_f64(),
                most.as_secs_f64()
            )
        }
        _ => "none timed".into(),
    }
}
