//! The program's operators beside those of a checkpoint.
//!
//! Answers for which state has no home and which operator no state, as a list of both sides with their uids and what to
//! do. A pure function; the caller decides what is acceptable.

use std::fmt;

use crate::error::StoreError;
use crate::manifest::{Manifest, OperatorEntry};
use crate::store::CheckpointStore;

/// An operator of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramOperator {
    /// Given by the user, or derived from the operator's place.
    pub uid: String,
    /// For people.
    pub name: String,
    /// Whether it keeps state.
    pub has_state: bool,
}

/// Both sides of a restore. Operators without state are only listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The program's operators: uid, name, and whether they keep state.
    pub program: Vec<ProgramOperator>,
    /// The checkpoint's operators.
    pub checkpoint: Vec<ProgramOperator>,
    /// Uids of the checkpoint whose state has no operator in the program that keeps state.
    pub without_home: Vec<String>,
    /// Uids of the program's operators that keep state and are not in the checkpoint.
    pub without_state: Vec<String>,
}

/// Compares the program's operators with those of a checkpoint.
pub fn compare(program: &[ProgramOperator], checkpoint: &[OperatorEntry]) -> Comparison {
    let written = checkpoint.iter().map(|operator| ProgramOperator {
        uid: operator.uid.clone(),
        name: operator.name.clone(),
        has_state: operator.has_state(),
    });
    let checkpoint: Vec<ProgramOperator> = written.collect();
    let alone = |of: &[ProgramOperator], has: &dyn Fn(&str) -> bool| {
        of.iter().filter(|one| one.has_state && !has(&one.uid)).map(|one| one.uid.clone()).collect()
    };
    // A known operator may have had nothing to write; state needs an operator that will read it.
    let keeps_state = |uid: &str| program.iter().any(|other| other.uid == uid && other.has_state);
    let is_known = |uid: &str| checkpoint.iter().any(|other| other.uid == uid);
    Comparison {
        without_home: alone(&checkpoint, &keeps_state),
        without_state: alone(program, &is_known),
        program: program.to_vec(),
        checkpoint,
    }
}

impl Comparison {
    /// Whether every state has a home and every operator that keeps state has some.
    pub fn fits(&self) -> bool {
        self.without_home.is_empty() && self.without_state.is_empty()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = [
            ("program", &self.program, &self.without_state),
            ("checkpoint", &self.checkpoint, &self.without_home),
        ];
        for (side, operators, alone) in sides {
            writeln!(f, "  in the {side}:")?;
            for operator in operators {
                let note = match (operator.has_state, alone.contains(&operator.uid)) {
                    (false, _) => "no state",
                    (true, false) => "state",
                    (true, true) if side == "program" => "keeps state, is not in the checkpoint",
                    (true, true) => "state without an operator in the program",
                };
                writeln!(f, "    uid `{}` ({}): {note}", operator.uid, operator.name)?;
            }
        }
        f.write_str(
            "  give an operator the uid its state was written under with .uid(\"..\"); to go on without the others: \
             --restore-unmatched ignore, or unmatched: UnmatchedState::Ignore in the checkpoint settings",
        )
    }
}

impl CheckpointStore {
    /// Checks that a checkpoint's state has its home in the program and the reverse. A changed fingerprint alone is no
    /// fault: programs may change around their state.
    ///
    /// # Errors
    /// Where it has not; the error lists both sides.
    pub fn check_fits(
        &self,
        manifest: &Manifest,
        job: &str,
        program: &[ProgramOperator],
    ) -> Result<(), StoreError> {
        let comparison = compare(program, &manifest.operators);
        if comparison.fits() {
            return Ok(());
        }
        Err(StoreError::OtherJob {
            folder: self.name().to_owned(),
            checkpoint: manifest.checkpoint.to_string(),
            written_by: manifest.job.name.clone(),
            program: job.to_owned(),
            comparison: Box::new(comparison),
        })
    }
}
