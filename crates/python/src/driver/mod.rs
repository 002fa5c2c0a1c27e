//! The driver's side: data sets as nodes of the engine's lineage, and where their tasks run.
//!
//! A data set of Python objects is a node like any other to the engine, which cuts stages, tries tasks again and keeps
//! blocks. Only what a task *does* is different: it is described by a plan and runs in an interpreter.

mod dataset;
mod engine;
mod executor;
mod lineage;
mod plan;

pub(crate) use dataset::PyDataset;
pub(crate) use engine::{Engine, LOOK, PyEngine};
