//! The plan of a partition from the recipes of the data sets that it is made from.

use std::sync::Arc;

use millstream_dataflow::lineage::{DatasetId, Dependency, Lineage, StorageLevel, TaskContext};
use millstream_model::error::Result;

use super::executor::Executor;
use super::lineage::{Exchange, Node};
use crate::plan::{Action, Attached, BlockRef, Combine, LineType, Plan, Step};

/// A pickled function or an encoded block: at hand, or lent by the driver of a cluster's job.
#[derive(Clone)]
pub(super) enum Pickled {
    Here(Arc<Vec<u8>>),
    Lent(Arc<Executor>, u64),
}

impl From<Vec<u8>> for Pickled {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Here(Arc::new(bytes))
    }
}

impl Pickled {
    /// The bytes.
    ///
    /// # Errors
    /// If the driver cannot be reached, or has let go of them.
    pub(super) fn bytes(&self) -> Result<Arc<Vec<u8>>> {
        match self {
            Self::Here(bytes) => Ok(Arc::clone(bytes)),
            Self::Lent(executor, number) => executor.blob(*number),
        }
    }
}

/// For each partition the inputs that it reads: the number of a parent and of a partition of it.
pub(super) type Places = Vec<Vec<(usize, usize)>>;

/// How a data set is made.
pub(super) enum Recipe {
    /// For each partition the first number, the step and the count.
    Range(Vec<(i64, i64, u64)>),
    /// Encoded records.
    Slices(Vec<Pickled>),
    /// Parts of files.
    Lines(Vec<(String, u64, u64)>, LineType),
    /// What reducers get.
    Shuffled(Arc<Exchange>),
    Step {
        of: Arc<Node>,
        action: Action,
        function: Option<Pickled>,
    },
    Call {
        of: Vec<Arc<Node>>,
        function: Pickled,
        places: Places,
    },
    Chain {
        of: Vec<Arc<Node>>,
        places: Places,
    },
    Combine {
        of: Arc<Node>,
        create: Option<Pickled>,
        merge: Pickled,
    },
    Cogroup(Vec<Arc<Node>>),
    Sample {
        of: Arc<Node>,
        size: u64,
    },
    Sort {
        of: Arc<Node>,
        key: Option<Pickled>,
        ascending: bool,
    },
}

impl Recipe {
    pub(super) fn parents(&self) -> &[Arc<Node>] {
        match self {
            Self::Range(_) | Self::Slices(_) | Self::Lines(..) | Self::Shuffled(_) => &[],
            Self::Step { of, .. }
            | Self::Combine { of, .. }
            | Self::Sample { of, .. }
            | Self::Sort { of, .. } => std::slice::from_ref(of),
            Self::Call { of, .. } | Self::Chain { of, .. } | Self::Cogroup(of) => of,
        }
    }

    pub(super) fn dependencies(&self) -> Vec<Dependency> {
        if let Self::Shuffled(exchange) = self {
            return vec![Dependency::Shuffle(Arc::clone(exchange) as Arc<_>)];
        }
        let narrow = |parent: &Arc<Node>| Dependency::Narrow(Arc::clone(parent) as Arc<dyn Lineage>);
        self.parents().iter().map(narrow).collect()
    }
}

/// A plan and what it refers to.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) attachments: Vec<Arc<Vec<u8>>>,
    /// How the partitions that the task makes of kept data sets are kept.
    pub(super) levels: Vec<(DatasetId, StorageLevel)>,
}

impl Planned {
    /// How `partition` of `node` is made, given what is cached.
    pub(super) fn of(node: &Node, partition: usize, task: &TaskContext) -> Result<Self> {
        let mut planned = Self { plan: Plan::Chain(Vec::new()), attachments: Vec::new(), levels: Vec::new() };
        planned.plan = planned.read(node, partition, task)?;
        Ok(planned)
    }

    /// The number under which a function or block is sent along, once however often it is referred to.
    pub(super) fn attach(&mut self, pickled: &Pickled) -> Result<Attached> {
        let bytes = pickled.bytes()?;
        let known = self.attachments.iter().position(|other| Arc::ptr_eq(other, &bytes));
        let at = known.unwrap_or_else(|| {
            self.attachments.push(bytes);
            self.attachments.len() - 1
        });
        Ok(at as Attached)
    }

    fn read(&mut self, node: &Node, partition: usize, task: &TaskContext) -> Result<Plan> {
        let level = node.storage();
        if level == StorageLevel::None {
            return self.make(node, partition, task);
        }
        let (dataset, number) = (node.id.0, partition as u64);
        if task.blocks.kept(node.id, partition).is_some() {
            return Ok(Plan::Fetched(vec![BlockRef::Cached { dataset, partition: number }]));
        }
        self.levels.push((node.id, level));
        let of = Box::new(self.make(node, partition, task)?);
        Ok(Plan::Keep { dataset, partition: number, of })
    }

    fn make(&mut self, node: &Node, partition: usize, task: &TaskContext) -> Result<Plan> {
        Ok(match &node.recipe {
            Recipe::Range(parts) => {
                let (start, step, count) = parts[partition];
                Plan::Range { start, step, count }
            }
            Recipe::Slices(slices) => Plan::Attached(self.attach(&slices[partition])?),
            Recipe::Lines(parts, record) => {
                let (path, start, end) = parts[partition].clone();
                Plan::Lines { path, start, end, record: *record }
            }
            Recipe::Shuffled(exchange) => {
                let block = |map: usize| BlockRef::Shuffled {
                    shuffle: exchange.number(),
                    map: map as u64,
                    reducer: partition as u64,
                };
                Plan::Fetched((0..exchange.maps()).map(block).collect())
            }
            Recipe::Step { of, action, function } => {
                let function = function.as_ref().map(|function| self.attach(function)).transpose()?;
                let step = Step { name: node.name.clone(), action: *action, function };
                match self.read(of, partition, task)? {
                    Plan::Steps { of, mut steps } => {
                        steps.push(step);
                        Plan::Steps { of, steps }
                    }
                    of => Plan::Steps { of: Box::new(of), steps: vec![step] },
                }
            }
            Recipe::Call { of, function, places } => {
                let function = self.attach(function)?;
                let of = self.inputs(of, &places[partition], task)?;
                Plan::Call { name: node.name.clone(), function, index: partition as u64, of }
            }
            Recipe::Chain { of, places } => Plan::Chain(self.inputs(of, &places[partition], task)?),
            Recipe::Combine { of, create, merge } => {
                let create = create.as_ref().map(|function| self.attach(function)).transpose()?;
                let functions = Combine { name: node.name.clone(), create, merge: self.attach(merge)? };
                Plan::Combine { of: Box::new(self.read(of, partition, task)?), functions }
            }
            Recipe::Cogroup(of) => {
                let of = of.iter().map(|parent| self.read(parent, partition, task));
                Plan::Cogroup(of.collect::<Result<_>>()?)
            }
            Recipe::Sample { of, size } => {
                let of = Box::new(self.read(of, partition, task)?);
                Plan::Sample { name: node.name.clone(), of, size: *size, seed: partition as u64 }
            }
            Recipe::Sort { of, key, ascending } => {
                let key = key.as_ref().map(|function| self.attach(function)).transpose()?;
                let of = Box::new(self.read(of, partition, task)?);
                Plan::Sort { of, key, ascending: *ascending }
            }
        })
    }

    fn inputs(
        &mut self,
        of: &[Arc<Node>],
        places: &[(usize, usize)],
        task: &TaskContext,
    ) -> Result<Vec<Plan>> {
        places.iter().map(|&(parent, partition)| self.read(&of[parent], partition, task)).collect()
    }
}
