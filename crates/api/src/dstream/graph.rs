//! What a streaming program is made of: inputs, nodes and output operations.
//!
//! Answers for collecting them, and for what is wrong with them. Not for running them: the batches do.
//! Holds: what was found wrong while the program was put together is told at the start, the first thing first.

use std::collections::HashSet;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_dataflow::lineage::panic_message;
use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use millstream_runtime::microbatch::{Input, Program, SavedBlock, Shelf, Timeline};
use millstream_runtime::stage::StageEngine;

use super::keep::Keeper;
use super::node::AnyNode;
use crate::rdd::Context;

/// What runs an output operation for the batch of a time; does nothing at a time at which its stream has no data set.
pub(super) type Run = Box<dyn FnMut(Timestamp) -> Result<()> + Send>;

/// An output operation.
pub(super) struct Output {
    /// What it is called in errors.
    pub(super) name: &'static str,
    /// The stream that it puts out.
    pub(super) node: Arc<dyn AnyNode>,
    /// The streams before it that windows look back at: they are made at each batch time, whether it is one of this
    /// operation's or not. Found at the start.
    pub(super) looked_back_at: Vec<Arc<dyn AnyNode>>,
    pub(super) run: Run,
}

impl Output {
    fn find_looked_back_at(&mut self) {
        let (mut stack, mut seen) = (vec![Arc::clone(&self.node)], HashSet::new());
        while let Some(node) = stack.pop() {
            if !seen.insert(Arc::as_ptr(&node).cast::<()>()) {
                continue;
            }
            stack.extend(node.parents().iter().cloned());
            if node.is_looked_back_at() {
                self.looked_back_at.push(node);
            }
        }
    }

    /// Does what is to be done for the batch of `time`.
    pub(super) fn process(&mut self, time: Timestamp) -> Result<()> {
        self.looked_back_at.iter().try_for_each(|node| node.make(time))?;
        (self.run)(time)
    }
}

/// Where `print` writes.
pub(super) type Printer = Arc<Mutex<Box<dyn Write + Send>>>;

pub(super) struct Graph {
    pub(super) context: Context,
    pub(super) timeline: Arc<Timeline>,
    pub(super) printer: Printer,
    pub(super) keeper: Arc<Keeper>,
    parts: Mutex<Parts>,
    /// The outputs, once the program runs.
    running: Mutex<Vec<Output>>,
}

#[derive(Default)]
struct Parts {
    inputs: Vec<Arc<dyn Input>>,
    nodes: Vec<Arc<dyn AnyNode>>,
    outputs: Vec<Output>,
    problems: Vec<Failure>,
    remember: Duration,
    begun: bool,
    /// The last batch of an earlier process: it and those before it may have been put out already.
    again_until: Option<Timestamp>,
}

impl Graph {
    pub(super) fn new(context: Context, interval: Duration, printer: Box<dyn Write + Send>) -> Self {
        Self {
            keeper: Arc::new(Keeper::new(&context)),
            context,
            timeline: Arc::new(Timeline::new(interval)),
            printer: Arc::new(Mutex::new(printer)),
            parts: Mutex::default(),
            running: Mutex::default(),
        }
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_node(&self, node: Arc<dyn AnyNode>) {
        let mut parts = self.parts();
        node.remember(parts.remember);
        parts.nodes.push(node);
    }

    pub(super) fn add_input(&self, input: Arc<dyn Input>) {
        let mut parts = self.parts();
        parts.refuse_when_begun("an input");
        parts.inputs.push(input);
    }

    pub(super) fn add_output(&self, output: Output) {
        let mut parts = self.parts();
        parts.refuse_when_begun("an output operation");
        parts.outputs.push(output);
    }

    fn carried_nodes(&self) -> Vec<Arc<dyn AnyNode>> {
        self.parts().nodes.iter().filter(|node| node.carried().is_some()).cloned().collect()
    }

    fn carried_node(&self, at: usize) -> Result<Arc<dyn AnyNode>> {
        let node = self.carried_nodes().get(at).cloned();
        node.ok_or_else(|| Failure::internal(format!("there is no carried stream {at}")))
    }

    /// Whether the batch of `time` may have been put out by an earlier process.
    pub(super) fn is_again(&self, time: Timestamp) -> bool {
        self.parts().again_until.is_some_and(|until| time <= until)
    }

    fn running(&self) -> MutexGuard<'_, Vec<Output>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was added to the program although it runs.
    fn take_problem(&self) -> Option<Failure> {
        let mut parts = self.parts();
        (!parts.problems.is_empty()).then(|| parts.problems.remove(0))
    }

    /// Notes what is wrong with the program, to be told when it is started.
    pub(super) fn note(&self, checked: Result<()>) {
        if let Err(problem) = checked {
            self.parts().problems.push(problem);
        }
    }

    /// All nodes remember the data sets of the last `length`, at least.
    pub(super) fn remember(&self, length: Duration) {
        let mut parts = self.parts();
        parts.remember = parts.remember.max(length);
        parts.nodes.iter().for_each(|node| node.remember(length));
    }
}

impl Program for Graph {
    fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn begin(&self) -> Result<()> {
        let mut parts = self.parts();
        let problems = parts.problems.len();
        if problems > 0 {
            let first = parts.problems.remove(0);
            return Err(match problems - 1 {
                0 => first,
                more => first.advice(format!("({more} more things are wrong with this program)")),
            });
        }
        if parts.outputs.is_empty() {
            return Err(Failure::user("no output operations registered: there is nothing to execute")
                .advice(
                    "end at least one stream in print, foreach_rdd or save_as_text_files before start()",
                ));
        }
        parts.begun = true;
        let mut outputs = std::mem::take(&mut parts.outputs);
        outputs.iter_mut().for_each(Output::find_looked_back_at);
        let nodes = parts.nodes.clone();
        drop(parts);
        nodes.iter().for_each(remember_for_another_process);
        *self.running() = outputs;
        Ok(())
    }

    fn carried(&self) -> Vec<String> {
        self.carried_nodes().iter().filter_map(|node| node.carried()).map(str::to_owned).collect()
    }

    fn kept(&self, at: usize) -> Vec<Timestamp> {
        self.carried_nodes().get(at).map(|node| node.kept()).unwrap_or_default()
    }

    fn save(&self, at: usize, time: Timestamp) -> Result<Vec<Vec<u8>>> {
        self.carried_node(at)?.save(time)
    }

    fn restore(&self, at: usize, time: Timestamp, blocks: Vec<Vec<u8>>) -> Result<()> {
        self.carried_node(at)?.restore(&self.context, time, &blocks)
    }

    fn engine(&self) -> Option<Arc<StageEngine>> {
        Some(Arc::clone(self.context.engine()))
    }

    fn describe(&self) -> String {
        self.running().iter().map(|output| format!("put out by {}\n", output.name)).collect()
    }

    fn shelve(&self, shelf: Shelf) {
        self.keeper.shelve(shelf);
    }

    fn parts(&self, at: usize, time: Timestamp) -> Option<Vec<SavedBlock>> {
        self.carried_nodes().get(at)?.parts(time)
    }

    fn restore_parts(&self, at: usize, time: Timestamp, parts: Vec<SavedBlock>) -> Result<()> {
        self.carried_node(at)?.restore_parts(&self.context, time, parts)
    }

    fn looks_back(&self) -> Duration {
        let nodes = self.parts().nodes.clone();
        let again = nodes.iter().filter(|node| node.is_looked_back_at() && node.carried().is_none());
        again.map(|node| node.remembered()).max().unwrap_or_default()
    }

    fn resumed(&self, _: Timestamp, cut: Timestamp) {
        self.parts().again_until = Some(cut);
    }

    fn inputs(&self) -> Vec<Arc<dyn Input>> {
        self.parts().inputs.clone()
    }

    fn process(&self, time: Timestamp) -> Result<()> {
        if let Some(problem) = self.take_problem() {
            return Err(problem);
        }
        let mut outputs = self.running();
        let of = outputs.len();
        for (at, output) in outputs.iter_mut().enumerate() {
            catch_unwind(AssertUnwindSafe(|| output.process(time)))
                .unwrap_or_else(|panic| Err(panic_message(&*panic)))
                .map_err(|failure| {
                    let (name, number) = (output.name, at + 1);
                    failure.within(format!(
                        "output operation {number} of {of}, `{name}`, failed in the batch of {} ms ({time})",
                        time.millis()
                    ))
                })?;
        }
        Ok(())
    }

    fn forget(&self, time: Timestamp) {
        let nodes = self.parts().nodes.clone();
        nodes.iter().for_each(|node| node.forget(time));
    }

    /// A program may hold on to the context that holds it.
    fn clear(&self) {
        let (outputs, parts) = (std::mem::take(&mut *self.running()), std::mem::take(&mut *self.parts()));
        drop((outputs, parts));
    }
}

/// What a window looks back at and what is not written down is made again from what is: that has to be kept as long.
fn remember_for_another_process(node: &Arc<dyn AnyNode>) {
    if !node.is_looked_back_at() || node.carried().is_some() {
        return;
    }
    let (length, mut waiting) = (node.remembered(), node.parents().to_vec());
    while let Some(before) = waiting.pop() {
        if before.carried().is_some() {
            before.remember(length);
        } else {
            waiting.extend(before.parents().iter().cloned());
        }
    }
}

impl Parts {
    fn refuse_when_begun(&mut self, what: &str) {
        if self.begun {
            self.problems.push(
                Failure::user(format!("{what} was added after start()"))
                    .advice("put the whole program together first, then start it"),
            );
        }
    }
}
