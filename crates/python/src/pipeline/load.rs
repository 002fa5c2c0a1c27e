//! A pipeline from its plan.

use std::collections::VecDeque;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::combine::{Cogroup, CombineByKey};
use super::keep::Keep;
use super::lines::Lines;
use super::sample::Sample;
use super::sort::{Input, Sort};
use super::source::{Blocks, Source};
use super::{LoadedStep, Pipeline, Records, fault};
use crate::column::loads;
use crate::host::Host;
use crate::plan::{Attached, Plan, Step};

/// What plans refer to.
pub(crate) struct Loader<'a> {
    pub(crate) host: Host,
    pub(crate) attachments: &'a [Arc<Vec<u8>>],
}

impl Loader<'_> {
    fn bytes(&self, at: Attached) -> PyResult<&Arc<Vec<u8>>> {
        let bytes = self.attachments.get(at as usize);
        bytes.ok_or_else(|| PyValueError::new_err(format!("the task came without its attachment {at}")))
    }

    /// A function, unpickled for this task alone: what it captured is its own.
    pub(crate) fn function(&self, py: Python<'_>, at: Attached) -> PyResult<Py<PyAny>> {
        Ok(loads(py, self.bytes(at)?)?.unbind())
    }

    fn maybe(&self, py: Python<'_>, at: Option<Attached>) -> PyResult<Option<Py<PyAny>>> {
        at.map(|at| self.function(py, at)).transpose()
    }

    /// The pipeline of a plan.
    pub(crate) fn pipeline(&self, py: Python<'_>, plan: Plan) -> PyResult<Pipeline> {
        if let Plan::Steps { of, steps } = plan {
            let steps = steps.into_iter().map(|step| self.step(py, step)).collect::<PyResult<_>>()?;
            let inner = self.pipeline(py, *of)?;
            let source = if inner.steps.is_empty() { inner.source } else { Source::Nested(Box::new(inner)) };
            return Ok(Pipeline::new(source, steps));
        }
        Ok(Pipeline::new(self.source(py, plan)?, Vec::new()))
    }

    fn step(&self, py: Python<'_>, step: Step) -> PyResult<LoadedStep> {
        let function = self.maybe(py, step.function)?;
        Ok(LoadedStep { name: step.name, action: step.action, function })
    }

    fn pipelines(&self, py: Python<'_>, plans: Vec<Plan>) -> PyResult<Vec<Pipeline>> {
        plans.into_iter().map(|plan| self.pipeline(py, plan)).collect()
    }

    fn source(&self, py: Python<'_>, plan: Plan) -> PyResult<Source> {
        Ok(match plan {
            Plan::Range { start, step, count } => Source::Range { next: start, step, left: count },
            Plan::Attached(at) => {
                Source::Blocks(Blocks::at_hand(self.host.clone(), Arc::clone(self.bytes(at)?)))
            }
            Plan::Lines { path, start, end, record } => {
                Source::Lines(Box::new(Lines::open(path, start, end, record)?))
            }
            Plan::Fetched(blocks) => Source::Blocks(Blocks::fetched(self.host.clone(), blocks)),
            Plan::Keep { dataset, partition, of } => {
                let of = self.pipeline(py, *of)?;
                Source::Keep(Box::new(Keep::new(of, self.host.clone(), (dataset, partition))))
            }
            Plan::Steps { .. } => Source::Nested(Box::new(self.pipeline(py, plan)?)),
            Plan::Call { name, function, index, of } => self.call(py, name, function, index, of)?,
            Plan::Chain(parts) => Source::Chain(VecDeque::from(self.pipelines(py, parts)?)),
            Plan::Combine { of, functions } => {
                let (create, merge) =
                    (self.maybe(py, functions.create)?, self.function(py, functions.merge)?);
                let of = self.pipeline(py, *of)?;
                Source::Combine(Box::new(CombineByKey::new(of, functions.name, create, merge)))
            }
            Plan::Cogroup(of) => Source::Cogroup(Box::new(Cogroup::new(self.pipelines(py, of)?))),
            Plan::Sample { name, of, size, seed } => {
                Source::Sample(Box::new(Sample::new(self.pipeline(py, *of)?, name, size, seed)))
            }
            Plan::Sort { of, key, ascending } => {
                let input = match (*of, key) {
                    (Plan::Fetched(blocks), None) => {
                        Input::Blocks(Blocks::fetched(self.host.clone(), blocks))
                    }
                    (of, key) => Input::Pairs(self.pipeline(py, of)?, self.maybe(py, key)?),
                };
                Source::Sort(Box::new(Sort::new(input, ascending)))
            }
        })
    }

    fn call(
        &self,
        py: Python<'_>,
        name: String,
        function: Attached,
        index: u64,
        of: Vec<Plan>,
    ) -> PyResult<Source> {
        let function = self.function(py, function)?;
        let mut arguments = vec![index.into_pyobject(py)?.into_any()];
        for pipeline in self.pipelines(py, of)? {
            arguments.push(Bound::new(py, Records::new(pipeline))?.into_any());
        }
        let made = function.bind(py).call1(PyTuple::new(py, arguments)?);
        let iterator =
            made.and_then(|made| made.try_iter()).map_err(|error| fault::named(py, error, &name))?;
        Ok(Source::Iterator(iterator.unbind(), name))
    }
}
