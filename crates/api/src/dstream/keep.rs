//! How what later batches ask for is kept.
//!
//! In one process it is materialised: records in memory, without lineage. On a cluster its partitions stay in the executors that
//! made them; what is carried on from batch to batch is written to the checkpoint folder by the tasks that make it, and read
//! from there where an executor is lost. What has no encoding keeps its lineage, which ends at what is carried, or at what the
//! batch was given.
//!
//! Holds: no lineage grows from batch to batch.

use std::sync::OnceLock;

use millstream_dataflow::lineage::{Codec, StorageLevel};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_runtime::microbatch::Shelf;
use millstream_runtime::stage::ProgramRole;

use crate::rdd::{Context, Rdd};

/// See the module.
pub(super) struct Keeper {
    role: ProgramRole,
    shelf: OnceLock<Shelf>,
}

impl Keeper {
    pub(super) fn new(context: &Context) -> Self {
        Self { role: context.role(), shelf: OnceLock::new() }
    }

    /// The checkpoint folder is there.
    pub(super) fn shelve(&self, shelf: Shelf) {
        self.shelf.get_or_init(|| shelf);
    }

    /// The checkpoint folder, as tasks see it.
    pub(super) fn shelf(&self) -> Option<&Shelf> {
        self.shelf.get()
    }

    /// A data set of the same records, to be asked for by later batches; `codec` where it is carried on.
    pub(super) fn keep<T: Record>(
        &self,
        rdd: &Rdd<T>,
        name: &'static str,
        codec: Option<Codec<T>>,
    ) -> Result<Rdd<T>> {
        match (self.role, codec, self.shelf.get()) {
            (ProgramRole::Alone, ..) => rdd.materialise(name),
            (_, Some(codec), Some(shelf)) => rdd.shelved(name, codec, shelf),
            (_, Some(_), None) => Err(Failure::internal(format!("`{name}` is carried on without a folder"))),
            (_, None, _) => Ok(rdd.keep_at(StorageLevel::MemoryOnly)),
        }
    }
}
