//! Data sets, as Python makes them.

use std::sync::Arc;

use millstream_dataflow::lineage::StorageLevel;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::engine::{Engine, PyEngine};
use super::lineage::{By, Exchange, Node};
use super::plan::{Pickled, Places, Recipe};
use crate::plan::{Action, Cuts, LineType};

/// A data set in partitions, described by how it is made.
#[pyclass(name = "Dataset", module = "millstream._native", frozen)]
pub(crate) struct PyDataset(Arc<Node>);

impl PyDataset {
    pub(super) fn node(&self) -> &Arc<Node> {
        &self.0
    }

    /// Blocks that are there.
    pub(super) fn kept(engine: &Arc<Engine>, name: &str, blocks: Vec<Arc<Vec<u8>>>) -> Self {
        Self(Node::new(
            engine,
            name.to_owned(),
            blocks.len(),
            Recipe::Slices(blocks.into_iter().map(Pickled::Here).collect()),
        ))
    }

    /// Blocks that were just made.
    pub(crate) fn slices_of(engine: &Arc<Engine>, name: &str, blocks: Vec<Vec<u8>>) -> Self {
        Self::kept(engine, name, blocks.into_iter().map(Arc::new).collect())
    }

    fn beside(&self, name: &str, recipe: Recipe) -> Self {
        Self(Node::new(&self.0.engine, name.to_owned(), self.0.partitions, recipe))
    }
}

fn action(name: &str) -> PyResult<Action> {
    Ok(match name {
        "map" => Action::Map,
        "filter" => Action::Filter,
        "flat_map" => Action::FlatMap,
        "map_values" => Action::MapValues,
        "flat_map_values" => Action::FlatMapValues,
        "key_by" => Action::KeyBy,
        "keys" => Action::Keys,
        "values" => Action::Values,
        _ => return Err(PyValueError::new_err(format!("{name:?} is no step"))),
    })
}

fn nodes(datasets: &[PyRef<'_, PyDataset>]) -> Vec<Arc<Node>> {
    datasets.iter().map(|dataset| Arc::clone(&dataset.0)).collect()
}

/// [`Cuts`], from Python.
#[derive(FromPyObject)]
enum CutKeys {
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

#[pymethods]
impl PyDataset {
    /// Numbers: for each partition the first, the step and the count.
    #[staticmethod]
    fn range(engine: &PyEngine, parts: Vec<(i64, i64, u64)>) -> Self {
        Self(Node::new(&engine.0, "range".to_owned(), parts.len(), Recipe::Range(parts)))
    }

    /// Encoded records: a block for each partition.
    #[staticmethod]
    fn slices(engine: &PyEngine, name: &str, blocks: Vec<Vec<u8>>) -> Self {
        Self::slices_of(&engine.0, name, blocks)
    }

    /// The lines that begin in parts of files: path, first byte and the byte behind the last.
    #[staticmethod]
    fn lines(engine: &PyEngine, parts: Vec<(String, u64, u64)>, unicode: bool) -> Self {
        let record = if unicode { LineType::Str } else { LineType::Bytes };
        Self(Node::new(&engine.0, "textFile".to_owned(), parts.len(), Recipe::Lines(parts, record)))
    }

    /// A function of the partition's number and of iterators over what `places` names for each partition: the number
    /// of a parent and of a partition of it.
    #[staticmethod]
    fn call(
        engine: &PyEngine,
        name: &str,
        parents: Vec<PyRef<'_, PyDataset>>,
        function: Vec<u8>,
        places: Places,
    ) -> Self {
        let count = places.len();
        let recipe = Recipe::Call { of: nodes(&parents), function: Pickled::from(function), places };
        Self(Node::new(&engine.0, name.to_owned(), count, recipe))
    }

    /// For each partition all that `places` names, one after the other.
    #[staticmethod]
    fn chain(engine: &PyEngine, name: &str, parents: Vec<PyRef<'_, PyDataset>>, places: Places) -> Self {
        let count = places.len();
        Self(Node::new(&engine.0, name.to_owned(), count, Recipe::Chain { of: nodes(&parents), places }))
    }

    /// Pairs of a key and of lists: its values in each of the parents, which are partitioned alike.
    #[staticmethod]
    fn cogroup(engine: &PyEngine, parents: Vec<PyRef<'_, PyDataset>>) -> Self {
        let of = nodes(&parents);
        let partitions = of.first().map_or(0, |first| first.partitions);
        Self(Node::new(&engine.0, "cogroup".to_owned(), partitions, Recipe::Cogroup(of)))
    }

    /// The number of the data set.
    #[getter]
    fn id(&self) -> u64 {
        self.0.id.0
    }

    #[getter]
    fn partitions(&self) -> usize {
        self.0.partitions
    }

    /// The operation that made it.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Lets go of what map tasks left for it and of what is kept of it, as a lost worker would: tests call it.
    fn lose(&self, py: Python<'_>) {
        py.detach(|| {
            let stages = &self.0.engine.stages;
            if let Recipe::Shuffled(exchange) = &self.0.recipe {
                (0..exchange.maps()).for_each(|map| stages.lose_shuffled(exchange.shuffle(), map));
            }
            (0..self.0.partitions).for_each(|partition| stages.lose_cached(self.0.id, partition));
        });
    }

    /// Whether it is made of blocks that are there.
    #[getter]
    fn is_sliced(&self) -> bool {
        matches!(self.0.recipe, Recipe::Slices(_))
    }

    /// The block of each partition, if there are blocks: of a data set made of slices, or materialised.
    fn blocks<'py>(&self, py: Python<'py>) -> Option<Vec<Bound<'py, PyBytes>>> {
        let Recipe::Slices(blocks) = &self.0.recipe else { return None };
        blocks.iter().map(|block| block.bytes().ok().map(|bytes| PyBytes::new(py, &bytes))).collect()
    }

    /// A step that is taken with each record.
    #[pyo3(signature = (name, step, function=None))]
    fn step(&self, name: &str, step: &str, function: Option<Vec<u8>>) -> PyResult<Self> {
        let recipe = Recipe::Step {
            of: Arc::clone(&self.0),
            action: action(step)?,
            function: function.map(Pickled::from),
        };
        Ok(self.beside(name, recipe))
    }

    /// Pairs with the values of each key made one, within each partition.
    fn combine(&self, name: &str, create: Option<Vec<u8>>, merge: Vec<u8>) -> Self {
        let create = create.map(Pickled::from);
        let recipe = Recipe::Combine { of: Arc::clone(&self.0), create, merge: Pickled::from(merge) };
        self.beside(name, recipe)
    }

    /// Pairs in the order of their keys, or of what `key` makes of these, within each partition.
    fn sort(&self, name: &str, key: Option<Vec<u8>>, ascending: bool) -> Self {
        let recipe = Recipe::Sort { of: Arc::clone(&self.0), key: key.map(Pickled::from), ascending };
        self.beside(name, recipe)
    }

    /// For each partition one record: how many pairs there are, and a list of `size` of their keys.
    fn sample(&self, name: &str, size: u64) -> Self {
        self.beside(name, Recipe::Sample { of: Arc::clone(&self.0), size })
    }

    /// Pairs given to `reducers` by the portable hash of their key, or by what `function` makes of it. `ranges` says what
    /// it makes of keys of one type: cuts of that type, all `int` of 64 bits or all `str`, and whether up from the first.
    #[pyo3(signature = (name, reducers, function=None, ranges=None))]
    fn shuffle(
        &self,
        name: &str,
        reducers: usize,
        function: Option<Vec<u8>>,
        ranges: Option<(CutKeys, bool)>,
    ) -> Self {
        let by = match (function.map(Pickled::from), ranges) {
            (None, _) => By::Hash,
            (Some(function), None) => By::Function(function),
            (Some(function), Some((cuts, ascending))) => {
                let cuts = match cuts {
                    CutKeys::Ints(cuts) => Cuts::Ints(cuts),
                    CutKeys::Texts(cuts) => Cuts::Texts(cuts),
                };
                By::Range { function, cuts, ascending }
            }
        };
        self.exchanged(name, reducers, by)
    }

    /// Records given to `reducers` in turn.
    fn deal(&self, name: &str, reducers: usize) -> Self {
        self.exchanged(name, reducers, By::Turns)
    }

    /// Keeps each partition once it is computed: in memory, on disk, or on disk where memory has no room.
    fn keep(&self, memory: bool, disk: bool) {
        self.0.keep(match (memory, disk) {
            (true, true) => StorageLevel::MemoryAndDisk,
            (false, true) => StorageLevel::DiskOnly,
            _ => StorageLevel::MemoryOnly,
        });
    }

    /// Lets go of what was kept, and keeps nothing more.
    fn forget(&self, py: Python<'_>) {
        py.detach(|| self.0.forget());
    }
}

impl PyDataset {
    fn exchanged(&self, name: &str, reducers: usize, by: By) -> Self {
        let exchange = Exchange::new(&self.0, reducers, by);
        Self(Node::new(&self.0.engine, name.to_owned(), reducers, Recipe::Shuffled(exchange)))
    }
}
