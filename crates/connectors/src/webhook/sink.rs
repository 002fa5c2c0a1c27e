//! A webhook as a program gives it.

use std::fmt;
use std::sync::Arc;

use millstream_dataflow::sink::{Sink, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{BoxError, Failure, Result};
use millstream_model::record::Record;
use serde::Serialize;
use ureq::http::{self, HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::body::{Compose, Encode, Gathered};
use super::client::{Client, Target};
use super::settings::{
    BATCH_BYTES, BATCH_RECORDS, FORMAT, Format, GIVE_UP, IDEMPOTENCY_HEADER, METHOD, Method, REQUEST_TIMEOUT,
    RETRY_FIRST, RETRY_MAX, SINK_SETTINGS,
};
use super::writer::{Body, Limits, Writer};
use crate::chosen::Chosen;
use crate::tls::ClientTls;

/// Posts records to an HTTP server in batches, as JSON if nothing else is said; each subtask has its own connection.
///
/// At least once: a batch that is not answered with a success (2xx) is sent again, and a checkpoint waits for the answers to
/// all that stands before it. Requests carry a key, by which a server can drop a batch that it has already taken.
///
/// ```
/// use millstream_connectors::webhook::Webhook;
/// use serde::Serialize;
///
/// #[derive(Clone, Serialize)]
/// struct Delay { airport: String, minutes: f64 }
///
/// let token = "from the environment";
/// let sink = Webhook::<Delay>::json("https://hooks.example/delays")
///     .header("Authorization", format!("Bearer {token}"))
///     .set("batch-records", "100")
///     .set("format", "json-lines");
/// ```
pub struct Webhook<T> {
    address: String,
    headers: Vec<(String, String)>,
    settings: Chosen,
    make: Make<T>,
}

enum Make<T> {
    Each(Arc<Encode<T>>),
    Whole(Arc<Compose<T>>, String),
}

impl<T> Clone for Make<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Each(encode) => Self::Each(encode.clone()),
            Self::Whole(compose, kind) => Self::Whole(compose.clone(), kind.clone()),
        }
    }
}

impl<T> Clone for Webhook<T> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            headers: self.headers.clone(),
            settings: self.settings.clone(),
            make: self.make.clone(),
        }
    }
}

impl<T> fmt::Debug for Webhook<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and paths may be secrets.
        let shown = self.target().map_or_else(|_| "?".to_owned(), |(_, shown)| shown);
        f.debug_struct("Webhook").field("server", &shown).finish_non_exhaustive()
    }
}

impl<T: Serialize> Webhook<T> {
    /// Posts records as JSON to an address that begins with `http://` or `https://`.
    pub fn json(address: impl Into<String>) -> Self {
        let make = |record: T, bytes: &mut Vec<u8>| Ok(serde_json::to_writer(bytes, &record)?);
        Self::new(address.into(), Make::Each(Arc::new(make)))
    }
}

impl Webhook<String> {
    /// Posts records that are JSON already, each a value as text.
    ///
    /// ```
    /// use millstream_connectors::webhook::Webhook;
    ///
    /// let sink = Webhook::encoded("https://hooks.example/delays").set("format", "json-lines");
    /// ```
    pub fn encoded(address: impl Into<String>) -> Self {
        let make = |record: String, bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(record.as_bytes());
            Ok(())
        };
        Self::new(address.into(), Make::Each(Arc::new(make)))
    }
}

impl<T> Webhook<T> {
    fn new(address: String, make: Make<T>) -> Self {
        Self { address, headers: Vec::new(), settings: Chosen::new(&SINK_SETTINGS), make }
    }

    /// Posts what a function makes of each batch of records, as the given content type. It may be called again for the same
    /// records.
    ///
    /// ```
    /// use millstream_connectors::webhook::Webhook;
    ///
    /// let sink = Webhook::body("http://localhost:8086/write", "text/plain", |counts: &[(String, u64)]| {
    ///     Ok(counts.iter().map(|(word, count)| format!("{word} count={count}\n")).collect::<String>().into_bytes())
    /// });
    /// ```
    pub fn body(
        address: impl Into<String>,
        content_type: impl Into<String>,
        make: impl Fn(&[T]) -> Result<Vec<u8>, BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self::new(address.into(), Make::Whole(Arc::new(make), content_type.into()))
    }

    /// Gives each request a header. Its value is in no message.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Gives a setting its value: see [`SINK_SETTINGS`]. One that is unknown or malformed is refused when the job starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    /// The address, and what of it may be shown.
    fn target(&self) -> Result<(Uri, String)> {
        let wrong = |what: &str| {
            Failure::user(format!("the address of a webhook {what}"))
                .advice("such as https://hooks.example/path or http://localhost:8080/path")
        };
        let uri: Uri =
            self.address.parse().map_err(|error| wrong("is none").because(http::Error::from(error)))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("has no http:// or https:// at its begin"));
        };
        if !matches!(scheme, "http" | "https") {
            return Err(wrong(&format!("begins with {scheme}://, which is not spoken here")));
        }
        if authority.as_str().contains('@') {
            return Err(wrong("has a user in it").advice("give it by .header(\"Authorization\", ...)"));
        }
        let shown = format!("{scheme}://{authority}");
        Ok((uri, shown))
    }

    fn headers(&self, content_type: &str) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        let content_type = HeaderValue::from_str(content_type)
            .map_err(|error| Failure::user("the content type of a webhook is none").because(error))?;
        headers.insert(header::CONTENT_TYPE, content_type);
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|error| {
                Failure::user(format!("`{name}` is no name of a header"))
                    .because(error)
                    .advice("such as Authorization or X-Api-Key")
            })?;
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                Failure::user(format!("the value of the header `{name}` cannot be sent"))
                    .advice("it has a line end or another control character in it; is it read from a file?")
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

impl<T: Record> Sink for Webhook<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Webhook".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        let settings = &self.settings;
        settings.check()?;
        let (uri, shown) = self.target()?;
        let format = settings.get(&FORMAT)?;
        let (content_type, body) = match &self.make {
            Make::Whole(_, _) if settings.is_given("format") => {
                return Err(Failure::user(
                    "the setting `format` is given, but the program makes bodies itself",
                )
                .advice("leave out one of the two: .set(\"format\", ...) or Webhook::body(...)"));
            }
            Make::Whole(_, _) if settings.is_given("batch-bytes") => {
                return Err(Failure::user(
                    "the setting `batch-bytes` is given, but the program makes bodies itself",
                )
                .advice("only `batch-records` bounds what it is given at once"));
            }
            Make::Whole(compose, kind) => (kind.as_str(), Body::Whole(compose.clone(), Vec::new())),
            Make::Each(encode) => {
                let kind = match format {
                    Format::JsonArray => "application/json",
                    Format::JsonLines => "application/x-ndjson",
                };
                (kind, Body::Each(encode.clone(), Gathered::new(format)))
            }
        };
        let method = match settings.get(&METHOD)? {
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
        };
        let key_header = settings.get(&IDEMPOTENCY_HEADER)?;
        HeaderName::try_from(key_header.as_str()).map_err(|error| {
            Failure::user(format!("`{key_header}` is no name of a header, as idempotency-header is to be"))
                .because(error)
        })?;
        let tls = ClientTls::by_scheme(
            settings,
            uri.scheme_str() == Some("https"),
            uri.host().unwrap_or_default(),
        )?;
        let headers = self.headers(content_type)?;
        let target = Target { uri, shown: shown.clone(), method, headers };
        let limits = Limits {
            records: settings.get(&BATCH_RECORDS)?,
            bytes: usize::try_from(settings.get(&BATCH_BYTES)?.0).unwrap_or(usize::MAX),
            first_delay: settings.get(&RETRY_FIRST)?,
            max_delay: settings.get(&RETRY_MAX)?,
            give_up: settings.get(&GIVE_UP)?,
        };
        let timeout = settings.get(&REQUEST_TIMEOUT)?;
        let client = Client::new(target, key_header, timeout, tls, context.cancelled.clone());
        Ok(Box::new(Writer::new(client, shown, limits, context.cancelled, body)))
    }
}
