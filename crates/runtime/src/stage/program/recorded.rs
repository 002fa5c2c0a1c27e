//! The results of the actions that have ended, for processes that come to them later.
//!
//! Holds: results beyond [`MEMORY`] bytes in all are in a file; a result is cut into frames, each of which says which of its
//! parts it belongs to.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use millstream_dataflow::lineage::{FRAME, Frames};
use millstream_model::error::{Failure, Result};

use super::super::fetch::{InMemory, Shelves, Wanted};
use super::super::frames::{FrameList, SpillFile};

/// How many bytes of results stay in memory.
const MEMORY: usize = 16 << 20;

#[derive(Default)]
struct Kept {
    results: HashMap<u64, Arc<dyn Frames>>,
    in_memory: usize,
    file: Option<Arc<SpillFile>>,
}

/// See the module.
pub(super) struct Recorded {
    kept: Mutex<Kept>,
    folder: PathBuf,
}

impl Recorded {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { kept: Mutex::default(), folder }
    }

    /// Records the parts of a result.
    ///
    /// # Errors
    /// If they cannot be written to disk.
    pub(super) fn put(&self, number: u64, parts: &[Vec<u8>]) -> Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = parts.iter().map(Vec::len).sum();
        let frames: Arc<dyn Frames> = if kept.in_memory + bytes <= MEMORY {
            kept.in_memory += bytes;
            Arc::new(InMemory(frames(parts).collect()))
        } else {
            let file = match &kept.file {
                Some(file) => Arc::clone(file),
                None => {
                    let file = SpillFile::new(self.folder.clone(), "the result of an action")?;
                    Arc::clone(kept.file.insert(file))
                }
            };
            let list = FrameList::new(file);
            frames(parts).try_for_each(|frame| list.append(&frame))?;
            Arc::new(list)
        };
        kept.results.insert(number, frames);
        Ok(())
    }
}

impl Shelves for Recorded {
    fn find(&self, wanted: &Wanted) -> Result<Arc<dyn Frames>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match wanted {
            Wanted::Recorded { number } => kept.results.get(number).cloned(),
            _ => None,
        };
        found.ok_or_else(|| Failure::external(format!("{wanted:?} is not here")))
    }
}

/// The frames of a result: the number of the part, then bytes of it. Each part has one at least.
fn frames(parts: &[Vec<u8>]) -> impl Iterator<Item = Vec<u8>> {
    parts.iter().zip(0_u32..).flat_map(|(part, number)| {
        let empty = part.is_empty().then_some(&[][..]);
        part.chunks(FRAME).chain(empty).map(move |bytes| [&number.to_le_bytes()[..], bytes].concat())
    })
}

/// Puts a frame of a result to the part that it belongs to.
///
/// # Errors
/// If it is none.
pub(super) fn join(parts: &mut Vec<Vec<u8>>, frame: &[u8]) -> Result<()> {
    let broken = || Failure::external("the result of an action came damaged");
    let (number, bytes) = frame.split_first_chunk::<4>().ok_or_else(broken)?;
    let number = u32::from_le_bytes(*number) as usize;
    if number == parts.len() {
        parts.push(bytes.to_vec());
        return Ok(());
    }
    parts.get_mut(number).ok_or_else(broken)?.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_from_memory_and_from_disk() {
        let recorded = Recorded::new(std::env::temp_dir());
        let small = vec![vec![1, 2], Vec::new(), vec![3]];
        let large = vec![Vec::new(), vec![7; MEMORY], vec![8; FRAME + 1]];
        for (number, parts) in [(0, &small), (1, &large), (2, &Vec::new())] {
            recorded.put(number, parts).unwrap();
            let run = recorded.find(&Wanted::Recorded { number }).unwrap();
            let mut back = Vec::new();
            (0..run.count()).for_each(|at| join(&mut back, &run.read(at).unwrap()).unwrap());
            assert!(back == *parts, "result {number}");
        }
        assert!(recorded.find(&Wanted::Recorded { number: 3 }).is_err());
        assert!(recorded.kept.lock().unwrap().in_memory <= MEMORY);
    }
}
