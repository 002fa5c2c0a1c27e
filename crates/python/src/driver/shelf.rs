//! What the driver of a program lends to tasks on a cluster: large functions and blocks, values of broadcast variables, files.
//!
//! Answers for numbers of things, and for finding them again. Not for sending them (the engine does).
//! Holds: a thing has one number as long as it lives; a number is never given twice.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use millstream_runtime::stage::Lends;

use super::executor::Executor;
use super::shipped::Files;

/// Functions and blocks.
pub(super) const BLOBS: u32 = 0;
/// Values of broadcast variables.
pub(super) const BROADCASTS: u32 = 1;
/// Files that were added.
pub(super) const FILES: u32 = 2;

#[derive(Default)]
struct State {
    next: u64,
    /// By where they are in memory, as long as they live.
    numbers: HashMap<usize, u64>,
    blobs: HashMap<u64, Weak<Vec<u8>>>,
    files: Files,
    paths: HashMap<u64, PathBuf>,
}

/// See the module.
pub(super) struct Shelf {
    broadcasts: Arc<Executor>,
    state: Mutex<State>,
}

impl Shelf {
    /// One that finds the values of broadcast variables there.
    pub(super) fn new(broadcasts: Arc<Executor>) -> Self {
        Self { broadcasts, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a function or block.
    pub(super) fn number(&self, blob: &Arc<Vec<u8>>) -> u64 {
        let mut state = self.lock();
        let place = Arc::as_ptr(blob).addr();
        if let Some(number) = state.numbers.get(&place).copied()
            && state.blobs.get(&number).is_some_and(|known| known.strong_count() > 0)
        {
            return number;
        }
        let number = state.next;
        state.next += 1;
        state.numbers.insert(place, number);
        state.blobs.insert(number, Arc::downgrade(blob));
        number
    }

    /// Adds a file by the name that tasks find it under. `modules` are found at that name, if it is one: in the folder of the
    /// files if it is empty.
    pub(super) fn add_file(&self, name: String, path: PathBuf, modules: Option<String>) {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.files.names.retain(|(_, other)| *other != name);
        state.files.names.push((number, name));
        state.paths.insert(number, path);
        if let Some(place) = modules.filter(|place| !state.files.modules.contains(place)) {
            state.files.modules.push(place);
        }
    }

    /// The files, and the numbers of what nobody can ask for again since this was asked last.
    pub(super) fn files_and_dropped(&self) -> (Files, Vec<u64>) {
        let mut state = self.lock();
        let State { numbers, blobs, files, .. } = &mut *state;
        let dead = blobs.iter().filter(|(_, blob)| blob.strong_count() == 0);
        let dead: Vec<u64> = dead.map(|(number, _)| *number).collect();
        dead.iter().for_each(|number| drop(blobs.remove(number)));
        numbers.retain(|_, number| blobs.contains_key(number));
        (files.clone(), dead)
    }
}

impl Lends for Shelf {
    fn find(&self, shelf: u32, number: u64) -> Option<Arc<Vec<u8>>> {
        match shelf {
            BLOBS => self.lock().blobs.get(&number).and_then(Weak::upgrade),
            BROADCASTS => self.broadcasts.broadcast_value(number),
            FILES => {
                let path = self.lock().paths.get(&number).cloned()?;
                match std::fs::read(&path) {
                    Ok(bytes) => Some(Arc::new(bytes)),
                    Err(error) => {
                        tracing::warn!(%error, path = %path.display(), "a file that was added cannot be read");
                        None
                    }
                }
            }
            _ => None,
        }
    }
}
