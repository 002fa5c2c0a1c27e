//! An event as Flume has it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use millstream_model::text::Text;
use serde::{Deserialize, Serialize};

/// An event of Flume: headers, which are names with texts, and a body of bytes.
///
/// ```
/// use millstream_connectors::flume::FlumeEvent;
///
/// let event = FlumeEvent::new("a line").header("host", "web-1");
/// assert_eq!(event.text(), "a line");
/// assert_eq!(event.headers["host"], "web-1");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlumeEvent {
    /// The headers. Where a name comes twice in what an agent sends, the last one holds, as it does in Flume.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl FlumeEvent {
    /// An event without headers.
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { headers: BTreeMap::new(), body: body.into() }
    }

    /// Adds a header, or replaces the one of this name.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// The body as text; what is no UTF-8 in it shows as U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

impl From<Vec<u8>> for FlumeEvent {
    fn from(body: Vec<u8>) -> Self {
        Self::new(body)
    }
}

impl From<String> for FlumeEvent {
    fn from(body: String) -> Self {
        Self::new(body)
    }
}

impl From<&str> for FlumeEvent {
    fn from(body: &str) -> Self {
        Self::new(body)
    }
}

impl From<Text> for FlumeEvent {
    fn from(body: Text) -> Self {
        Self::new(body.as_bytes())
    }
}
