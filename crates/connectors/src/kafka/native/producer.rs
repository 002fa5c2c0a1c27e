//! Writing records, alone or in transactions.

use std::ffi::{CString, c_void};
use std::time::Duration;

use rdkafka_sys as sys;

use super::client::{Client, Kind, Properties, millis};
use super::error::{Code, KafkaError};
use super::partitions::c_string;

/// A record on its way to Kafka.
pub(in crate::kafka) struct Outgoing<'a> {
    pub(in crate::kafka) topic: &'a str,
    /// `None`: by the key, or any where there is none.
    pub(in crate::kafka) partition: Option<i32>,
    pub(in crate::kafka) key: Option<&'a [u8]>,
    pub(in crate::kafka) value: Option<&'a [u8]>,
    /// Milliseconds since 1970; 0: now.
    pub(in crate::kafka) time: i64,
    pub(in crate::kafka) headers: &'a [(String, Vec<u8>)],
}

/// Writes records.
pub(in crate::kafka) struct Producer {
    client: Client,
    /// The topic of the record before, so that most need no new name.
    topic: Option<(String, CString)>,
}

/// What the library calls "whichever partition".
const ANY: i32 = -1;

impl Producer {
    pub(in crate::kafka) fn new(properties: &Properties) -> Result<Self, KafkaError> {
        Ok(Self { client: Client::new(Kind::Producer, properties)?, topic: None })
    }

    pub(in crate::kafka) fn client(&self) -> &Client {
        &self.client
    }

    /// Takes a copy of a record; `false` where there is no room for it yet.
    pub(in crate::kafka) fn send(&mut self, record: &Outgoing<'_>) -> Result<bool, KafkaError> {
        if self.topic.as_ref().is_none_or(|(known, _)| known != record.topic) {
            self.topic = Some((record.topic.to_owned(), c_string(record.topic)?));
        }
        let Some((_, topic)) = &self.topic else { return Ok(false) };
        use sys::rd_kafka_vtype_t as of;
        type Value = sys::rd_kafka_vu_s__bindgen_ty_1;
        let argument = |vtype, u| sys::rd_kafka_vu_t { vtype, u };
        let memory = |bytes: Option<&[u8]>| {
            let ptr = bytes.map_or(std::ptr::null_mut(), |bytes| bytes.as_ptr().cast_mut().cast::<c_void>());
            let size = bytes.map_or(0, <[u8]>::len);
            Value { mem: sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr, size } }
        };
        let common = [
            argument(of::RD_KAFKA_VTYPE_TOPIC, Value { cstr: topic.as_ptr() }),
            argument(of::RD_KAFKA_VTYPE_MSGFLAGS, Value { i: sys::RD_KAFKA_MSG_F_COPY }),
            argument(of::RD_KAFKA_VTYPE_PARTITION, Value { i32_: record.partition.unwrap_or(ANY) }),
            argument(of::RD_KAFKA_VTYPE_VALUE, memory(record.value)),
            argument(of::RD_KAFKA_VTYPE_KEY, memory(record.key)),
            argument(of::RD_KAFKA_VTYPE_TIMESTAMP, Value { i64_: record.time }),
        ];
        // Memory is asked for only where there are headers.
        let names =
            record.headers.iter().map(|(name, _)| c_string(name)).collect::<Result<Vec<_>, KafkaError>>()?;
        let mut with_headers = Vec::new();
        if !names.is_empty() {
            with_headers.extend(common);
            with_headers.extend(names.iter().zip(record.headers).map(|(name, (_, value))| {
                let header = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 {
                    name: name.as_ptr(),
                    val: value.as_ptr().cast(),
                    size: value.len() as isize,
                };
                argument(of::RD_KAFKA_VTYPE_HEADER, Value { header })
            }));
        }
        let arguments = if names.is_empty() { &common[..] } else { &with_headers };
        // SAFETY: all that is pointed to outlives the call, which copies it.
        let error =
            unsafe { sys::rd_kafka_produceva(self.client.handle(), arguments.as_ptr(), arguments.len()) };
        match KafkaError::take(error) {
            Ok(()) => Ok(true),
            Err(error) if error.code == Code::RD_KAFKA_RESP_ERR__QUEUE_FULL => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Serves what was delivered.
    ///
    /// # Errors
    /// The first record that was not.
    pub(in crate::kafka) fn delivered(&self, patience: Duration) -> Result<(), KafkaError> {
        self.client.serve(patience);
        self.check()
    }

    /// What went wrong since the last look: a record that was not delivered, or credentials that were refused.
    fn check(&self) -> Result<(), KafkaError> {
        let refusal = || self.client.take_error().filter(KafkaError::is_refusal);
        self.client.take_undelivered().or_else(refusal).map_or(Ok(()), Err)
    }

    /// Waits no longer than `patience` for all that was sent to be delivered; whether it is.
    pub(in crate::kafka) fn flush(&self, patience: Duration) -> Result<bool, KafkaError> {
        // SAFETY: the handle is alive.
        let code = unsafe { sys::rd_kafka_flush(self.client.handle(), millis(patience)) };
        self.check()?;
        Ok(code == Code::RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    /// Takes over the transactional id: whoever had it before can do nothing more with it.
    pub(in crate::kafka) fn init_transactions(&self, patience: Duration) -> Result<(), KafkaError> {
        // SAFETY: the handle is alive.
        KafkaError::take(unsafe { sys::rd_kafka_init_transactions(self.client.handle(), millis(patience)) })
    }

    pub(in crate::kafka) fn begin_transaction(&self) -> Result<(), KafkaError> {
        // SAFETY: the handle is alive.
        KafkaError::take(unsafe { sys::rd_kafka_begin_transaction(self.client.handle()) })
    }

    /// Throws away what was not sent yet, so that letting go of the producer does not wait for it.
    pub(in crate::kafka) fn purge(&self) {
        let what = sys::RD_KAFKA_PURGE_F_QUEUE | sys::RD_KAFKA_PURGE_F_INFLIGHT;
        // SAFETY: the handle is alive.
        unsafe { sys::rd_kafka_purge(self.client.handle(), what) };
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.purge();
    }
}
