//! What a figure is held against.

use crate::figure::{Figure, Unit};

/// The side on which a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// What the bound is on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measured {
    /// The figure as a multiple of another contender's.
    Against(&'static str),
    /// The figure as it is.
    Alone(Unit),
}

/// A bound on a contender's figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goal {
    bound: Bound,
    measured: Measured,
    /// The label of the figures it is for; `None` is any.
    label: Option<&'static str>,
}

impl Goal {
    /// At least `times` the figure of contender `of`.
    pub(crate) fn at_least(times: f64, of: &'static str) -> Self {
        Self { bound: Bound::AtLeast(times), measured: Measured::Against(of), label: None }
    }

    /// At most `times` the figure of contender `of`.
    pub(crate) fn at_most(times: f64, of: &'static str) -> Self {
        Self { bound: Bound::AtMost(times), measured: Measured::Against(of), label: None }
    }

    /// The figure labelled `label` at most `value`.
    pub(crate) fn below(label: &'static str, unit: Unit, value: f64) -> Self {
        Self { bound: Bound::AtMost(value), measured: Measured::Alone(unit), label: Some(label) }
    }

    /// The figure labelled `label` at least `value`.
    pub(crate) fn above(label: &'static str, unit: Unit, value: f64) -> Self {
        Self { bound: Bound::AtLeast(value), measured: Measured::Alone(unit), label: Some(label) }
    }

    /// The same goal, for figures of one label.
    #[cfg(any(test, feature = "kafka"))]
    pub(crate) fn on(self, label: &'static str) -> Self {
        Self { label: Some(label), ..self }
    }

    /// Whether it is a goal for figures of this label.
    pub(crate) fn is_for(&self, figure: Figure) -> bool {
        self.label.is_none_or(|label| label == figure.label)
    }

    /// Whose figure is the measure, if it is anybody's.
    pub(crate) fn than(&self) -> Option<&'static str> {
        match self.measured {
            Measured::Against(than) => Some(than),
            Measured::Alone(..) => None,
        }
    }

    /// The figure as a multiple of the goal's measure (of its bound, where it stands alone), and whether it is on the
    /// right side.
    pub(crate) fn judge(&self, figure: Figure, measure: Figure) -> (f64, bool) {
        match self.bound {
            Bound::AtLeast(least) if self.than().is_none() => (figure.value / least, figure.value >= least),
            Bound::AtLeast(least) => {
                let ratio = figure.value / measure.value;
                (ratio, ratio >= least)
            }
            Bound::AtMost(most) if self.than().is_some() => {
                let ratio = figure.value / measure.value;
                (ratio, ratio <= most)
            }
            Bound::AtMost(most) => (figure.value / most, figure.value <= most),
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.bound, self.measured) {
            (Bound::AtLeast(times), Measured::Against(than)) => write!(f, ">= {times:.2} x {than}"),
            (Bound::AtMost(times), Measured::Against(than)) => write!(f, "<= {times:.2} x {than}"),
            (Bound::AtLeast(value), Measured::Alone(unit)) => write!(f, ">= {}", Figure::new(unit, value)),
            (Bound::AtMost(value), Measured::Alone(unit)) => write!(f, "<= {}", Figure::new(unit, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Unit;

    #[test]
    fn a_goal_is_reached_on_its_bound_and_on_its_own_side_only() {
        let seconds = |value| Figure::new(Unit::Seconds, value);
        let slower = Goal::at_most(1.5, "loop");
        assert_eq!(slower.judge(seconds(3.0), seconds(2.0)), (1.5, true));
        assert!(!slower.judge(seconds(3.1), seconds(2.0)).1);
        let faster = Goal::at_least(0.5, "loop");
        assert!(faster.judge(seconds(1.0), seconds(2.0)).1);
        assert!(!faster.judge(seconds(0.9), seconds(2.0)).1);
    }

    #[test]
    fn a_goal_that_stands_alone_is_for_figures_of_its_label() {
        let of = |label, value| Figure { label, ..Figure::new(Unit::Seconds, value) };
        let goal = Goal::below("p99", Unit::Seconds, 0.25);
        assert!(goal.is_for(of("p99", 1.0)) && !goal.is_for(of("p50", 1.0)));
        assert_eq!(goal.judge(of("p99", 0.125), of("p99", 0.125)), (0.5, true));
        assert!(!goal.judge(of("p99", 0.3), of("p99", 0.3)).1);
        assert_eq!(goal.to_string(), "<= 250.0 ms");
        let goal = Goal::at_least(2.0, "loop").on("p99");
        assert!(goal.is_for(of("p99", 1.0)) && !goal.is_for(of("p50", 1.0)));
        let goal = Goal::above("rate", Unit::MillionsPerSecond, 2.0);
        assert_eq!(goal.judge(of("rate", 3.0), of("rate", 3.0)), (1.5, true));
        assert!(!goal.judge(of("rate", 1.9), of("rate", 1.9)).1);
    }
}
