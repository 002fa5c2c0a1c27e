//! The client of S3 and what speaks its protocol.

use std::time::Duration;

use millstream_model::error::Failure;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut, S3CopyIfNotExists};
use object_store::{ClientOptions, RetryConfig};

use crate::error::StorageError;
use crate::location::Location;
use crate::settings::{
    S3_ACCESS_KEY, S3_ALLOW_HTTP, S3_ENDPOINT, S3_REGION, S3_SECRET_KEY, S3_SESSION_TOKEN, S3_VIRTUAL_HOSTED,
    StorageSettings,
};

/// A client for one bucket.
pub(crate) fn client(
    location: &Location,
    bucket: &str,
    settings: &StorageSettings,
) -> Result<AmazonS3, StorageError> {
    let wrong = |reason: String| StorageError::Settings { location: location.to_string(), reason };
    let of = |failure: Failure| wrong(failure.to_string());
    let values = settings.values();
    let allow_http = values.get(&S3_ALLOW_HTTP).map_err(of)?.unwrap_or(false);
    // Its own timeouts: a request may take as long as ours does; a connection is there soon or never.
    let client = ClientOptions::new()
        .with_allow_http(allow_http)
        .with_timeout(Duration::from_secs(3600))
        .with_connect_timeout(settings.timeout().min(Duration::from_secs(5)));
    // What passes is asked again by us, in one way for all stores.
    let retry = RetryConfig { max_retries: 0, retry_timeout: settings.timeout(), ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_client_options(client)
        .with_retry(retry)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
        .with_virtual_hosted_style_request(values.get(&S3_VIRTUAL_HOSTED).map_err(of)?.unwrap_or(false));
    if let Some(region) = values.get(&S3_REGION).map_err(of)? {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = values.get(&S3_ENDPOINT).map_err(of)? {
        if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
            return Err(wrong(format!(
                "the endpoint `{endpoint}` (s3.endpoint) must begin with http:// or https://"
            )));
        }
        if endpoint.starts_with("http://") && !allow_http {
            return Err(wrong(format!(
                "the endpoint {endpoint} has no TLS: all that is sent could be read on the way; use https://, or say that \
                 it may be so: s3.allow-http = true (AWS_ALLOW_HTTP=true)"
            )));
        }
        builder = builder.with_endpoint(endpoint);
    }
    let (key, secret) = (values.get(&S3_ACCESS_KEY).map_err(of)?, values.get(&S3_SECRET_KEY).map_err(of)?);
    match (key, secret) {
        (Some(key), Some(secret)) => {
            builder = builder.with_access_key_id(key).with_secret_access_key(secret);
        }
        (Some(_), None) => {
            return Err(wrong("there is an access key and no s3.secret-key (AWS_SECRET_ACCESS_KEY)".into()));
        }
        (None, Some(_)) => {
            return Err(wrong("there is a secret key and no s3.access-key (AWS_ACCESS_KEY_ID)".into()));
        }
        (None, None) => {}
    }
    if let Some(token) = values.get(&S3_SESSION_TOKEN).map_err(of)? {
        builder = builder.with_token(token);
    }
    builder.build().map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use crate::{Storage, StorageSettings};

    fn message(settings: &[(&str, &str)]) -> String {
        let settings = settings
            .iter()
            .fold(StorageSettings::new(), |settings, (name, value)| settings.set(name, value).unwrap());
        Storage::open_with("s3://flights/2013", &settings).unwrap_err().to_string()
    }

    #[test]
    fn settings_that_cannot_work_are_refused_before_anything_is_asked() {
        let error = message(&[("s3.endpoint", "http://127.0.0.1:9000")]);
        assert!(error.contains("has no TLS") && error.contains("s3.allow-http = true"), "{error}");
        let error = message(&[("s3.endpoint", "127.0.0.1:9000")]);
        assert!(error.contains("must begin with http:// or https://"), "{error}");
        let error = message(&[("s3.access-key", "me")]);
        assert!(error.contains("no s3.secret-key"), "{error}");
        let error = message(&[("s3.secret-key", "hush-hush")]);
        assert!(error.contains("no s3.access-key") && !error.contains("hush"), "{error}");
    }

    #[test]
    fn no_secret_is_shown() {
        let settings = StorageSettings::new().set("s3.access-key", "me").unwrap();
        let settings = settings.set("s3.secret-key", "hush-hush").unwrap();
        let place = Storage::open_with("s3://flights/2013", &settings).unwrap();
        let shown = format!("{place:?} {:?} {settings:?}", place.place);
        assert!(!shown.contains("hush"), "{shown}");
    }
}
