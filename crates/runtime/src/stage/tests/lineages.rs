//! Two data sets: numbers, and a shuffle of numbers.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream_dataflow::lineage::{
    Codec, Dataset, DatasetId, Dependency, Lineage, Pull, Rows, Run, Runs, Shuffle, ShuffleId, StorageLevel,
    Stored, TaskContext, VecPull,
};
use millstream_model::error::Result;

use crate::stage::StageEngine;

type Hook = Box<dyn Fn(usize, &TaskContext) -> Result<()> + Send + Sync>;

/// Ten numbers a partition: 0 to 9, 10 to 19 and so on.
pub(super) struct Numbers {
    id: DatasetId,
    partitions: usize,
    level: StorageLevel,
    /// Called in each task, before it computes a partition.
    hook: Hook,
    /// How many partitions were computed.
    pub(super) computed: AtomicU64,
}

impl Numbers {
    pub(super) fn kept(
        engine: &StageEngine,
        partitions: usize,
        level: StorageLevel,
        hook: impl Fn(usize, &TaskContext) -> Result<()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (id, hook) = (engine.next_dataset(), Box::new(hook));
        Arc::new(Self { id, partitions, level, hook, computed: AtomicU64::new(0) })
    }

    pub(super) fn with(
        engine: &StageEngine,
        partitions: usize,
        hook: impl Fn(usize, &TaskContext) -> Result<()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::kept(engine, partitions, StorageLevel::None, hook)
    }

    pub(super) fn new(engine: &StageEngine, partitions: usize) -> Arc<Self> {
        Self::with(engine, partitions, |_, _| Ok(()))
    }
}

impl Lineage for Numbers {
    fn id(&self) -> DatasetId {
        self.id
    }

    fn name(&self) -> &str {
        "numbers"
    }

    fn kind(&self) -> &str {
        "Numbers"
    }

    fn called_at(&self) -> &'static Location<'static> {
        Location::caller()
    }

    fn partitions(&self) -> usize {
        self.partitions
    }

    fn dependencies(&self) -> &[Dependency] {
        &[]
    }

    fn storage(&self) -> StorageLevel {
        self.level
    }

    fn prepare(&self) -> Result<()> {
        Ok(())
    }
}

impl Dataset<u64> for Numbers {
    fn compute(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Pull<u64>>> {
        (self.hook)(partition, task)?;
        self.computed.fetch_add(1, Ordering::Relaxed);
        let first = 10 * partition as u64;
        Ok(Box::new(VecPull::from((first..first + 10).collect::<Vec<_>>())))
    }

    fn codec(&self) -> Option<Codec<u64>> {
        Some(Codec::of())
    }
}

/// What a partition gets from each map task, added up: `reducers` partitions of one number for each partition of a parent.
/// Reducer `r` gets the numbers that leave the remainder `r`.
pub(super) struct Sums {
    id: DatasetId,
    shuffle: Arc<Dealt>,
    dependencies: Vec<Dependency>,
    hook: Hook,
}

struct Dealt {
    id: ShuffleId,
    parent: Arc<dyn Dataset<u64>>,
    reducers: u64,
}

impl Sums {
    pub(super) fn with(
        engine: &StageEngine,
        parent: Arc<dyn Dataset<u64>>,
        reducers: u64,
        hook: impl Fn(usize, &TaskContext) -> Result<()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let shuffle = Arc::new(Dealt { id: engine.next_shuffle(), parent, reducers });
        let dependencies = vec![Dependency::Shuffle(Arc::clone(&shuffle) as Arc<_>)];
        Arc::new(Self { id: engine.next_dataset(), shuffle, dependencies, hook: Box::new(hook) })
    }

    pub(super) fn new(engine: &StageEngine, parent: Arc<dyn Dataset<u64>>, reducers: u64) -> Arc<Self> {
        Self::with(engine, parent, reducers, |_, _| Ok(()))
    }

    pub(super) fn shuffle(&self) -> ShuffleId {
        self.shuffle.id
    }
}

impl Shuffle for Dealt {
    fn id(&self) -> ShuffleId {
        self.id
    }

    fn parent(&self) -> Arc<dyn Lineage> {
        Arc::clone(&self.parent) as Arc<_>
    }

    fn write(&self, partition: usize, task: &TaskContext) -> Result<Vec<Stored>> {
        let mut dealt: Vec<Vec<u64>> = vec![Vec::new(); self.reducers as usize];
        let mut input = self.parent.read(partition, task)?;
        while let Some(mut batch) = input.next()? {
            batch.drain().for_each(|n| dealt[(n % self.reducers) as usize].push(n));
        }
        Ok(dealt.into_iter().map(|numbers| Stored::Memory(Arc::new(Rows::from(numbers)))).collect())
    }
}

impl Lineage for Sums {
    fn id(&self) -> DatasetId {
        self.id
    }

    fn name(&self) -> &str {
        "sums"
    }

    fn kind(&self) -> &str {
        "Sums"
    }

    fn called_at(&self) -> &'static Location<'static> {
        Location::caller()
    }

    fn partitions(&self) -> usize {
        self.shuffle.reducers as usize
    }

    fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }

    fn storage(&self) -> StorageLevel {
        StorageLevel::None
    }

    fn prepare(&self) -> Result<()> {
        Ok(())
    }
}

impl Dataset<u64> for Sums {
    fn compute(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Pull<u64>>> {
        (self.hook)(partition, task)?;
        let mut sums = Vec::new();
        for map in 0..self.shuffle.parent.partitions() {
            let mut sum = 0;
            let mut runs = Runs::<u64>::open(task, self.shuffle.id, map, partition)?;
            while let Some(run) = runs.next_run()? {
                sum += match run {
                    Run::Lent(rows) => rows.as_slice().iter().sum::<u64>(),
                    Run::Given(rows) => rows.into_iter().sum(),
                };
            }
            sums.push(sum);
        }
        Ok(Box::new(VecPull::from(sums)))
    }

    fn codec(&self) -> Option<Codec<u64>> {
        Some(Codec::of())
    }
}
