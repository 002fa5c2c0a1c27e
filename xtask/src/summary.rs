//! What became of each step, and the table of them that ends a run.

use std::fmt::Write;
use std::time::Duration;

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The step's name, as printed.
    pub(crate) name: String,
    /// How many things were found wrong; 0 if it passed.
    pub(crate) faults: usize,
    /// How long the step took.
    pub(crate) took: Duration,
}

/// True if there was a step, and none of them failed.
pub(crate) fn all_passed(outcomes: &[Outcome]) -> bool {
    !outcomes.is_empty() && outcomes.iter().all(|outcome| outcome.faults == 0)
}

/// One line a step, and a last one with the sum.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.name.len()).max().unwrap_or(0);
    let mut text = String::from("\n");
    for Outcome { name, faults, took } in outcomes {
        let result = if *faults == 0 { "ok".to_owned() } else { format!("FAILED ({faults})") };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<width$}  {:>7.1} s  {result}", took.as_secs_f64());
    }
    let failed = outcomes.iter().filter(|outcome| outcome.faults > 0).count();
    let total: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    let _ = writeln!(text, "{} steps, {failed} failed, {:.1} s", outcomes.len(), total.as_secs_f64());
    text
}

#[cfg(test)]
mod tests {
    use super::{Outcome, all_passed, table};
    use std::time::Duration;

    fn outcome(name: &str, faults: usize) -> Outcome {
        Outcome { name: name.into(), faults, took: Duration::from_millis(1500) }
    }

    #[test]
    fn a_single_fault_fails_the_run() {
        assert!(all_passed(&[outcome("fmt", 0), outcome("docs", 0)]));
        assert!(!all_passed(&[outcome("fmt", 0), outcome("docs", 1)]));
    }

    #[test]
    fn a_run_of_nothing_has_not_passed() {
        assert!(!all_passed(&[]));
    }

    #[test]
    fn the_table_names_each_step_and_counts_the_failed_ones() {
        assert_eq!(
            table(&[outcome("fmt", 0), outcome("layering", 2)]),
            "\nfmt           1.5 s  ok\nlayering      1.5 s  FAILED (2)\n2 steps, 1 failed, 3.0 s\n"
        );
    }
}
