//! What is said of one operator: its name, uid and parallelism, and what it does with records it cannot handle.
//!
//! Holds: it is said right behind the operator; said of a union, a side output or a change of partitioning it is a
//! mistake, for which the job is refused.

use std::panic::Location;

use millstream_dataflow::exchange::Partitioning;
use millstream_dataflow::graph::Node;
use millstream_dataflow::operator::OnError;
use millstream_dataflow::state::StateData;
use millstream_model::id::{NodeId, OperatorUid};
use millstream_model::record::Record;

use super::data_stream::Origin;
use super::{DataStream, StreamEnvironment};

impl<T: Record> DataStream<T> {
    /// Changes the operator that makes this stream; a stream that is no operator's own is noted as a mistake.
    fn change_node(self, call: &str, change: impl FnOnce(&mut Node)) -> Self {
        let mut graph = self.env.graph.borrow_mut();
        let what = match &self.origins[..] {
            [Origin { node, tag: None, partitioning: Partitioning::Unset, .. }] => {
                if let Some(node) = graph.node_mut(*node) {
                    change(node);
                }
                None
            }
            [Origin { tag: Some(tag), .. }] => Some(format!("side output `{tag}`")),
            [_] => Some("a change of partitioning".to_owned()),
            _ => Some("union".to_owned()),
        };
        if let Some(what) = what {
            graph.mistake(
                format!(".{call} stands behind {what}, which is no operator"),
                format!("put .{call} right behind the operator that is meant"),
            );
        }
        drop(graph);
        self
    }

    /// What the operator that makes this stream does when its function gives an error for a record: fail the job (where
    /// nothing is said), leave the record out and count it, or send it to a side output with its error and place.
    ///
    /// For `try_map`, `try_filter`, `try_flat_map` and `process`; a job that asks it of others is refused. A panic fails
    /// the job in any case, and so does an error that is about no record, as that of a timer or a window.
    ///
    /// ```
    /// use millstream::{OnError, OutputTag, Rejected, StreamEnvironment};
    ///
    /// let env = StreamEnvironment::new();
    /// let bad = OutputTag::<Rejected<String>>::new("bad lines");
    /// let lines = env.from_collection(["4".to_string(), "four".to_string()]);
    /// let numbers = lines.try_map(|line| Ok(line.parse::<u32>()?)).on_error(OnError::side_output(&bad));
    /// let rejected = numbers.side_output(&bad).map(|bad| (bad.record, bad.error));
    /// assert_eq!(
    ///     rejected.execute_and_collect("bad lines")?,
    ///     [("four".to_string(), "invalid digit found in string".to_string())]
    /// );
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    #[must_use]
    pub fn on_error(self, on_error: OnError) -> Self {
        self.change_node("on_error(...)", |node| node.on_error = on_error)
    }

    /// Names the operator that makes this stream, for people.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.change_node(&format!("name({name:?})"), |node| node.name = name.into())
    }

    /// Names the operator's state: what a checkpoint has under this uid comes back to it, wherever it stands.
    #[must_use]
    #[track_caller]
    pub fn uid(self, uid: &str) -> Self {
        let place = Location::caller();
        self.change_node(&format!("uid({uid:?})"), |node| {
            (node.uid, node.uid_given_at) = (Some(OperatorUid::new(uid)), Some(place));
        })
    }

    /// The number of subtasks of the operator that makes this stream.
    #[must_use]
    pub fn parallelism(self, parallelism: u32) -> Self
    where
        T: StateData,
    {
        let change = |node: &mut Node| node.parallelism = Some(parallelism);
        self.change_node(&format!("parallelism({parallelism})"), change).encoded()
    }
}

/// A stream that has come to its end.
pub struct SinkStream {
    pub(super) env: StreamEnvironment,
    pub(super) node: NodeId,
}

impl SinkStream {
    fn change(self, change: impl FnOnce(&mut Node)) -> Self {
        if let Some(node) = self.env.graph.borrow_mut().node_mut(self.node) {
            change(node);
        }
        self
    }

    /// Names the sink, for people.
    pub fn name(self, name: &str) -> Self {
        self.change(|node| node.name = name.into())
    }

    /// Names the sink's state.
    #[track_caller]
    pub fn uid(self, uid: &str) -> Self {
        let place = Location::caller();
        self.change(|node| (node.uid, node.uid_given_at) = (Some(OperatorUid::new(uid)), Some(place)))
    }

    /// The number of the sink's subtasks.
    pub fn parallelism(self, parallelism: u32) -> Self {
        self.change(|node| node.parallelism = Some(parallelism))
    }
}
