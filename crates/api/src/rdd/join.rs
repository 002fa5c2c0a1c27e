//! Pairs of values that share a key.
//!
//! Holds: the left side of a reducer is indexed where it lies; pairs are made a run at a time, however many a key has.

use std::hash::Hash;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use millstream_dataflow::batch::{Batch, DEFAULT_BATCH};
use millstream_dataflow::lineage::{Pull, Rows, TaskContext};
use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::error::Result;

use super::Rdd;
use super::hashed::Hashed;
use super::shuffled::{ReducerRuns, Shuffled};
use super::site::Site;

/// The row of a run.
type Place = (usize, usize);

/// The rows of one side by key: rows of the same key are chained in the order in which they were read.
struct Index<K, V> {
    runs: Vec<Rows<Hashed<K, V>>>,
    /// The hash of each key, and the first and last link of its chain.
    chains: HashTable<(u64, usize, usize)>,
    /// A row, and the link behind it.
    links: Vec<(Place, Option<usize>)>,
}

impl<K: KeyData, V: StateData> Index<K, V> {
    fn read(shuffled: Shuffled<Hashed<K, V>>, reducer: usize, task: &TaskContext) -> Result<Self> {
        let mut index = Self { runs: Vec::new(), chains: HashTable::new(), links: Vec::new() };
        let mut runs = shuffled.runs(reducer, task);
        while let Some(run) = runs.next_run()? {
            index.add(run.into());
        }
        Ok(index)
    }

    fn add(&mut self, rows: Rows<Hashed<K, V>>) {
        self.runs.push(rows);
        let Self { runs, chains, links } = self;
        let run = runs.len() - 1;
        for (at, (hash, key, _)) in runs[run].as_slice().iter().enumerate() {
            let link = links.len();
            links.push(((run, at), None));
            let is_same = |chain: &(u64, usize, usize)| {
                let (run, at) = links[chain.1].0;
                chain.0 == *hash && runs[run].as_slice()[at].1 == *key
            };
            match chains.entry(*hash, is_same, |(hash, ..)| *hash) {
                Entry::Occupied(mut entry) => {
                    let last = std::mem::replace(&mut entry.get_mut().2, link);
                    links[last].1 = Some(link);
                }
                Entry::Vacant(entry) => {
                    entry.insert((*hash, link, link));
                }
            }
        }
    }

    /// The first link of a key's chain.
    fn find(&self, hash: u64, key: &K) -> Option<usize> {
        let is_same = |chain: &(u64, usize, usize)| chain.0 == hash && self.row(chain.1).1 == *key;
        self.chains.find(hash, is_same).map(|(_, first, _)| *first)
    }

    fn row(&self, link: usize) -> &Hashed<K, V> {
        let (run, at) = self.links[link].0;
        &self.runs[run].as_slice()[at]
    }
}

/// Goes over the right side and gives each row with all rows of its key on the left.
struct JoinPull<K, V, W> {
    left: Index<K, V>,
    right: ReducerRuns<Hashed<K, W>>,
    rows: Rows<Hashed<K, W>>,
    /// The row of the right side that is next, and the link of the left side that the one before it is next paired with.
    at: usize,
    link: Option<usize>,
}

impl<K: KeyData, V: StateData, W: StateData> Pull<(K, (V, W))> for JoinPull<K, V, W> {
    fn next(&mut self) -> Result<Option<Batch<(K, (V, W))>>> {
        let mut output = Batch::default();
        loop {
            let rows = self.rows.clone();
            let rows = rows.as_slice();
            loop {
                while let Some(link) = self.link {
                    let (_, key, left) = self.left.row(link);
                    output.push((key.clone(), (left.clone(), rows[self.at - 1].2.clone())));
                    self.link = self.left.links[link].1;
                    if output.len() == DEFAULT_BATCH {
                        return Ok(Some(output));
                    }
                }
                let Some((hash, key, _)) = rows.get(self.at) else { break };
                self.link = self.left.find(*hash, key);
                self.at += 1;
            }
            match self.right.next_run()? {
                Some(run) => (self.rows, self.at) = (run.into(), 0),
                None => return Ok((!output.is_empty()).then_some(output)),
            }
        }
    }
}

impl<K: KeyData + Hash, V: StateData> Rdd<(K, V)> {
    /// Each pair of values that a key has here and in `other`. What is here is held in memory, a partition at a time; what
    /// is in `other` passes by.
    #[track_caller]
    pub fn join<W: StateData>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (V, W))> {
        let reducers = self.reducers().max(other.reducers());
        let site = Site::new(&self.engine, "JoinedRdd", "join", reducers);
        let (left, of_left) = self.shuffle_hashed(reducers);
        let (right, of_right) = other.shuffle_hashed(reducers);
        Rdd::new(&self.engine, site, vec![of_left, of_right], None, move |reducer, task| {
            Ok(Box::new(JoinPull {
                left: Index::read(left, reducer, task)?,
                right: right.runs(reducer, task),
                rows: Rows::from(Vec::new()),
                at: 0,
                link: None,
            }))
        })
        .encodable()
    }
}
