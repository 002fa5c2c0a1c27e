//! A measured number with its unit.

use std::fmt;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Millions of records a second.
    MillionsPerSecond,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// A number with its unit, and what it is, where a contender gives several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    /// Which of several figures of the same run, such as `p99`; empty if there is one.
    pub(crate) label: &'static str,
    /// What it counts.
    pub(crate) unit: Unit,
    /// How many of that.
    pub(crate) value: f64,
}

impl Figure {
    /// The only figure of a run.
    pub(crate) fn new(unit: Unit, value: f64) -> Self {
        Self { label: "", unit, value }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.label.is_empty() {
            write!(f, "{} ", self.label)?;
        }
        let value = self.value;
        match self.unit {
            Unit::MillionsPerSecond if value < 10.0 => write!(f, "{value:.2} M/s"),
            Unit::MillionsPerSecond => write!(f, "{value:.1} M/s"),
            Unit::Seconds if value < 1e-3 => write!(f, "{:.1} us", value * 1e6),
            Unit::Seconds if value < 1.0 => write!(f, "{:.1} ms", value * 1e3),
            Unit::Seconds => write!(f, "{value:.3} s"),
            Unit::Bytes => write!(f, "{:.1} MiB", value / f64::from(1 << 20)),
        }
    }
}

/// The median of each figure over several runs of a contender, all with the same figures in the same order.
pub(crate) fn medians(runs: &[Vec<Figure>]) -> Vec<Figure> {
    let first = runs.first().map_or(&[][..], Vec::as_slice);
    let median = |(at, figure): (usize, &Figure)| {
        let mut values: Vec<f64> =
            runs.iter().filter_map(|run| run.get(at)).map(|figure| figure.value).collect();
        values.sort_by(f64::total_cmp);
        Figure { value: values[values.len() / 2], ..*figure }
    };
    first.iter().enumerate().map(median).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_own_median() {
        let run = |a, b| vec![Figure::new(Unit::Seconds, a), Figure::new(Unit::Bytes, b)];
        let found = medians(&[run(3.0, 10.0), run(1.0, 30.0), run(2.0, 20.0)]);
        assert_eq!(found, run(2.0, 20.0));
    }

    #[test]
    fn a_figure_is_read_with_its_label_and_unit() {
        assert_eq!(Figure::new(Unit::Bytes, 3_145_728.0).to_string(), "3.0 MiB");
        let labelled = Figure { label: "p99", ..Figure::new(Unit::Seconds, 0.25) };
        assert_eq!(labelled.to_string(), "p99 250.0 ms");
    }
}
