//! Output operations: what makes a batch be computed.

use std::fmt::{Debug, Display, Write as _};
use std::io::{ErrorKind, Write};
use std::sync::{Arc, PoisonError};

use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::graph::{Output, Printer};
use super::stream::DStream;
use crate::rdd::Rdd;

/// The line above and below the time of a printed batch, as Spark draws it.
const RULE: &str = "-------------------------------------------";

impl<T: Record> DStream<T> {
    /// Calls `f` with the data set of each batch, on the thread that processes batches: `f` asks it for something.
    ///
    /// An error of `f`, or a panic, ends the program.
    ///
    /// ```
    /// # use millstream::dstream::{QueueMode, StreamingContext};
    /// # use millstream::{rdd::Context, time::seconds};
    /// # let context = Context::new()?;
    /// # let batches = StreamingContext::new(&context, seconds(1));
    /// # let readings = batches.queue_stream(vec![context.range(0, 3)], QueueMode::OneAtATime, None);
    /// let mut total = 0;
    /// readings.foreach_rdd(move |rdd| {
    ///     total += rdd.count()?;
    ///     Ok(())
    /// });
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    pub fn foreach_rdd(&self, mut f: impl FnMut(Rdd<T>) -> Result<()> + Send + 'static) {
        self.put_out("foreach_rdd", move |rdd, _| f(rdd));
    }

    /// As [`DStream::foreach_rdd`], with the batch time.
    pub fn foreach_rdd_with_time(&self, f: impl FnMut(Rdd<T>, Timestamp) -> Result<()> + Send + 'static) {
        self.put_out("foreach_rdd", f);
    }

    /// Prints the first `limit` records of each batch below its time, and `...` where there are more:
    ///
    /// ```text
    /// -------------------------------------------
    /// Time: 1690000000000 ms
    /// -------------------------------------------
    /// ("be", 2)
    /// ("to", 2)
    /// ...
    ///
    /// ```
    pub fn print(&self, limit: usize)
    where
        T: Debug,
    {
        let (printer, context) = (Arc::clone(&self.graph.printer), self.context().clone());
        self.put_out("print", move |rdd, time| {
            let first = rdd.take_shown(limit.saturating_add(1), shown)?;
            let text = page(&first, limit, time);
            context.once("printing a batch", || put(&printer, &text))
        });
    }

    /// Writes each batch as a folder of text files, a line for each record: `PREFIX-TIME_IN_MS.SUFFIX`, or without the
    /// point where the suffix is empty. A folder that exists is an error, but for a batch that is processed again in
    /// another process: it takes the place of what was left of it.
    pub fn save_as_text_files(&self, prefix: &str, suffix: &str)
    where
        T: Display,
    {
        let (prefix, suffix) = (prefix.to_owned(), suffix.to_owned());
        let (graph, context) = (Arc::downgrade(&self.graph), self.context().clone());
        self.put_out("save_as_text_files", move |rdd, time| {
            let folder = folder(&prefix, &suffix, time);
            // What an earlier process wrote of the batch may not be all of it.
            if graph.upgrade().is_some_and(|graph| graph.is_again(time)) {
                context.once(&format!("the removal of {folder}"), || remove(&folder))?;
            }
            rdd.save_as_text_file(folder)
        });
    }

    fn put_out(
        &self,
        name: &'static str,
        mut f: impl FnMut(Rdd<T>, Timestamp) -> Result<()> + Send + 'static,
    ) {
        let node = Arc::clone(&self.node);
        let run = move |time| match node.at(time)? {
            Some(rdd) => f(rdd, time),
            None => Ok(()),
        };
        self.graph.add_output(Output {
            name,
            node: self.parent(),
            looked_back_at: Vec::new(),
            run: Box::new(run),
        });
    }
}

fn shown<T: Debug>(record: &T) -> Result<String> {
    let mut text = String::new();
    write!(text, "{record:?}").map_err(|error| {
        Failure::user("a record cannot be shown: its Debug implementation fails").because(error)
    })?;
    Ok(text)
}

fn page(first: &[String], limit: usize, time: Timestamp) -> String {
    let mut text = format!("{RULE}\nTime: {} ms\n{RULE}\n", time.millis());
    for record in first.iter().take(limit) {
        text.push_str(record);
        text.push('\n');
    }
    text.push_str(if first.len() > limit { "...\n\n" } else { "\n" });
    text
}

/// Removes what an earlier process wrote of a batch, if it did.
fn remove(folder: &str) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::external(format!("cannot remove {folder} to write it again")).because(error))
        }
        _ => Ok(()),
    }
}

/// One call for the batch, so that batches of several streams are not mixed.
fn put(printer: &Printer, text: &str) -> Result<()> {
    let mut printer = printer.lock().unwrap_or_else(PoisonError::into_inner);
    printer.write_all(text.as_bytes()).and_then(|()| printer.flush()).map_err(|error| {
        Failure::external("cannot print a batch")
            .because(error)
            .advice("does the program at the other end of the pipe still read?")
    })
}

fn folder(prefix: &str, suffix: &str, time: Timestamp) -> String {
    let mut name = time.millis().to_string();
    if !prefix.is_empty() {
        name = format!("{prefix}-{name}");
    }
    if !suffix.is_empty() {
        name = format!("{name}.{suffix}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_shown_as_spark_shows_it() {
        let text = shown(&[("be", 2), ("to", 1)], 1, Timestamp::from_millis(1_690_000_000_000)).unwrap();
        let expected = "-------------------------------------------\n\
                        Time: 1690000000000 ms\n\
                        -------------------------------------------\n\
                        (\"be\", 2)\n\
                        ...\n\
                        \n";
        assert_eq!(text, expected);
        let empty: [u64; 0] = [];
        assert!(shown(&empty, 10, Timestamp::from_millis(0)).unwrap().ends_with("---\n\n"));
    }

    #[test]
    fn a_saved_batch_is_named_after_prefix_time_and_suffix() {
        let time = Timestamp::from_millis(1000);
        assert_eq!(folder("out/words", "txt", time), "out/words-1000.txt");
        assert_eq!(folder("out/words", "", time), "out/words-1000");
        assert_eq!(folder("", "txt", time), "1000.txt");
    }
}
