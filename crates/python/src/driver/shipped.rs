//! A job as executors of a cluster are told of it: its partitions, and the data sets that they are made from.
//!
//! Answers for the written form and for making the same nodes of it again. Not for lending what is large (`shelf`), nor for
//! running tasks.
//! Holds: data sets and shuffles keep the numbers that the driver gave them; those that others are made from come first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use millstream_dataflow::lineage::{DatasetId, Lineage, ShuffleId, StorageLevel};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use serde::{Deserialize, Serialize};

use super::engine::Engine;
use super::executor::Executor;
use super::lineage::{By, Exchange, Node};
use super::plan::{Pickled, Places, Recipe};
use super::shelf::Shelf;
use crate::plan::{Action, Cuts, LineType};

/// What is larger is lent, and read by the tasks that need it.
const SMALL: usize = 8 * 1024;

/// The files that a program has added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Files {
    /// The number of each, and its path within the folder of the files.
    pub(super) names: Vec<(u64, String)>,
    /// Where modules are found: files of these, or the folder itself.
    pub(super) modules: Vec<String>,
}

/// See the module.
#[derive(Serialize, Deserialize)]
struct Job {
    partitions: Vec<usize>,
    /// The last one is that of the action.
    nodes: Vec<Told>,
    files: Files,
    /// What was lent and cannot be asked for any more.
    dropped: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Told {
    id: u64,
    name: String,
    partitions: usize,
    /// Whether it is kept in memory, and on disk.
    kept: (bool, bool),
    recipe: Written,
}

#[derive(Serialize, Deserialize)]
enum Blob {
    Here(Vec<u8>),
    Lent(u64),
}

#[derive(Serialize, Deserialize)]
enum WrittenBy {
    Hash,
    Range { function: Blob, cuts: Cuts, ascending: bool },
    Function(Blob),
    Turns,
}

/// A [`Recipe`] whose parents are places among the nodes.
#[derive(Serialize, Deserialize)]
enum Written {
    Range(Vec<(i64, i64, u64)>),
    Slices(Vec<Blob>),
    Lines(Vec<(String, u64, u64)>, LineType),
    Shuffled { shuffle: u64, of: usize, reducers: usize, by: WrittenBy },
    Step { of: usize, action: Action, function: Option<Blob> },
    Call { of: Vec<usize>, function: Blob, places: Places },
    Chain { of: Vec<usize>, places: Places },
    Combine { of: usize, create: Option<Blob>, merge: Blob },
    Cogroup(Vec<usize>),
    Sample { of: usize, size: u64 },
    Sort { of: usize, key: Option<Blob>, ascending: bool },
}

/// A node and all that it is made from, those first that others are made from.
fn all_of(last: &Arc<Node>) -> Vec<Arc<Node>> {
    let (mut ordered, mut seen) = (Vec::new(), HashSet::new());
    let mut stack = vec![(Arc::clone(last), false)];
    while let Some((node, is_entered)) = stack.pop() {
        if is_entered {
            ordered.push(node);
        } else if seen.insert(node.id) {
            let parents: Vec<_> = match &node.recipe {
                Recipe::Shuffled(exchange) => vec![Arc::clone(exchange.of())],
                recipe => recipe.parents().to_vec(),
            };
            stack.push((node, true));
            stack.extend(parents.into_iter().map(|parent| (parent, false)));
        }
    }
    ordered
}

/// Writes a job.
///
/// # Errors
/// If it cannot be written.
pub(super) fn written(last: &Arc<Node>, partitions: &[usize], shelf: &Shelf) -> Result<Vec<u8>> {
    let all = all_of(last);
    let places: HashMap<DatasetId, usize> = all.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
    let at = |node: &Arc<Node>| places.get(&node.id).copied().unwrap_or_default();
    let nodes = all.iter().map(|node| told(node, &at, shelf)).collect::<Result<_>>()?;
    let (files, dropped) = shelf.files_and_dropped();
    let job = Job { partitions: partitions.to_vec(), nodes, files, dropped };
    to_bytes(&job).map_err(|error| Failure::internal("a job cannot be written").because(error))
}

fn told(node: &Node, at: &impl Fn(&Arc<Node>) -> usize, shelf: &Shelf) -> Result<Told> {
    let blob = |pickled: &Pickled| -> Result<Blob> {
        let bytes = pickled.bytes()?;
        Ok(if bytes.len() <= SMALL { Blob::Here(bytes.to_vec()) } else { Blob::Lent(shelf.number(&bytes)) })
    };
    let maybe = |pickled: &Option<Pickled>| pickled.as_ref().map(blob).transpose();
    let several = |of: &[Arc<Node>]| of.iter().map(at).collect::<Vec<_>>();
    let recipe = match &node.recipe {
        Recipe::Range(parts) => Written::Range(parts.clone()),
        Recipe::Slices(blocks) => Written::Slices(blocks.iter().map(blob).collect::<Result<_>>()?),
        Recipe::Lines(parts, record) => Written::Lines(parts.clone(), *record),
        Recipe::Shuffled(exchange) => {
            let by = match exchange.by() {
                By::Hash => WrittenBy::Hash,
                By::Turns => WrittenBy::Turns,
                By::Function(function) => WrittenBy::Function(blob(function)?),
                By::Range { function, cuts, ascending } => {
                    WrittenBy::Range { function: blob(function)?, cuts: cuts.clone(), ascending: *ascending }
                }
            };
            let (shuffle, of, reducers) = (exchange.number(), at(exchange.of()), exchange.reducers());
            Written::Shuffled { shuffle, of, reducers, by }
        }
        Recipe::Step { of, action, function } => {
            Written::Step { of: at(of), action: *action, function: maybe(function)? }
        }
        Recipe::Call { of, function, places } => {
            Written::Call { of: several(of), function: blob(function)?, places: places.clone() }
        }
        Recipe::Chain { of, places } => Written::Chain { of: several(of), places: places.clone() },
        Recipe::Combine { of, create, merge } => {
            Written::Combine { of: at(of), create: maybe(create)?, merge: blob(merge)? }
        }
        Recipe::Cogroup(of) => Written::Cogroup(several(of)),
        Recipe::Sample { of, size } => Written::Sample { of: at(of), size: *size },
        Recipe::Sort { of, key, ascending } => {
            Written::Sort { of: at(of), key: maybe(key)?, ascending: *ascending }
        }
    };
    let level = node.storage();
    let kept = (level.uses_memory(), level.uses_disk());
    Ok(Told { id: node.id.0, name: node.name.clone(), partitions: node.partitions, kept, recipe })
}

/// A job that was read.
pub(super) struct Read {
    pub(super) last: Arc<Node>,
    pub(super) partitions: Vec<usize>,
    pub(super) files: Files,
    pub(super) dropped: Vec<u64>,
}

/// Reads a job.
///
/// # Errors
/// If the bytes are none.
pub(super) fn read(bytes: &[u8], engine: &Arc<Engine>, executor: &Arc<Executor>) -> Result<Read> {
    let broken = || Failure::internal("the bytes of a job are damaged");
    let Job { partitions, nodes, files, dropped } =
        from_bytes(bytes).map_err(|error| broken().because(error))?;
    let mut made: Vec<Arc<Node>> = Vec::with_capacity(nodes.len());
    for Told { id, name, partitions, kept, recipe } in nodes {
        let recipe = recipe_of(recipe, &made, engine, executor).ok_or_else(broken)?;
        let node = Node::numbered(engine, DatasetId(id), name, partitions, recipe);
        match kept {
            (true, true) => node.keep(StorageLevel::MemoryAndDisk),
            (true, false) => node.keep(StorageLevel::MemoryOnly),
            (false, true) => node.keep(StorageLevel::DiskOnly),
            (false, false) => {}
        }
        made.push(node);
    }
    Ok(Read { last: made.pop().ok_or_else(broken)?, partitions, files, dropped })
}

fn recipe_of(
    recipe: Written,
    made: &[Arc<Node>],
    engine: &Arc<Engine>,
    executor: &Arc<Executor>,
) -> Option<Recipe> {
    let at = |at: usize| made.get(at).cloned();
    let several = |of: Vec<usize>| of.into_iter().map(at).collect::<Option<Vec<_>>>();
    let pickled = |blob: Blob| match blob {
        Blob::Here(bytes) => Pickled::from(bytes),
        Blob::Lent(number) => Pickled::Lent(Arc::clone(executor), number),
    };
    Some(match recipe {
        Written::Range(parts) => Recipe::Range(parts),
        Written::Slices(blocks) => Recipe::Slices(blocks.into_iter().map(pickled).collect()),
        Written::Lines(parts, record) => Recipe::Lines(parts, record),
        Written::Shuffled { shuffle, of, reducers, by } => {
            let by = match by {
                WrittenBy::Hash => By::Hash,
                WrittenBy::Turns => By::Turns,
                WrittenBy::Function(function) => By::Function(pickled(function)),
                WrittenBy::Range { function, cuts, ascending } => {
                    By::Range { function: pickled(function), cuts, ascending }
                }
            };
            Recipe::Shuffled(Exchange::numbered(engine, ShuffleId(shuffle), &at(of)?, reducers, by))
        }
        Written::Step { of, action, function } => {
            Recipe::Step { of: at(of)?, action, function: function.map(pickled) }
        }
        Written::Call { of, function, places } => {
            Recipe::Call { of: several(of)?, function: pickled(function), places }
        }
        Written::Chain { of, places } => Recipe::Chain { of: several(of)?, places },
        Written::Combine { of, create, merge } => {
            Recipe::Combine { of: at(of)?, create: create.map(pickled), merge: pickled(merge) }
        }
        Written::Cogroup(of) => Recipe::Cogroup(several(of)?),
        Written::Sample { of, size } => Recipe::Sample { of: at(of)?, size },
        Written::Sort { of, key, ascending } => {
            Recipe::Sort { of: at(of)?, key: key.map(pickled), ascending }
        }
    })
}
