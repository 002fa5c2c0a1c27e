//! One request after the other.

use std::io::{self, Read};
use std::time::Duration;

use millstream_dataflow::operator::Cancelled;
use millstream_model::error::{Failure, Result};
use ureq::http::{HeaderMap, HeaderValue, Method, Request, Uri};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Error};

use super::answer::{Answer, judge};
use super::transport::Dialer;
use crate::tls::{ClientTls, advice};

/// The most that is read of an answer: a small one lets the connection be used again.
const READ: u64 = 64 << 10;

/// The server, as requests need it and as messages may name it.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) uri: Uri,
    /// Without what may be secret: `https://host:port`.
    pub(super) shown: String,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
}

pub(super) struct Client {
    agent: Agent,
    target: Target,
    key_header: String,
}

impl Client {
    pub(super) fn new(
        target: Target,
        key_header: String,
        timeout: Duration,
        tls: ClientTls,
        cancelled: Cancelled,
    ) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(timeout))
            .user_agent(concat!("millstream/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, Dialer { tls, cancelled }, DefaultResolver::default());
        Self { agent, target, key_header }
    }

    /// Sends a batch once.
    ///
    /// # Errors
    /// If no request can be made of it at all.
    pub(super) fn send(&self, body: &[u8], key: &str) -> Result<Answer> {
        let target = &self.target;
        let request = Request::builder().method(target.method.clone()).uri(target.uri.clone());
        let mut request = request
            .body(body)
            .map_err(|error| Failure::user("a request to a webhook cannot be made").because(error))?;
        let headers = request.headers_mut();
        headers.extend(target.headers.clone());
        if let (Ok(name), Ok(key)) =
            (self.key_header.parse::<ureq::http::HeaderName>(), HeaderValue::from_str(key))
        {
            headers.insert(name, key);
        }
        let answer = match self.agent.run(request) {
            Ok(answer) => answer,
            Err(error) => return Ok(self.unanswered(error)),
        };
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        let mut bytes = Vec::new();
        let read = answer.into_body().into_reader().take(READ).read_to_end(&mut bytes);
        if let Err(error) = read {
            // The status alone says whether it was taken.
            tracing::debug!(server = target.shown, %error, "an answer was cut");
        }
        Ok(judge(&target.shown, status, retry_after.as_deref(), &String::from_utf8_lossy(&bytes)))
    }

    fn unanswered(&self, error: Error) -> Answer {
        let never = |why: String, advice: &str| {
            let failure = Failure::external(format!("nothing can be sent to {}", self.target.shown));
            Answer::Never(Box::new(failure.because(why).advice(advice)))
        };
        match error {
            Error::Protocol(error) => {
                let port = if self.target.shown.starts_with("https") {
                    ""
                } else {
                    ", or begin the address with https://"
                };
                never(
                    format!("the answer is no HTTP/1.1: {error}"),
                    &format!("see that the port is that of an HTTP server{port}"),
                )
            }
            Error::Io(error) => match advice(&error) {
                Some(advice) => never(error.to_string(), advice),
                None => Answer::Later(error.to_string(), None),
            },
            Error::HostNotFound => Answer::Later("the host is not known".into(), None),
            Error::Timeout(_) => Answer::Later("it took longer than request-timeout".into(), None),
            error => Answer::Later(io::Error::other(error).to_string(), None),
        }
    }
}
