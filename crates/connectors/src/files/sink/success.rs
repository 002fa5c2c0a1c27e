//! Success files: what tells a reader of the output that a folder gets no more files.
//!
//! Holds: a folder is marked behind the commit of every file in it, once all writers have said that they are past it.

use std::collections::{BTreeMap, BTreeSet};

use millstream_model::error::Result;
use millstream_storage::{Storage, StorageError};

use super::committer::Staged;
use super::names::{SUCCESS, failed, folder_and_file, parse, within};

/// Which folders have files and no mark yet, by place.
#[derive(Default)]
pub(super) struct Success(BTreeMap<String, BTreeSet<String>>);

/// What the writers of one place have said in one checkpoint.
#[derive(Default)]
struct Said {
    of: u32,
    subtasks: BTreeSet<u32>,
    /// The folders that are still written to by the time.
    current: BTreeSet<String>,
    /// Whether folders are chosen by the time.
    by_time: bool,
    ended: usize,
}

impl Success {
    /// Files were committed in these folders.
    pub(super) fn committed(&mut self, place: &str, folders: BTreeSet<String>) {
        if let Some(known) = self.0.get_mut(place) {
            known.extend(folders);
        }
    }

    /// Marks the folders that all writers are past.
    pub(super) fn reached(&mut self, said: &[Staged], open: impl Fn(&str) -> Result<Storage>) -> Result<()> {
        let mut places: BTreeMap<&str, Said> = BTreeMap::new();
        for staged in said {
            let Staged::Reached { place, subtask, of, bucket, ended } = staged else { continue };
            let said = places.entry(place).or_default();
            said.of = *of;
            if said.subtasks.insert(*subtask) {
                said.ended += usize::from(*ended);
                said.by_time |= bucket.is_some();
                said.current.extend(bucket.clone());
            }
        }
        for (name, said) in places {
            if said.subtasks.len() < said.of as usize {
                continue;
            }
            let place = open(name)?;
            let is_end = said.ended == said.of as usize;
            if !is_end && !said.by_time {
                continue;
            }
            // Those that an earlier process has filled are found in the place itself.
            let unmarked = match self.0.remove(name) {
                Some(known) => known,
                None => unmarked(&place).map_err(|error| failed("list", name, error))?,
            };
            let (closed, open): (BTreeSet<_>, BTreeSet<_>) =
                unmarked.into_iter().partition(|folder| is_end || !said.current.contains(folder));
            let root = is_end.then(String::new);
            for folder in closed.into_iter().chain(root).collect::<BTreeSet<_>>() {
                let file = within(&folder, SUCCESS);
                let put = place.put(&file, b"").and_then(|()| place.keep_names(&folder));
                put.map_err(|error| failed("write", &place.full_name(&file), error))?;
            }
            self.0.insert(name.to_owned(), open);
        }
        Ok(())
    }
}

/// The folders of a place that have files of a sink, and no mark.
fn unmarked(place: &Storage) -> std::result::Result<BTreeSet<String>, StorageError> {
    let (mut filled, mut marked) = (BTreeSet::new(), BTreeSet::new());
    for entry in place.list("")? {
        let (folder, file) = folder_and_file(&entry.name);
        if file == SUCCESS {
            marked.insert(folder.to_owned());
        } else if parse(file).is_some() {
            filled.insert(folder.to_owned());
        }
    }
    Ok(filled.difference(&marked).cloned().collect())
}
