//! What a figure is held against.

use crate::figure::Figure;

/// The side on which a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A bound on a contender's figure, as a multiple of another contender's figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goal {
    bound: Bound,
    than: &'static str,
}

impl Goal {
    /// At least `times` the figure of contender `of`.
    pub(crate) fn at_least(times: f64, of: &'static str) -> Self {
        Self { bound: Bound::AtLeast(times), than: of }
    }

    /// At most `times` the figure of contender `of`.
    pub(crate) fn at_most(times: f64, of: &'static str) -> Self {
        Self { bound: Bound::AtMost(times), than: of }
    }

    /// Whose figure is the measure.
    pub(crate) fn than(&self) -> &'static str {
        self.than
    }

    /// The ratio of two figures, and whether it is on the right side.
    pub(crate) fn judge(&self, figure: Figure, measure: Figure) -> (f64, bool) {
        let ratio = figure.value / measure.value;
        let reached = match self.bound {
            Bound::AtLeast(times) => ratio >= times,
            Bound::AtMost(times) => ratio <= times,
        };
        (ratio, reached)
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.bound {
            Bound::AtLeast(times) => write!(f, ">= {times:.2} x {}", self.than),
            Bound::AtMost(times) => write!(f, "<= {times:.2} x {}", self.than),
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
}
