//! The driver's side: data sets as nodes of the engine's lineage, and where their tasks run.
//!
//! A data set of Python objects is a node like any other to the engine, which cuts stages, tries tasks again and keeps
//! blocks. Only what a task *does* is different: it is described by a plan and runs in an interpreter. On a cluster a job's
//! nodes are shipped to executors (`shipped`), which make the same plans of them (`serve`).

mod cluster;
mod dataset;
mod engine;
mod executor;
mod lineage;
mod plan;
mod serve;
mod shelf;
mod shipped;

pub(crate) use dataset::PyDataset;
pub(crate) use engine::{Engine, LOOK, PyEngine};
pub(crate) use serve::serve_tasks;
