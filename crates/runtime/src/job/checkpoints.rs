//! The checkpoints of a job over all its attempts.
//!
//! Answers for what an attempt starts from, for manifests, for committing what sinks staged, and for retention. Not for
//! barriers (`attempt`) nor for how state is written (crate `millstream-state`).
//! Holds: a sink commits what it staged only after the manifest that lists it is written; what was staged for a
//! checkpoint that failed is committed with the next one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use millstream_dataflow::graph::NodeKind;
use millstream_dataflow::operator::Cancelled;
use millstream_dataflow::sink::AnyCommitter;
use millstream_model::error::{Failure, Result};
use millstream_model::id::{CheckpointId, OperatorUid};
use millstream_model::time::Timestamp;
use millstream_state::{
    CheckpointName, CheckpointStore, Committable, JobEntry, Manifest, OperatorEntry, StoreError, SubtaskState,
};

use super::history::History;
use super::{Store, store_failure};
use crate::control::CheckpointRecord;
use crate::plan::Plan;
use crate::settings::{RestoreFrom, UnmatchedState};
use crate::sync::Mutex;

/// How long a process that lost its job manager may take to notice, and to end.
const PREDECESSOR: Duration = Duration::from_secs(20);
/// From one look to the next.
const LOOK: Duration = Duration::from_millis(50);

/// Which run of a program it is, where a cluster knows it by a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// The name: that of the cluster's job, and of the job within its program.
    pub(crate) name: Option<String>,
    /// Another process may have begun it.
    pub(crate) taken_over: bool,
}

pub(crate) struct Checkpoints {
    plan: Arc<Plan>,
    store: Option<Store>,
    restored: Option<Manifest>,
    next_id: u64,
    completed: u64,
    staged: Vec<(u64, Committable)>,
    committers: HashMap<String, Box<dyn AnyCommitter>>,
    history: Arc<Mutex<History>>,
    run: Run,
}

/// Opens the folder. The process that this one takes over from may be about to end, since its own job manager is gone: then
/// it lets go of the folder soon.
fn open_in_turn(folder: &Path, taken_over: bool) -> std::result::Result<CheckpointStore, StoreError> {
    let begun = Instant::now();
    loop {
        match CheckpointStore::open(folder) {
            Err(StoreError::Locked { .. }) if taken_over && begun.elapsed() < PREDECESSOR => {
                std::thread::sleep(LOOK);
            }
            opened => return opened,
        }
    }
}

impl Checkpoints {
    /// Opens the folder, where there is one, and finds what to start from.
    pub(crate) fn open(plan: &Arc<Plan>, run: Run) -> Result<Self> {
        let settings = plan.settings.checkpoints.as_ref();
        let store =
            settings.map(|settings| open_in_turn(&settings.folder, run.taken_over).map_err(store_failure));
        Self::within(plan, store.transpose()?, run)
    }

    /// Finds in the store, where there is one, what to start from.
    pub(crate) fn within(plan: &Arc<Plan>, store: Option<CheckpointStore>, run: Run) -> Result<Self> {
        let mut committers = HashMap::new();
        for (node, uid) in plan.graph.nodes().iter().zip(&plan.uids) {
            let place = |failure: Failure| failure.in_all_of(&node.name, uid);
            if let NodeKind::Source(source) = &node.kind {
                let interval = plan.settings.checkpoints.as_ref().map(|settings| settings.interval);
                source.check_checkpoints(interval).map_err(place)?;
            }
            let NodeKind::Sink(sink) = &node.kind else { continue };
            if let Some(settings) = &plan.settings.checkpoints {
                sink.check_checkpoints(settings.timeout).map_err(place)?;
            }
            if let Some(committer) = sink.committer().map_err(place)? {
                committers.insert(uid.to_string(), committer);
            }
        }
        let mut own = Self {
            plan: plan.clone(),
            store: None,
            restored: None,
            next_id: 1,
            completed: 0,
            staged: Vec::new(),
            committers,
            history: Arc::default(),
            run,
        };
        let (Some(settings), Some(store)) = (&plan.settings.checkpoints, store) else { return Ok(own) };
        own.next_id = store.next_id().map_err(store_failure)?;
        let begun = own.begun_before(&store)?;
        own.restored = match &settings.restore {
            _ if begun.is_some() => begun,
            RestoreFrom::Nothing => None,
            RestoreFrom::Latest if store.list().map_err(store_failure)?.is_empty() => None,
            RestoreFrom::Latest => Some(store.latest().map_err(store_failure)?),
            RestoreFrom::Named(name) => Some(store.named(name).map_err(store_failure)?),
        };
        if let (Some(manifest), UnmatchedState::Refuse) = (&own.restored, settings.unmatched) {
            store.check_fits(manifest, &plan.settings.name, &plan.operators()).map_err(store_failure)?;
        }
        own.store = Some(Arc::new(store));
        Ok(own)
    }

    /// The last checkpoint of this very run, which another process began: this one takes over from it.
    fn begun_before(&self, store: &CheckpointStore) -> Result<Option<Manifest>> {
        let Some(run) = &self.run.name else { return Ok(None) };
        if !self.run.taken_over || store.list().map_err(store_failure)?.is_empty() {
            return Ok(None);
        }
        let latest = store.latest().map_err(store_failure)?;
        Ok(Some(latest).filter(|manifest| manifest.job.run.as_ref() == Some(run)))
    }

    /// What has happened so far, for those who ask.
    pub(crate) fn history(&self) -> Arc<Mutex<History>> {
        self.history.clone()
    }

    /// A checkpoint is complete, or failed.
    pub(crate) fn remember(&self, record: CheckpointRecord) {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).checkpoint(record);
    }

    /// Lets commits that wait for somebody end once the job is stopped at once.
    pub(crate) fn cancel_when(&mut self, cancelled: &Cancelled) {
        self.committers.values_mut().for_each(|committer| committer.cancel_when(cancelled.clone()));
    }

    /// What the next attempt starts from; commits again what was staged for it.
    pub(crate) fn begin_attempt(&mut self) -> Result<Option<Arc<(Store, Manifest)>>> {
        self.staged.clear();
        // What the attempt before left unfinished: on a full disk this one needs its room.
        self.discard_unfinished();
        let (Some(store), Some(manifest)) = (&self.store, &self.restored) else { return Ok(None) };
        let (store, manifest) = (store.clone(), manifest.clone());
        self.commit(&manifest.committables)?;
        Ok(Some(Arc::new((store, manifest))))
    }

    /// Where state is written, if anywhere.
    pub(crate) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// How many became complete.
    pub(crate) fn completed(&self) -> u64 {
        self.completed
    }

    /// A number that no checkpoint has had.
    pub(crate) fn next_name(&mut self, savepoint: bool) -> CheckpointName {
        let id = self.next_id;
        self.next_id += 1;
        if savepoint { CheckpointName::savepoint(id) } else { CheckpointName::checkpoint(id) }
    }

    /// Keeps what sinks staged for a checkpoint until that, or one after it, is complete.
    pub(crate) fn keep_staged(&mut self, checkpoint: CheckpointId, staged: Vec<Committable>) {
        self.staged.extend(staged.into_iter().map(|committable| (checkpoint.0, committable)));
    }

    /// Writes the manifest; gives what the sinks have staged up to it, which is to be committed now.
    ///
    /// # Errors
    /// If it cannot be written; what was staged is then given with the next one.
    pub(crate) fn write(
        &mut self,
        name: CheckpointName,
        parts: Vec<SubtaskState>,
    ) -> Result<Vec<Committable>> {
        let upto = name.id;
        let (due, later) = std::mem::take(&mut self.staged).into_iter().partition(|(id, _)| *id <= upto);
        self.staged = later;
        let due: Vec<(u64, Committable)> = due;
        let committables: Vec<Committable> = due.iter().map(|(_, committable)| committable.clone()).collect();
        if let Some(store) = self.store.clone() {
            let mut manifest = self.manifest(name);
            manifest.committables.clone_from(&committables);
            let added = parts.into_iter().try_for_each(|part| manifest.add(part));
            if let Err(error) = added.and_then(|()| store.write_manifest(&manifest)) {
                self.staged.extend(due);
                return Err(store_failure(error));
            }
            self.restored = Some(manifest);
        }
        self.completed += 1;
        Ok(committables)
    }

    /// Lets go of what no kept manifest reaches.
    pub(crate) fn collect_garbage(&self) {
        if let Some(settings) = &self.plan.settings.checkpoints {
            self.collect_keeping(settings.retained);
        }
    }

    /// Lets go of what checkpoints that never became complete have left. All others stay: the job may be about to start
    /// from one that is older than those it would keep.
    pub(crate) fn discard_unfinished(&self) {
        self.collect_keeping(usize::MAX);
    }

    fn collect_keeping(&self, checkpoints: usize) {
        if let Some(store) = &self.store
            && let Err(error) = store.collect_garbage(checkpoints, &[])
        {
            tracing::warn!(%error, "old checkpoints could not be removed; the next checkpoint tries again");
        }
    }

    fn manifest(&self, checkpoint: CheckpointName) -> Manifest {
        let plan = &self.plan;
        let nodes = plan.graph.nodes().iter().zip(&plan.uids).zip(&plan.chain_of);
        let operators = nodes.map(|((node, uid), chain)| {
            let parallelism = u16::try_from(plan.chains[*chain].parallelism).unwrap_or(u16::MAX);
            OperatorEntry::new(uid.as_str(), &*node.name, parallelism, plan.settings.max_parallelism)
        });
        Manifest {
            checkpoint,
            job: JobEntry {
                name: plan.settings.name.clone(),
                fingerprint: plan.fingerprint(),
                run: self.run.name.clone(),
            },
            time: Timestamp::now().millis().unsigned_abs(),
            operators: operators.collect(),
            committables: Vec::new(),
        }
    }

    /// Lets the sinks make visible what they had staged.
    ///
    /// # Errors
    /// If one of them cannot; it is asked again when the job is started again.
    pub(crate) fn commit(&mut self, committables: &[Committable]) -> Result<()> {
        let mut by_sink: HashMap<&str, Vec<Vec<u8>>> = HashMap::new();
        for committable in committables {
            by_sink.entry(&committable.uid).or_default().push(committable.data.clone());
        }
        for (uid, staged) in by_sink {
            let Some(committer) = self.committers.get_mut(uid) else {
                return Err(Failure::user(format!(
                    "the checkpoint has results staged by sink `{uid}`, which the program no longer has"
                ))
                .advice("bring the sink back under this uid, so that its results are not lost"));
            };
            let name = self.plan.uids.iter().position(|known| known.as_str() == uid);
            let name = name.map_or("sink", |index| &*self.plan.graph.nodes()[index].name);
            committer.commit(&staged).map_err(|failure| failure.in_all_of(name, &OperatorUid::new(uid)))?;
        }
        Ok(())
    }
}
