//! Errors of the library and of brokers.

use std::ffi::{CStr, c_char};
use std::fmt;

use rdkafka_sys as sys;

pub(in crate::kafka) use sys::rd_kafka_resp_err_t as Code;

/// What the library or a broker said.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct KafkaError {
    pub(in crate::kafka) code: Code,
    pub(in crate::kafka) text: String,
    /// Whether the library says that the same may succeed later.
    pub(in crate::kafka) retriable: bool,
}

impl KafkaError {
    pub(in crate::kafka) fn of(code: Code) -> Self {
        // SAFETY: gives a text that lives for ever, for any code.
        let text = unsafe { text(sys::rd_kafka_err2str(code)) };
        Self { code, text, retriable: false }
    }

    pub(super) fn check(code: Code) -> Result<(), Self> {
        if code == Code::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(Self::of(code)) }
    }

    /// Takes an error object of the library, which is null where there is none.
    pub(super) fn take(error: *mut sys::rd_kafka_error_t) -> Result<(), Self> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: it is an error object that the caller owns; it is read before it is destroyed, and not after.
        unsafe {
            let own = Self {
                code: sys::rd_kafka_error_code(error),
                text: text(sys::rd_kafka_error_string(error)),
                retriable: sys::rd_kafka_error_is_retriable(error) != 0,
            };
            sys::rd_kafka_error_destroy(error);
            Err(own)
        }
    }

    /// Whether it is only that an answer has not come yet.
    pub(in crate::kafka) fn is_timeout(&self) -> bool {
        matches!(
            self.code,
            Code::RD_KAFKA_RESP_ERR__TIMED_OUT
                | Code::RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE
                | Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
        )
    }

    /// Whether no broker could be reached.
    pub(in crate::kafka) fn is_connection(&self) -> bool {
        matches!(
            self.code,
            Code::RD_KAFKA_RESP_ERR__TRANSPORT
                | Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
                | Code::RD_KAFKA_RESP_ERR__RESOLVE
        )
    }

    /// Whether the credentials or the rights are wrong, so that trying again is of no use.
    pub(in crate::kafka) fn is_refusal(&self) -> bool {
        // What TLS refuses once its handshake is over comes as a transfer that failed.
        let is_alert = self.text.contains("SSL routines") && self.text.contains(" alert ");
        is_alert
            || matches!(
                self.code,
                Code::RD_KAFKA_RESP_ERR__AUTHENTICATION
                    | Code::RD_KAFKA_RESP_ERR__SSL
                    | Code::RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED
                    | Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
                    | Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
                    | Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
                    | Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            )
    }

    /// Whether a topic or partition is not there.
    pub(in crate::kafka) fn is_missing(&self) -> bool {
        matches!(
            self.code,
            Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
                | Code::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
                | Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID
        )
    }
}

impl fmt::Display for KafkaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for KafkaError {}

/// A copy of a text of the library; empty where it gives none.
///
/// # Safety
/// It is null or ends in a zero byte, and is not changed meanwhile.
pub(super) unsafe fn text(of: *const c_char) -> String {
    if of.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(of) }.to_string_lossy().into_owned()
}
