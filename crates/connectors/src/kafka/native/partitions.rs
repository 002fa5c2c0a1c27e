//! Partitions with offsets, and the library's lists of them.

use std::ffi::CString;

use rdkafka_sys as sys;

use super::error::{Code, KafkaError, text};

/// A partition of a topic, with an offset in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::kafka) struct Partition {
    pub(in crate::kafka) topic: String,
    pub(in crate::kafka) partition: i32,
    pub(in crate::kafka) offset: i64,
}

/// The first offset that a partition has, and the one behind its last.
#[derive(Clone, Copy, Debug)]
pub(in crate::kafka) struct Watermarks {
    pub(in crate::kafka) low: i64,
    pub(in crate::kafka) high: i64,
}

/// A topic's name as the library takes it.
pub(super) fn c_string(text: &str) -> Result<CString, KafkaError> {
    CString::new(text).map_err(|_| KafkaError {
        code: Code::RD_KAFKA_RESP_ERR__INVALID_ARG,
        text: format!("`{}` has a zero byte in it", text.escape_default()),
        retriable: false,
    })
}

/// A list that belongs to the library's heap.
pub(super) struct List(*mut sys::rd_kafka_topic_partition_list_t);

impl List {
    pub(super) fn of(partitions: &[Partition]) -> Result<Self, KafkaError> {
        // SAFETY: a new list, freed by `drop`; `add` copies the name and gives a place in the list.
        unsafe {
            let list = Self(sys::rd_kafka_topic_partition_list_new(partitions.len() as i32));
            for partition in partitions {
                let topic = c_string(&partition.topic)?;
                let added =
                    sys::rd_kafka_topic_partition_list_add(list.0, topic.as_ptr(), partition.partition);
                (*added).offset = partition.offset;
            }
            Ok(list)
        }
    }

    pub(super) fn pointer(&self) -> *mut sys::rd_kafka_topic_partition_list_t {
        self.0
    }

    /// The partitions, with what a call has put into them.
    pub(super) fn read(&self) -> Result<Vec<Partition>, KafkaError> {
        // SAFETY: the list has `cnt` elements; each has a name.
        unsafe {
            let count = usize::try_from((*self.0).cnt).unwrap_or(0);
            (0..count)
                .map(|index| {
                    let element = &*(*self.0).elems.add(index);
                    KafkaError::check(element.err)?;
                    let topic = text(element.topic);
                    Ok(Partition { topic, partition: element.partition, offset: element.offset })
                })
                .collect()
        }
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: made by `of`, and freed here alone.
        unsafe { sys::rd_kafka_topic_partition_list_destroy(self.0) }
    }
}
