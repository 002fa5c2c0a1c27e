//! The table: a line for each figure of each contender, and for each goal it has.

use std::num::NonZero;

use crate::arguments::{Scale, Setup};
use crate::figure::Figure;
use crate::goal::Goal;

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// The workload.
    pub(crate) work: String,
    /// Who did it.
    pub(crate) contender: &'static str,
    /// The median.
    pub(crate) figure: Figure,
    /// The median as a multiple of the goal's measure, or of the first contender's if there is no goal.
    pub(crate) ratio: Option<f64>,
    /// What is to be reached.
    pub(crate) goal: Option<String>,
    /// Whether it is; `None` where that is not asked.
    pub(crate) reached: Option<bool>,
}

/// A contender, its goals, and the medians of its figures.
pub(crate) type Found = (&'static str, Vec<Goal>, Vec<Figure>);

/// The rows for what was found of a workload. With small inputs no goal is judged.
pub(crate) fn rows(work: &str, found: &[Found], scale: Scale) -> Vec<Row> {
    let figure_of = |contender: &str, label: &str| {
        let (.., figures) = found.iter().find(|(name, ..)| *name == contender)?;
        figures.iter().find(|figure| figure.label == label).copied()
    };
    let mut rows = Vec::new();
    for (at, (contender, goals, figures)) in found.iter().enumerate() {
        for &figure in figures {
            let row =
                |ratio, goal, reached| Row { work: work.to_owned(), contender, figure, ratio, goal, reached };
            let goals: Vec<&Goal> = goals.iter().filter(|goal| goal.is_for(figure)).collect();
            if goals.is_empty() {
                let first = found.first().filter(|_| at > 0);
                let first = first.and_then(|(name, ..)| figure_of(name, figure.label));
                rows.push(row(first.map(|first| figure.value / first.value), None, None));
            }
            for goal in goals {
                let measure = goal.than().map_or(Some(figure), |than| figure_of(than, figure.label));
                let judged = measure.map(|measure| goal.judge(figure, measure));
                let reached = judged.map(|(_, reached)| reached).filter(|_| scale == Scale::Full);
                rows.push(row(judged.map(|(ratio, _)| ratio), Some(goal.to_string()), reached));
            }
        }
    }
    rows
}

/// Prints what the figures were taken on, and the names of the columns.
pub(crate) fn print_head(setup: &Setup) {
    let cores = std::thread::available_parallelism().map_or(0, NonZero::get);
    let processor = processor().unwrap_or_else(|| "an unknown processor".to_owned());
    match setup.scale {
        Scale::Full => println!("{cores} cores of {processor}; medians of {}", setup.runs),
        Scale::Short => println!("small inputs, one run: the figures mean nothing, only that all agree"),
    }
    print_line(["work", "contender", "figure", "ratio", "goal", "reached"].map(str::to_owned));
}

/// Prints lines.
pub(crate) fn print(rows: &[Row]) {
    for row in rows {
        print_line([
            row.work.clone(),
            row.contender.to_owned(),
            row.figure.to_string(),
            row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            row.goal.clone().unwrap_or_else(|| "-".to_owned()),
            row.reached.map_or("-", |reached| if reached { "yes" } else { "no" }).to_owned(),
        ]);
    }
}

fn print_line([work, contender, figure, ratio, goal, reached]: [String; 6]) {
    println!("{work:<34} {contender:<28} {figure:>16} {ratio:>7}  {goal:<28} {reached}");
}

/// The processor's name, where the system tells it.
fn processor() -> Option<String> {
    let told = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = told.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}
