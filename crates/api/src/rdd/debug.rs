//! The lineage as text, laid out as Spark does.

use std::sync::Arc;

use millstream_dataflow::lineage::{Dependency, Lineage, StorageLevel};
use millstream_model::record::Record;

use super::Rdd;

impl<T: Record> Rdd<T> {
    /// The lineage, a line for each data set; a new indentation is a shuffle, the number in brackets the partitions.
    pub fn to_debug_string(&self) -> String {
        let (count, below) = head(&*self.node);
        let mut lines = vec![format!("{count} {}", describe(&*self.node))];
        children(&*self.node, &below, &mut lines);
        lines.join("\n")
    }
}

fn describe(node: &dyn Lineage) -> String {
    let kept = if node.storage() == StorageLevel::None { "" } else { "Memory" };
    format!("{}[{}] [{kept}]", node.name(), node.id().0)
}

/// The partitions in brackets, and the bar that continues below them.
fn head(node: &dyn Lineage) -> (String, String) {
    let count = format!("({})", node.partitions());
    let left = (count.len() - 1) / 2;
    let below = format!("{}|{}", " ".repeat(left), " ".repeat(count.len() - left));
    (count, below)
}

fn children(node: &dyn Lineage, prefix: &str, lines: &mut Vec<String>) {
    let dependencies = node.dependencies();
    for (at, dependency) in dependencies.iter().enumerate() {
        match dependency {
            Dependency::Narrow(parent) => {
                lines.push(format!("{prefix}{}", describe(&**parent)));
                children(&**parent, prefix, lines);
            }
            Dependency::Shuffle(shuffle) => {
                let parent: Arc<dyn Lineage> = shuffle.parent();
                let trimmed = prefix.trim_end();
                let this = trimmed.strip_suffix('|').unwrap_or(prefix);
                let (count, below) = head(&*parent);
                lines.push(format!("{this}+-{count} {}", describe(&*parent)));
                let bar = if at + 1 == dependencies.len() { "  " } else { "| " };
                children(&*parent, &format!("{this}{bar}{below}"), lines);
            }
        }
    }
}
