//! New places in the servers that were started for the tests.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use millstream_storage::{Storage, StorageSettings};
use millstream_storage_tests::fact;

use crate::own_s3;

/// The settings for the S3 server of the tests.
pub(crate) fn settings() -> StorageSettings {
    [
        ("s3.endpoint", fact("MILLSTREAM_S3").as_str()),
        ("s3.allow-http", "true"),
        ("s3.access-key", fact("MILLSTREAM_S3_ACCESS_KEY").as_str()),
        ("s3.secret-key", fact("MILLSTREAM_S3_SECRET_KEY").as_str()),
    ]
    .into_iter()
    .fold(StorageSettings::new(), |settings, (name, value)| settings.set(name, value).unwrap())
}

/// The same for a process that is started.
pub(crate) fn environment(command: &mut Command) {
    command.env("AWS_ENDPOINT_URL", fact("MILLSTREAM_S3")).env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_ACCESS_KEY_ID", fact("MILLSTREAM_S3_ACCESS_KEY"));
    command.env("AWS_SECRET_ACCESS_KEY", fact("MILLSTREAM_S3_SECRET_KEY"));
}

fn number() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A location in a new bucket.
pub(crate) fn s3(name: &str) -> String {
    let bucket = format!("{name}-{}", number());
    own_s3::bucket(&fact("MILLSTREAM_S3"), &bucket);
    format!("s3://{bucket}/deep/folder")
}

/// A location in a folder that is not there yet.
pub(crate) fn hdfs(name: &str) -> String {
    format!("{}/tests/{name}-{}", fact("MILLSTREAM_HDFS"), number())
}

/// A new place of each kind that needs a server.
pub(crate) fn both(name: &str) -> [Storage; 2] {
    [s3(name), hdfs(name)].map(|location| Storage::open_with(&location, &settings()).unwrap())
}
