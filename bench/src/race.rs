//! Contenders over the same input, one after the other, round by round.
//!
//! Answers for interleaving, so that a noisy minute of the machine strikes all contenders alike, for medians, and for
//! comparing what was found. Not for taking the time: a contender does that itself, around its work only.
//! Holds: no figure leaves unless every run of every contender gave the result of the first contender's first run.

use std::time::Instant;

use millstream::{Failure, Result};

use crate::arguments::{Scale, Setup};
use crate::figure::{Figure, Unit, medians};
use crate::goal::Goal;
use crate::table::{Row, rows};

/// What a run gives.
pub(crate) struct Run<R> {
    /// What was measured.
    pub(crate) figures: Vec<Figure>,
    /// What was found, to be compared.
    pub(crate) result: R,
}

impl<R> Run<R> {
    /// A run of which one thing was measured.
    pub(crate) fn new(unit: Unit, value: f64, result: R) -> Self {
        Self { figures: vec![Figure::new(unit, value)], result }
    }
}

/// What `work` gives, and how many seconds it took.
pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let start = Instant::now();
    let found = work()?;
    Ok((found, start.elapsed().as_secs_f64()))
}

/// One way to do the work.
struct Contender<'a, R> {
    name: &'static str,
    goals: Vec<Goal>,
    run: Box<dyn FnMut() -> Result<Run<R>> + 'a>,
}

/// The contenders of a workload. The first is the one the others are compared with.
pub(crate) struct Race<'a, R> {
    work: &'a str,
    contenders: Vec<Contender<'a, R>>,
}

impl<'a, R: PartialEq> Race<'a, R> {
    /// A race without contenders.
    pub(crate) fn of(work: &'a str) -> Self {
        Self { work, contenders: Vec::new() }
    }

    /// Adds a contender with its goals.
    pub(crate) fn enter(
        mut self,
        name: &'static str,
        goals: impl Into<Vec<Goal>>,
        run: impl FnMut() -> Result<Run<R>> + 'a,
    ) -> Self {
        self.contenders.push(Contender { name, goals: goals.into(), run: Box::new(run) });
        self
    }

    /// Runs all contenders, first once without counting, and gives a row for each figure and goal.
    pub(crate) fn run(mut self, setup: &Setup) -> Result<Vec<Row>> {
        let mut at = 0;
        self.contenders.retain(|contender| {
            at += 1;
            at == 1 || setup.admits(contender.name)
        });
        let uncounted = usize::from(setup.scale == Scale::Full);
        let mut measured: Vec<Vec<Vec<Figure>>> = self.contenders.iter().map(|_| Vec::new()).collect();
        let mut expected: Option<(&str, R)> = None;
        for round in 0..uncounted + setup.runs {
            for (contender, measured) in self.contenders.iter_mut().zip(&mut measured) {
                let Run { figures, result } = (contender.run)()?;
                match &expected {
                    None => expected = Some((contender.name, result)),
                    Some((first, right)) if *right != result => {
                        let what = format!("`{}` found something else than `{first}`", contender.name);
                        return Err(Failure::internal(what));
                    }
                    Some(_) => {}
                }
                if round >= uncounted {
                    measured.push(figures);
                }
            }
        }
        let found: Vec<_> = self
            .contenders
            .into_iter()
            .zip(measured)
            .map(|(contender, runs)| (contender.name, contender.goals, medians(&runs)))
            .collect();
        Ok(rows(self.work, &found, setup.scale))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use clap::Parser;

    use super::*;
    use crate::arguments::Arguments;

    fn setup(arguments: &[&str]) -> (tempfile::TempDir, Setup) {
        let folder = tempfile::tempdir().unwrap();
        let inputs = ["bench", "--inputs", folder.path().to_str().unwrap()];
        let setup = Arguments::parse_from(inputs.iter().chain(arguments)).setup().unwrap();
        (folder, setup)
    }

    #[test]
    fn a_contender_that_finds_something_else_leaves_no_figure() {
        let (_folder, setup) = setup(&["--short"]);
        let race = Race::of("sum").enter("loop", [], || Ok(Run::new(Unit::Seconds, 1.0, 7))).enter(
            "engine",
            [],
            || Ok(Run::new(Unit::Seconds, 0.5, 8)),
        );
        let failure = race.run(&setup).unwrap_err();
        assert!(failure.to_string().contains("`engine` found something else than `loop`"), "{failure}");
    }

    #[test]
    fn contenders_take_turns_and_the_first_round_does_not_count() {
        let (_folder, setup) = setup(&["--runs", "3"]);
        let (calls, one) = (Cell::new(0), Cell::new(1000.0));
        let race = Race::of("turns")
            .enter("a", [], || {
                assert_eq!(calls.replace(calls.get() + 1) % 2, 0);
                Ok(Run::new(Unit::Seconds, one.replace(2.0), ()))
            })
            .enter("b", [Goal::at_most(1.0, "a")], || {
                assert_eq!(calls.replace(calls.get() + 1) % 2, 1);
                Ok(Run::new(Unit::Seconds, 1.0, ()))
            });
        let rows = race.run(&setup).unwrap();
        assert_eq!(calls.get(), 8);
        assert_eq!((rows[0].figure.value, rows[1].ratio, rows[1].reached), (2.0, Some(0.5), Some(true)));
    }

    #[test]
    fn the_contender_that_others_are_compared_with_always_takes_part() {
        let (_folder, setup) = setup(&["--short", "--contender", "c"]);
        let race = Race::of("few")
            .enter("a", [], || Ok(Run::new(Unit::Seconds, 1.0, ())))
            .enter("b", [], || Ok(Run::new(Unit::Seconds, 1.0, ())))
            .enter("c", [Goal::at_least(2.0, "b")], || Ok(Run::new(Unit::Seconds, 1.0, ())));
        let rows = race.run(&setup).unwrap();
        assert_eq!(rows.iter().map(|row| row.contender).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(rows[1].reached, None, "a goal beside a contender that did not run is not judged");
    }
}
