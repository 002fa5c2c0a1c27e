//! A handle of the library: its settings, its life, and questions to the cluster.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka_sys as sys;

use super::error::{Code, KafkaError, text};
use super::partitions::{List, Partition, Watermarks, c_string};

/// The library's own settings: names and values.
pub(in crate::kafka) type Properties = Vec<(String, String)>;

/// A topic's name and the number of its partitions, or why that is not known.
pub(in crate::kafka) type Topic = (String, Result<i32, KafkaError>);

/// What a handle is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::kafka) enum Kind {
    Consumer,
    Producer,
}

/// What callbacks leave for whoever uses the handle.
#[derive(Default)]
pub(super) struct Heard {
    /// The last error that was not one of a single request.
    pub(super) error: Mutex<Option<KafkaError>>,
    /// The first record that could not be delivered.
    pub(super) undelivered: Mutex<Option<KafkaError>>,
}

/// A handle. It may be used by several threads.
pub(in crate::kafka) struct Client {
    handle: *mut sys::rd_kafka_t,
    heard: Arc<Heard>,
}

// SAFETY: the library's handles are made for use from any thread.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

impl Client {
    /// A handle with these settings. Nothing is waited for: connections are made in the background.
    pub(in crate::kafka) fn new(kind: Kind, properties: &Properties) -> Result<Self, KafkaError> {
        let heard = Arc::<Heard>::default();
        let mut said = [0 as c_char; 512];
        // SAFETY: the configuration is destroyed or handed over to `rd_kafka_new`; texts outlive the calls; the opaque
        // pointer lives as long as the handle, since `Client` holds the `Arc` and destroys the handle first.
        unsafe {
            let conf = sys::rd_kafka_conf_new();
            sys::rd_kafka_conf_set_opaque(conf, Arc::as_ptr(&heard).cast_mut().cast());
            sys::rd_kafka_conf_set_error_cb(conf, Some(on_error));
            sys::rd_kafka_conf_set_log_cb(conf, Some(on_log));
            if kind == Kind::Producer {
                sys::rd_kafka_conf_set_dr_msg_cb(conf, Some(on_delivery));
            }
            for (name, value) in properties {
                let set = c_string(name)
                    .and_then(|name| c_string(value).map(|value| (name, value)))
                    .and_then(|(name, value): (CString, CString)| {
                        let (said, room) = (said.as_mut_ptr(), said.len());
                        match sys::rd_kafka_conf_set(conf, name.as_ptr(), value.as_ptr(), said, room) {
                            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
                            _ => Err(invalid(text(said))),
                        }
                    });
                if let Err(error) = set {
                    sys::rd_kafka_conf_destroy(conf);
                    return Err(error);
                }
            }
            let of = match kind {
                Kind::Consumer => sys::rd_kafka_type_t::RD_KAFKA_CONSUMER,
                Kind::Producer => sys::rd_kafka_type_t::RD_KAFKA_PRODUCER,
            };
            let handle = sys::rd_kafka_new(of, conf, said.as_mut_ptr(), said.len());
            if handle.is_null() {
                sys::rd_kafka_conf_destroy(conf);
                return Err(invalid(text(said.as_ptr())));
            }
            Ok(Self { handle, heard })
        }
    }

    pub(super) fn handle(&self) -> *mut sys::rd_kafka_t {
        self.handle
    }

    /// Serves callbacks, for no longer than so.
    pub(in crate::kafka) fn serve(&self, patience: Duration) {
        // SAFETY: the handle is alive.
        unsafe { sys::rd_kafka_poll(self.handle, millis(patience)) };
    }

    /// The last thing that was wrong with the connections, once.
    pub(in crate::kafka) fn take_error(&self) -> Option<KafkaError> {
        locked(&self.heard.error).take()
    }

    pub(super) fn take_undelivered(&self) -> Option<KafkaError> {
        locked(&self.heard.undelivered).take()
    }

    /// All topics, each with the number of its partitions; or the one of this name.
    pub(in crate::kafka) fn topics(
        &self,
        only: Option<&str>,
        patience: Duration,
    ) -> Result<Vec<Topic>, KafkaError> {
        let only = only.map(c_string).transpose()?;
        // SAFETY: the topic handle and the metadata are freed here, after the last use.
        unsafe {
            let topic = match &only {
                Some(name) => sys::rd_kafka_topic_new(self.handle, name.as_ptr(), std::ptr::null_mut()),
                None => std::ptr::null_mut(),
            };
            let mut metadata = std::ptr::null();
            let all = c_int::from(only.is_none());
            let code = sys::rd_kafka_metadata(self.handle, all, topic, &mut metadata, millis(patience));
            if !topic.is_null() {
                sys::rd_kafka_topic_destroy(topic);
            }
            KafkaError::check(code)?;
            let count = usize::try_from((*metadata).topic_cnt).unwrap_or(0);
            let topics = (0..count).map(|index| {
                let topic = &*(*metadata).topics.add(index);
                let partitions = KafkaError::check(topic.err).map(|()| topic.partition_cnt);
                (text(topic.topic), partitions)
            });
            let topics = topics.collect();
            sys::rd_kafka_metadata_destroy(metadata);
            Ok(topics)
        }
    }

    /// The first offset of a partition and the one behind its last.
    pub(in crate::kafka) fn watermarks(
        &self,
        topic: &str,
        partition: i32,
        patience: Duration,
    ) -> Result<Watermarks, KafkaError> {
        let (name, mut low, mut high) = (c_string(topic)?, 0, 0);
        // SAFETY: the places outlive the call.
        KafkaError::check(unsafe {
            let (low, high) = (&mut low, &mut high);
            let patience = millis(patience);
            sys::rd_kafka_query_watermark_offsets(self.handle, name.as_ptr(), partition, low, high, patience)
        })?;
        Ok(Watermarks { low, high })
    }

    /// The first offset at or behind the time that each partition's `offset` says in milliseconds; -1 where there is none.
    pub(in crate::kafka) fn offsets_at(
        &self,
        times: &[Partition],
        patience: Duration,
    ) -> Result<Vec<Partition>, KafkaError> {
        let list = List::of(times)?;
        // SAFETY: the list outlives the call.
        let code = unsafe { sys::rd_kafka_offsets_for_times(self.handle, list.pointer(), millis(patience)) };
        KafkaError::check(code)?;
        list.read()
    }

    /// The offsets that the group has committed; negative where there is none.
    pub(in crate::kafka) fn committed(
        &self,
        partitions: &[Partition],
        patience: Duration,
    ) -> Result<Vec<Partition>, KafkaError> {
        let list = List::of(partitions)?;
        // SAFETY: the list outlives the call.
        let code = unsafe { sys::rd_kafka_committed(self.handle, list.pointer(), millis(patience)) };
        KafkaError::check(code)?;
        list.read()
    }
}

impl Client {
    /// Tells the group how far these partitions are read, and waits no longer than so for the answer.
    pub(in crate::kafka) fn commit(
        &self,
        partitions: &[Partition],
        patience: Duration,
    ) -> Result<(), KafkaError> {
        let list = List::of(partitions)?;
        // SAFETY: the list is copied by the call; queue and event are freed here, after their last use.
        unsafe {
            let queue = sys::rd_kafka_queue_new(self.handle);
            let code =
                sys::rd_kafka_commit_queue(self.handle, list.pointer(), queue, None, std::ptr::null_mut());
            let told = KafkaError::check(code).and_then(|()| {
                let event = sys::rd_kafka_queue_poll(queue, millis(patience));
                if event.is_null() {
                    return Err(KafkaError::of(Code::RD_KAFKA_RESP_ERR__TIMED_OUT));
                }
                let told = KafkaError::check(sys::rd_kafka_event_error(event));
                sys::rd_kafka_event_destroy(event);
                told
            });
            sys::rd_kafka_queue_destroy(queue);
            told
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: freed here alone; nothing of it is used later. A group is not left: none was joined.
        unsafe { sys::rd_kafka_destroy_flags(self.handle, sys::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE) };
    }
}

fn invalid(text: String) -> KafkaError {
    KafkaError { code: Code::RD_KAFKA_RESP_ERR__INVALID_ARG, text, retriable: false }
}

pub(super) fn millis(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A broker went away, or something else is wrong beyond a single request.
unsafe extern "C" fn on_error(
    handle: *mut sys::rd_kafka_t,
    code: c_int,
    reason: *const c_char,
    opaque: *mut c_void,
) {
    let mut said = [0 as c_char; 512];
    // SAFETY: the library calls with the pointer that `Client::new` gave, and with a text that it owns; `last` is a code of
    // its own list.
    unsafe {
        let Some(heard) = opaque.cast::<Heard>().as_ref() else { return };
        let mut error = KafkaError::of(known(code));
        error.text = text(reason);
        if error.code == Code::RD_KAFKA_RESP_ERR__FATAL {
            error.code = sys::rd_kafka_fatal_error(handle, said.as_mut_ptr(), said.len());
            error.text = text(said.as_ptr());
        }
        tracing::debug!(%error, "Kafka");
        let mut last = locked(&heard.error);
        // That all brokers are gone says less than why one is; what a broker refused says the most.
        let says_more =
            |last: &KafkaError| last.is_refusal() || error.code == Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
        if !last.as_ref().is_some_and(says_more) {
            *last = Some(error);
        }
    }
}

/// The codes that are told to `on_error`, which the library gives as a number.
fn known(code: c_int) -> Code {
    const TOLD: [Code; 9] = [
        Code::RD_KAFKA_RESP_ERR__TRANSPORT,
        Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
        Code::RD_KAFKA_RESP_ERR__RESOLVE,
        Code::RD_KAFKA_RESP_ERR__AUTHENTICATION,
        Code::RD_KAFKA_RESP_ERR__SSL,
        Code::RD_KAFKA_RESP_ERR__FATAL,
        Code::RD_KAFKA_RESP_ERR__TIMED_OUT,
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        Code::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
    ];
    TOLD.into_iter().find(|known| *known as c_int == code).unwrap_or(Code::RD_KAFKA_RESP_ERR__FAIL)
}

/// What the library logs goes where the rest is logged; it names no passwords.
unsafe extern "C" fn on_log(_: *const sys::rd_kafka_t, level: c_int, _: *const c_char, line: *const c_char) {
    // SAFETY: the text is the library's and ends in a zero byte.
    let line = unsafe { text(line) };
    match level {
        0..=4 => tracing::warn!(target: "kafka", "{line}"),
        _ => tracing::debug!(target: "kafka", "{line}"),
    }
}

/// A record was delivered, or was not.
unsafe extern "C" fn on_delivery(
    _: *mut sys::rd_kafka_t,
    message: *const sys::rd_kafka_message_t,
    opaque: *mut c_void,
) {
    // SAFETY: the library calls with the pointer that `Client::new` gave, and with a message that it owns.
    unsafe {
        let code = (*message).err;
        if code == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        let Some(heard) = opaque.cast::<Heard>().as_ref() else { return };
        let mut error = KafkaError::of(code);
        let topic = text(sys::rd_kafka_topic_name((*message).rkt));
        let bytes = (*message).len + (*message).key_len;
        error.text = format!("{} (topic {topic}, a record of {bytes} bytes)", error.text);
        locked(&heard.undelivered).get_or_insert(error);
    }
}
