//! What an answer means.
//!
//! Holds: what may pass is tried again, what will not pass is told at once.

use std::time::{Duration, SystemTime};

use millstream_model::error::Failure;

/// How much of an answer is shown.
const SHOWN: usize = 300;

/// What came of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// The server has taken it.
    Taken,
    /// It may be taken when it is sent again: why, and after which time at the earliest, if the server said so.
    Later(String, Option<Duration>),
    /// It will never be taken.
    Never(Box<Failure>),
}

/// What a status means, with the header Retry-After and the begin of the answer.
pub(super) fn judge(server: &str, status: u16, retry_after: Option<&str>, text: &str) -> Answer {
    if (200..300).contains(&status) {
        return Answer::Taken;
    }
    let said: String = text.trim().chars().take(SHOWN).collect();
    let what = if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") };
    if matches!(status, 408 | 425 | 429 | 500..) {
        return Answer::Later(what, retry_after.and_then(|text| delay(text, SystemTime::now())));
    }
    let advice = match status {
        300..=399 => {
            "the server is elsewhere: give the address that it sends to, which is not followed by itself"
        }
        401 | 403 | 407 => {
            "see the credentials: .header(\"Authorization\", ...), or tls-certificate and tls-key"
        }
        404 | 410 => "see the path of the address",
        405 => "see the setting `method`",
        413 => "send less at once: the settings batch-records and batch-bytes",
        415 => "see the settings `format`, or give a header Content-Type",
        _ => "see what the server expects; .body(...) makes other bodies",
    };
    Answer::Never(Box::new(
        Failure::external(format!("{server} does not take what is sent to it")).because(what).advice(advice),
    ))
}

/// What Retry-After asks for: seconds, or a date.
fn delay(text: &str, now: SystemTime) -> Option<Duration> {
    match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            httpdate::parse_http_date(text.trim()).ok().map(|at| at.duration_since(now).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
        assert_eq!(delay(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:37 GMT", SystemTime::now()), Some(Duration::ZERO));
        assert_eq!(delay("soon", now), None);
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        for status in [200, 201, 204] {
            assert!(matches!(judge("it", status, None, ""), Answer::Taken));
        }
        for status in [408, 425, 429, 500, 502, 503, 599] {
            assert!(matches!(judge("it", status, None, ""), Answer::Later(..)), "{status}");
        }
        for (status, advice) in [
            (301, "the server is elsewhere"),
            (400, "see what the server expects"),
            (401, "see the credentials"),
            (404, "see the path"),
            (405, "`method`"),
            (413, "batch-bytes"),
        ] {
            let Answer::Never(failure) = judge("it", status, None, "no\n") else { panic!("{status}") };
            let said = failure.to_string();
            let begin = format!("it does not take what is sent to it\n  caused by: status {status}: no\n");
            assert!(said.starts_with(&begin) && said.contains(advice), "{said}");
        }
    }
}
