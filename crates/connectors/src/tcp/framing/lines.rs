//! Texts that a delimiter ends: what reads files reads these too.

use std::io::{self, Read};
use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_formats::lines::{LineCutter, LineSettings, Until};
use millstream_model::error::Result;
use millstream_model::text::Text;

use super::{Cut, Plan};

pub(super) struct Lines {
    cutter: LineCutter,
    read: u64,
}

impl Lines {
    pub(super) fn new(plan: &Plan, delimiter: String, peer: Arc<str>, records: u64) -> Self {
        let settings = LineSettings {
            delimiter: delimiter.into(),
            on_bad_text: plan.bad_text,
            longest: plan.max,
            skipped: plan.skipped.clone(),
            ..LineSettings::default()
        };
        Self { cutter: LineCutter::new(peer, settings, 0, records), read: 0 }
    }
}

impl Cut<Text> for Lines {
    fn read(&mut self, input: &mut dyn Read) -> io::Result<usize> {
        let count = self.cutter.read(input)?;
        self.read += count as u64;
        Ok(count)
    }

    fn cut(&mut self, is_end: bool, emit: &mut dyn FnMut(&mut Batch<Text>) -> Result<()>) -> Result<()> {
        self.cutter.cut(if is_end { Until::Rest } else { Until::Complete }, emit)
    }

    fn drop_rest(&mut self) {
        self.cutter.drop_rest();
    }

    fn records(&self) -> u64 {
        self.cutter.lines()
    }

    fn pending(&self) -> usize {
        usize::try_from(self.read - self.cutter.byte()).unwrap_or(usize::MAX)
    }
}
