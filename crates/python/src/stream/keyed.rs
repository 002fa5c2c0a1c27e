//! What the functions of a stretch keep by key, as the engine keeps it.
//!
//! The objects themselves live in the interpreter that runs the functions. Here are their pickled copies as of the last
//! barrier, by key group, key and name, and the timers.
//!
//! Answers for taking over what was written since the last barrier, for timers, and for snapshot and restore. Not for
//! pickling, nor for when anything is written.
//! Holds: the hash of a key is the one its records are routed by, and travels with it.

use std::collections::BTreeMap;

use millstream_dataflow::operator::{OperatorContext, Wakeup};
use millstream_dataflow::state::keyed::{KeyedStore, TimeDomain};
use millstream_dataflow::state::restore::Redistribution;
use millstream_dataflow::state::snapshot::{KeyedMeta, OperatorPart};
use millstream_dataflow::state::table::KeyedTable;
use millstream_dataflow::state::{KeyFunctions, OperatorSnapshot, StateError, StateKind};
use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use serde::{Deserialize, Serialize};

use super::bytes::Bytes;

const STATES: &str = "python";
const WATERMARK: &str = "watermark";
const COMMON: &str = "broadcast";

/// A key of the program's, pickled, with the hash that it is routed by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PyKey {
    hash: u64,
    pickled: Bytes,
}

/// Where a value is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    key: PyKey,
    /// The state's name.
    state: String,
    /// The key within the state, pickled, where it is a map.
    within: Bytes,
}

/// One value of a state: hash and key, name, key within it, and the value, unless it was removed.
/// Without a key it is of no key: the same in all subtasks.
type Entry<'py> =
    (i64, Option<Bound<'py, PyBytes>>, String, Bound<'py, PyBytes>, Option<Bound<'py, PyBytes>>);

/// One change of a timer: whether in event time, whether it is deleted, its time, hash and key.
type TimerChange<'py> = (bool, bool, i64, i64, Bound<'py, PyBytes>);

fn key(hash: i64, pickled: &Bound<'_, PyBytes>) -> PyKey {
    PyKey { hash: hash.cast_unsigned(), pickled: bytes(pickled) }
}

fn bytes(bytes: &Bound<'_, PyBytes>) -> Bytes {
    Bytes(bytes.as_bytes().to_vec())
}

/// States and timers of one subtask.
pub(super) struct Keyed {
    table: KeyedTable<Place, Bytes>,
    /// What is the same in all subtasks, by name and key within.
    common: BTreeMap<(String, Bytes), Bytes>,
    timers: KeyedStore<PyKey>,
    wakeup: Wakeup,
    /// How far event time has come; kept in checkpoints, since the watermarks in front may begin anew.
    watermark: Timestamp,
}

impl Keyed {
    /// Filled with what the checkpoint has.
    pub(super) fn open(context: &mut OperatorContext<'_>) -> Result<Self> {
        let (groups, max) = (context.groups, context.max_parallelism);
        let mut table = KeyedTable::new(groups, max, KeyFunctions::new(|place: &Place| place.key.hash));
        if let Some(state) = context.restore.claim_keyed(&meta())? {
            state.read(|group, bytes| table.restore_group(group, bytes))?;
        }
        let mut timers = KeyedStore::new(groups, max, KeyFunctions::new(|key: &PyKey| key.hash));
        timers.restore(&mut context.restore)?;
        // The subtasks may have come differently far; to the least of them no record is late that was not.
        let watermarks: Vec<Timestamp> =
            context.restore.claim_operator(WATERMARK, 1, Redistribution::Union)?;
        let watermark = watermarks.into_iter().min().unwrap_or(Timestamp::MIN);
        // All subtasks wrote the same.
        let common: Vec<BTreeMap<(String, Bytes), Bytes>> =
            context.restore.claim_operator(COMMON, 1, Redistribution::Union)?;
        let common = common.into_iter().next().unwrap_or_default();
        let keyed = Self { table, common, timers, wakeup: context.wakeup.clone(), watermark };
        keyed.wake_for_next();
        Ok(keyed)
    }

    /// Everything that is kept, as [`Entry`]s.
    pub(super) fn entries<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let of = |bytes: &Bytes| PyBytes::new(py, &bytes.0);
        for ((state, within), value) in &self.common {
            list.append((0, py.None(), state.as_str(), of(within), of(value)))?;
        }
        for (place, value) in self.table.iter() {
            let key = of(&place.key.pickled);
            list.append((
                place.key.hash.cast_signed(),
                key,
                place.state.as_str(),
                of(&place.within),
                of(value),
            ))?;
        }
        Ok(list)
    }

    /// A watermark has come; gives how far event time has come with it.
    pub(super) fn advance(&mut self, watermark: Timestamp) -> Timestamp {
        self.watermark = self.watermark.max(watermark);
        self.watermark
    }

    pub(super) fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// Takes out the timers that are due, the earliest first: pickled key and time of each.
    pub(super) fn due(&mut self, domain: TimeDomain, up_to: Timestamp) -> Result<Vec<(Vec<u8>, i64)>> {
        let mut due = Vec::new();
        while let Some((key, time)) =
            self.timers.fire_next(domain, up_to.millis()).map_err(StateError::from)?
        {
            due.push((key.pickled.0, time));
        }
        self.timers.unset_key();
        Ok(due)
    }

    /// Follows a list of [`TimerChange`]s.
    pub(super) fn change_timers(&mut self, changes: &Bound<'_, PyList>) -> Result<()> {
        for change in changes {
            let (in_event_time, is_deleted, time, hash, pickled) =
                change.extract::<TimerChange<'_>>().map_err(unreadable)?;
            let key = key(hash, &pickled);
            self.timers.set_key(key.hash, &key).map_err(StateError::from)?;
            let domain = if in_event_time { TimeDomain::EventTime } else { TimeDomain::ProcessingTime };
            if is_deleted {
                self.timers.delete_timer(domain, time);
            } else {
                self.timers.register_timer(domain, time);
            }
        }
        self.timers.unset_key();
        self.timers.check()?;
        self.wake_for_next();
        Ok(())
    }

    /// Asks to be called when the next timer of the clock is due.
    pub(super) fn wake_for_next(&self) {
        if let Some(time) = self.timers.next_timer(TimeDomain::ProcessingTime) {
            self.wakeup.request(Timestamp::from_millis(time));
        }
    }

    /// Takes over a list of [`Entry`]s.
    pub(super) fn write(&mut self, entries: &Bound<'_, PyList>) -> Result<()> {
        for entry in entries {
            let (hash, pickled, state, within, value) = entry.extract::<Entry<'_>>().map_err(unreadable)?;
            let Some(pickled) = pickled else {
                let place = (state, bytes(&within));
                match value {
                    Some(value) => self.common.insert(place, bytes(&value)),
                    None => self.common.remove(&place),
                };
                continue;
            };
            let place = Place { key: key(hash, &pickled), state, within: bytes(&within) };
            let hash = place.key.hash;
            match value {
                Some(value) => {
                    self.table.insert(hash, place, bytes(&value)).map_err(StateError::from)?;
                }
                None => {
                    self.table.remove(hash, &place);
                }
            }
        }
        Ok(())
    }

    /// Freezes it all.
    pub(super) fn snapshot(&mut self, snapshot: &mut OperatorSnapshot) -> Result<()> {
        snapshot.keyed.push(self.table.freeze_part(meta()));
        snapshot.keyed.extend(self.timers.freeze());
        snapshot.operator.push(OperatorPart::new(WATERMARK, 1, [&self.watermark])?);
        snapshot.operator.push(OperatorPart::new(COMMON, 1, [&self.common])?);
        Ok(())
    }
}

fn meta() -> KeyedMeta {
    KeyedMeta::new::<Place, Bytes>(STATES, StateKind::Table)
}

fn unreadable(error: PyErr) -> Failure {
    Failure::internal("what a stretch wrote to its state cannot be read").because(error)
}
