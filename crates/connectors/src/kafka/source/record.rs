//! A record with all that Kafka keeps of it.

use millstream_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kafka::native::Message;

/// A record of a topic with key, headers, time and place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KafkaRecord {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// The time that its producer or the broker gave it.
    pub time: Option<Timestamp>,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The value; `None` says that the key is deleted.
    pub value: Option<Vec<u8>>,
    /// The headers, in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl From<&Message<'_>> for KafkaRecord {
    fn from(message: &Message<'_>) -> Self {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            time: message.time(),
            key: owned(message.key()),
            value: owned(message.value()),
            headers: message.headers().map(|(name, value)| (name.to_owned(), owned(value))).collect(),
        }
    }
}
