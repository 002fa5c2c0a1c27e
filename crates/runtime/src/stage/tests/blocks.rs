//! Where blocks are, and what happens when they find no room.

use std::path::PathBuf;

use millstream_dataflow::lineage::{Codec, Frames, Rows, StorageLevel, Stored};

use super::*;
use crate::stage::CachedSize;
use crate::stage::cache::CacheStore;
use crate::stage::counters::Tally;
use crate::stage::shuffle::ShuffleStore;

fn limited(shuffle_memory: usize, spill_folder: PathBuf) -> Arc<StageEngine> {
    let settings =
        StageSettings { slots: 2, shuffle_memory, cache_memory: 0, spill_folder, ..StageSettings::default() };
    Arc::new(StageEngine::new(&settings).unwrap())
}

/// A map task leaves two blocks of five numbers.
const OUTPUT: usize = 80;

#[test]
fn map_outputs_beyond_the_set_memory_are_on_disk_and_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let expected = {
        let engine = engine(1);
        let sums: Arc<dyn Dataset<u64>> = Sums::new(&engine, Numbers::new(&engine, 6), 2);
        collect(&engine, &sums).unwrap()
    };
    for (fitting, memory) in [(0, 0), (0, OUTPUT - 1), (2, 2 * OUTPUT), (6, 6 * OUTPUT)] {
        let engine = limited(memory, folder.path().to_path_buf());
        let numbers = Numbers::new(&engine, 6);
        let sums = Sums::new(&engine, Arc::clone(&numbers) as Arc<_>, 2);
        let dataset: Arc<dyn Dataset<u64>> = Arc::clone(&sums) as Arc<_>;
        assert_eq!(collect(&engine, &dataset).unwrap(), expected);
        assert_eq!(collect(&engine, &dataset).unwrap(), expected, "what is on disk can be read again");
        assert_eq!(engine.counters().blocks_spilled, 2 * (6 - fitting), "{memory} bytes");
        assert_eq!(engine.shuffle_memory_in_use(), fitting as usize * OUTPUT);
        assert_eq!(count(&numbers.computed), 6);
        engine.forget_shuffle(sums.shuffle());
        assert_eq!(engine.shuffle_memory_in_use(), 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "spill files have no name");
    }
}

#[test]
fn a_spill_that_cannot_be_written_fails_the_job_with_the_folder_and_what_to_do() {
    let nowhere = tempfile::tempdir().unwrap().path().join("gone");
    let engine = limited(0, nowhere.clone());
    let sums: Arc<dyn Dataset<u64>> = Sums::new(&engine, Numbers::new(&engine, 1), 2);
    let message = collect(&engine, &sums).unwrap_err().to_string();
    assert!(
        message.contains(&format!("a shuffle block cannot be spilled to {}", nowhere.display())),
        "{message}"
    );
    assert!(message.contains("spill_folder") && message.contains("free space"), "{message}");
    assert_eq!(engine.counters().failed_attempts, 4, "somebody may make room meanwhile");
}

#[test]
fn a_map_output_replaces_the_one_before_and_is_there_whole_or_not_at_all() {
    let (store, tally) = (ShuffleStore::new(1000, std::env::temp_dir()), Tally::default());
    let shuffle = engine(1).next_shuffle();
    let blocks = |numbers: u64| vec![Stored::Memory(Arc::new(Rows::from((0..numbers).collect::<Vec<_>>())))];
    store.put(shuffle, 0, blocks(10), &tally).unwrap();
    assert_eq!((store.in_memory(), store.missing(shuffle, 2)), (80, vec![1]));
    store.put(shuffle, 0, blocks(20), &tally).unwrap();
    assert_eq!(store.in_memory(), 160);
    store.put(shuffle, 1, blocks(200), &tally).unwrap();
    assert_eq!((store.in_memory(), store.missing(shuffle, 2)), (160, vec![]));
    assert!(matches!(store.get(shuffle, 1, 0).unwrap(), Stored::Disk(..)));
    let message = store.get(shuffle, 1, 1).err().unwrap().to_string();
    assert!(message.contains("block 1 of map task 1 of shuffle 0 is lost"), "{message}");
    store.remove(shuffle, 0);
    assert_eq!((store.in_memory(), store.missing(shuffle, 2)), (0, vec![0]));
}

#[test]
fn frames_hold_what_was_written_in_order_and_large_blocks_take_several() {
    let folder = tempfile::tempdir().unwrap();
    let store = CacheStore::new(0, folder.path().to_path_buf());
    let dataset = engine(1).next_dataset();
    let (one, two) = (store.frames(dataset).unwrap(), store.frames(dataset).unwrap());
    let numbers: Vec<u64> = (0..100_000).collect();
    Codec::of().encode_frames(&numbers, &mut |bytes| one.append(bytes)).unwrap();
    two.append(b"between").unwrap();
    one.append(b"end").unwrap();
    assert_eq!((one.count(), two.count()), (5, 1), "800,000 bytes in frames of 256 KiB, and one more");
    let read: Vec<u64> =
        (0..4).flat_map(|at| Codec::<u64>::of().decode(&one.read(at).unwrap()).unwrap()).collect();
    assert!(read == numbers);
    assert_eq!((one.read(4).unwrap(), two.read(0).unwrap()), (b"end".to_vec(), b"between".to_vec()));
    assert!(one.bytes() > 200_000 && two.bytes() == 7);
    assert!(one.read(5).is_err());
}

#[test]
fn damaged_bytes_on_disk_are_made_again_from_the_lineage() {
    /// Gives other bytes than were written, once.
    struct Damaged {
        frames: Arc<dyn Frames>,
    }
    impl Frames for Damaged {
        fn append(&self, bytes: &[u8]) -> Result<()> {
            self.frames.append(bytes)
        }
        fn count(&self) -> usize {
            self.frames.count()
        }
        fn bytes(&self) -> usize {
            self.frames.bytes()
        }
        fn read(&self, at: usize) -> Result<Vec<u8>> {
            let mut bytes = self.frames.read(at)?;
            bytes.truncate(bytes.len() / 2);
            Ok(bytes)
        }
    }
    let engine = engine(1);
    let numbers = Numbers::kept(&engine, 3, StorageLevel::DiskOnly, |_, _| Ok(()));
    let dataset: Arc<dyn Dataset<u64>> = Arc::clone(&numbers) as Arc<_>;
    let first = collect(&engine, &dataset).unwrap();
    let of = (dataset.id(), 1);
    let Some(Stored::Disk(frames)) = engine.stores.cache.get(of.0, of.1) else { panic!("on disk") };
    let damaged = Stored::Disk(Arc::new(Damaged { frames }));
    engine.stores.cache.put(of, StorageLevel::DiskOnly, damaged, &engine.stores.tally);
    assert_eq!(collect(&engine, &dataset).unwrap(), first);
    assert_eq!((count(&numbers.computed), engine.counters().failed_attempts), (4, 1));
}

#[test]
fn what_is_kept_is_counted_until_it_is_let_go_of() {
    let settings = StageSettings { slots: 1, cache_memory: 170, ..StageSettings::default() };
    let engine = StageEngine::new(&settings).unwrap();
    let kept = |level| Numbers::kept(&engine, 2, level, |_, _| Ok(())) as Arc<dyn Dataset<u64>>;
    let first = kept(StorageLevel::MemoryOnly);
    collect(&engine, &first).unwrap();
    assert_eq!(engine.cached_size(first.id()), CachedSize { partitions: 2, memory: 160, disk: 0 });
    let second = kept(StorageLevel::MemoryAndDisk);
    collect(&engine, &second).unwrap();
    assert_eq!(engine.cached_size(first.id()), CachedSize::default());
    assert_eq!(engine.cached_size(second.id()).memory, 160);
    engine.forget_cached(second.id());
    assert_eq!(engine.cached_size(second.id()), CachedSize::default());
    collect(&engine, &first).unwrap();
    assert_eq!(engine.cached_size(first.id()).memory, 160, "there is room again");
    assert_eq!(engine.counters().cached_partitions_dropped, 2);
}
