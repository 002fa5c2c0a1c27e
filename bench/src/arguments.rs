//! What can be said on the command line, and what follows from it for every workload.

use std::path::PathBuf;

use clap::Parser;
use millstream::Result;

use crate::inputs::Inputs;

/// Measures Millstream beside hand-written loops and peers; prints one table.
#[derive(Parser)]
#[command(name = "millstream-bench")]
pub(crate) struct Arguments {
    /// Small inputs and one run each: shows that all workloads run and agree. No figure means anything then.
    #[arg(long)]
    short: bool,
    /// Only workloads with this in their name; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Only contenders with this in their name, and the one they are compared with; may be given several times.
    #[arg(long, value_name = "NAME")]
    contender: Vec<String>,
    /// Counted runs of each contender, of which the median is shown.
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Where generated inputs are kept for the next time [default: `bench-inputs` in cargo's target folder].
    #[arg(long, value_name = "FOLDER")]
    inputs: Option<PathBuf>,
    /// Runs one contender in this process: how the program calls itself where memory or start-up is measured.
    #[arg(long, hide = true)]
    pub(crate) task: Option<String>,
}

/// How large the workloads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// As the goals say.
    Full,
    /// Small, for a look whether all of it works.
    Short,
}

/// What every workload is told.
pub(crate) struct Setup {
    /// How large to be.
    pub(crate) scale: Scale,
    /// Counted runs of each contender.
    pub(crate) runs: usize,
    /// Where files to read are.
    pub(crate) inputs: Inputs,
    contenders: Vec<String>,
}

impl Setup {
    /// The one of two sizes that fits the scale.
    pub(crate) fn size(&self, full: usize, short: usize) -> usize {
        if self.scale == Scale::Full { full } else { short }
    }

    /// Whether a contender takes part.
    pub(crate) fn admits(&self, contender: &str) -> bool {
        admits(&self.contenders, contender)
    }
}

impl Arguments {
    /// What follows for the workloads.
    pub(crate) fn setup(&self) -> Result<Setup> {
        let scale = if self.short { Scale::Short } else { Scale::Full };
        let runs = if self.short { 1 } else { self.runs.max(1) };
        let inputs = Inputs::in_folder(self.inputs.clone())?;
        Ok(Setup { scale, runs, inputs, contenders: self.contender.clone() })
    }

    /// Whether a workload is to be measured.
    pub(crate) fn chooses(&self, workload: &str) -> bool {
        admits(&self.only, workload)
    }
}

fn admits(asked: &[String], name: &str) -> bool {
    asked.is_empty() || asked.iter().any(|part| name.contains(part))
}
