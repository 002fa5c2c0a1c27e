//! The lineage as text, laid out as Spark does.

use std::sync::Arc;

use millstream_dataflow::lineage::{Dependency, Lineage, StorageLevel};
use millstream_model::record::Record;
use millstream_runtime::stage::StageEngine;

use super::Rdd;

impl<T: Record> Rdd<T> {
    /// The lineage, a line for each data set: the partitions in brackets, the kind of data set, its number, the operation
    /// and where the program called it, where it is kept. A new indentation is a shuffle. Of what is kept a second line says
    /// how much is there now.
    ///
    /// ```text
    /// (2) ShuffledRdd[3] at reduce_by_key at src/main.rs:9 []
    ///  +-(2) MapPartitionsRdd[2] at map at src/main.rs:8 []
    ///     |  MapPartitionsRdd[1] at flat_map at src/main.rs:7 [Memory]
    ///     |      CachedPartitions: 2; MemorySize: 1.5 KiB; DiskSize: 0 B
    ///     |  TextFileRdd[0] at text_file at src/main.rs:6 []
    /// ```
    pub fn to_debug_string(&self) -> String {
        let (count, below) = head(&*self.node);
        let mut tree = Tree { engine: &self.engine, lines: Vec::new() };
        tree.node(&*self.node, &format!("{count} "), &below);
        tree.lines.join("\n")
    }
}

/// The partitions in brackets, and the bar that continues below them.
fn head(node: &dyn Lineage) -> (String, String) {
    let count = format!("({})", node.partitions());
    let left = (count.len() - 1) / 2;
    let below = format!("{}|{}", " ".repeat(left), " ".repeat(count.len() - left));
    (count, below)
}

fn size(bytes: usize) -> String {
    let (mut size, mut unit) = (bytes as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

struct Tree<'a> {
    engine: &'a StageEngine,
    lines: Vec<String>,
}

impl Tree<'_> {
    /// The node behind `start`, and all that it is made from behind `prefix`.
    fn node(&mut self, node: &dyn Lineage, start: &str, prefix: &str) {
        let (kind, id, name, at) = (node.kind(), node.id(), node.name(), node.called_at());
        let storage = node.storage();
        let at = format!("{}:{}", at.file(), at.line());
        self.lines.push(format!("{start}{kind}[{}] at {name} at {at} [{storage}]", id.0));
        let kept = self.engine.cached_size(id);
        if storage != StorageLevel::None && kept.partitions > 0 {
            self.lines.push(format!(
                "{prefix}    CachedPartitions: {}; MemorySize: {}; DiskSize: {}",
                kept.partitions,
                size(kept.memory),
                size(kept.disk)
            ));
        }
        let dependencies = node.dependencies();
        for (at, dependency) in dependencies.iter().enumerate() {
            match dependency {
                Dependency::Narrow(parent) => self.node(&**parent, prefix, prefix),
                Dependency::Shuffle(shuffle) => {
                    let parent: Arc<dyn Lineage> = shuffle.parent();
                    let trimmed = prefix.trim_end();
                    let this = trimmed.strip_suffix('|').unwrap_or(prefix);
                    let (count, below) = head(&*parent);
                    let bar = if at + 1 == dependencies.len() { "  " } else { "| " };
                    self.node(&*parent, &format!("{this}+-{count} "), &format!("{this}{bar}{below}"));
                }
            }
        }
    }
}
