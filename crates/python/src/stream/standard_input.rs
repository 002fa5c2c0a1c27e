//! Lines of standard input, as the engine reads them.

use std::sync::Arc;

use millstream_connectors::standard_io::StandardInput;
use millstream_dataflow::source::{AnySource, SourceAdapter};

use super::chunked::Chunked;
use super::counts::Passed;

/// With settings, which are looked at when the job starts.
pub(super) fn source(name: String, settings: &[(String, String)], passed: Arc<Passed>) -> Arc<dyn AnySource> {
    let source = StandardInput::lines();
    let source = settings.iter().fold(source, |source, (name, value)| source.set(name, value));
    Arc::new(SourceAdapter(Arc::new(Chunked { source, name, is_bounded: true, passed })))
}
