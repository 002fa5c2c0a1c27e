//! A record as it came from Kafka.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;

use millstream_model::time::Timestamp;
use rdkafka_sys as sys;

use super::error::Code;

/// A record of a topic, in the memory that it was fetched into.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    message: *mut sys::rd_kafka_message_t,
    of: PhantomData<&'a sys::rd_kafka_message_t>,
}

impl<'a> Message<'a> {
    /// # Safety
    /// The message is one without an error, and is not destroyed while `'a` lasts.
    pub(super) unsafe fn new(message: *mut sys::rd_kafka_message_t) -> Self {
        Self { message, of: PhantomData }
    }

    fn raw(&self) -> &'a sys::rd_kafka_message_t {
        // SAFETY: as `new` demands.
        unsafe { &*self.message }
    }

    /// The topic.
    pub fn topic(&self) -> &'a str {
        // SAFETY: a message without an error has a topic, whose name lives as long.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.raw().rkt)) };
        // Kafka allows letters, digits, `.`, `_` and `-` in names.
        name.to_str().unwrap_or_default()
    }

    /// What tells its topic from others without looking at the name.
    pub(in crate::kafka) fn topic_place(&self) -> usize {
        self.raw().rkt as usize
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.raw().partition
    }

    /// The offset in the partition.
    pub fn offset(&self) -> i64 {
        self.raw().offset
    }

    /// The key, if it has one.
    pub fn key(&self) -> Option<&'a [u8]> {
        bytes(self.raw().key, self.raw().key_len)
    }

    /// The value; `None` for a record that says that its key is deleted.
    pub fn value(&self) -> Option<&'a [u8]> {
        bytes(self.raw().payload, self.raw().len)
    }

    /// The time that its producer or the broker gave it.
    pub fn time(&self) -> Option<Timestamp> {
        // SAFETY: the message is alive; a kind that is not asked for may be null.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.message, std::ptr::null_mut()) };
        (millis >= 0).then(|| Timestamp::from_millis(millis))
    }

    /// The headers, in their order.
    pub fn headers(&self) -> Headers<'a> {
        let mut headers = std::ptr::null_mut();
        // SAFETY: the message is alive, and so are its headers as long as it is.
        let code = unsafe { sys::rd_kafka_message_headers(self.message, &mut headers) };
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            headers = std::ptr::null_mut();
        }
        Headers { headers, next: 0, of: PhantomData }
    }
}

/// The headers of a record: names and values, either of which may come more than once.
pub struct Headers<'a> {
    headers: *mut sys::rd_kafka_headers_t,
    next: usize,
    of: PhantomData<&'a [u8]>,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.headers.is_null() {
            return None;
        }
        let (mut name, mut value, mut length) = (std::ptr::null(), std::ptr::null(), 0);
        // SAFETY: the headers live as long as the message; the library ends names in a zero byte.
        unsafe {
            let (name_at, value_at) = (&mut name, &mut value);
            let code = sys::rd_kafka_header_get_all(self.headers, self.next, name_at, value_at, &mut length);
            if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            self.next += 1;
            Some((CStr::from_ptr(name).to_str().unwrap_or_default(), bytes(value.cast_mut(), length)))
        }
    }
}

fn bytes<'a>(at: *mut c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: called with a pointer and length that the library gave for memory of a message that is alive.
    (!at.is_null()).then(|| unsafe { std::slice::from_raw_parts(at.cast(), length) })
}
