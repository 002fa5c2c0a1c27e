//! The median of several runs.

/// Runs of each measurement.
const RUNS: usize = 5;

/// The median of what `run` gives, after one run that is not counted.
pub(crate) fn of_runs<E>(mut run: impl FnMut() -> Result<f64, E>) -> Result<f64, E> {
    run()?;
    let mut figures = (0..RUNS).map(|_| run()).collect::<Result<Vec<_>, _>>()?;
    figures.sort_by(f64::total_cmp);
    Ok(figures[RUNS / 2])
}
