//! The settings of places: addresses, credentials, how long to wait.
//!
//! Answers for the list that the reference page, the messages and the environment have in common. Not for what a client
//! makes of them (`s3`, `hdfs`).
//! Holds: a secret is shown by nothing.

use std::fmt;
use std::time::Duration;

use millstream_model::error::Result;
use millstream_model::settings::{Origin, Setting, SettingsList, Values};

pub(crate) static S3_ENDPOINT: Setting<String> = Setting::new(
    "s3.endpoint",
    "The address of the object store, such as http://127.0.0.1:9000; without it Amazon's for the region. \
     AWS_ENDPOINT_URL in the environment.",
)
.elsewhere(&["fs.s3a.endpoint", "endpoint", "s3.endpoint-url"]);
pub(crate) static S3_REGION: Setting<String> =
    Setting::new("s3.region", "The region that requests are signed for. AWS_REGION in the environment.")
        .default("us-east-1")
        .elsewhere(&["fs.s3a.endpoint.region"]);
pub(crate) static S3_ACCESS_KEY: Setting<String> = Setting::new(
    "s3.access-key",
    "Who asks. AWS_ACCESS_KEY_ID in the environment; without any the machine's own role is asked for.",
)
.elsewhere(&["fs.s3a.access.key"]);
pub(crate) static S3_SECRET_KEY: Setting<String> =
    Setting::new("s3.secret-key", "The secret of the access key. AWS_SECRET_ACCESS_KEY in the environment.")
        .elsewhere(&["fs.s3a.secret.key"]);
pub(crate) static S3_SESSION_TOKEN: Setting<String> = Setting::new(
    "s3.session-token",
    "What goes with a key that was lent for a while. AWS_SESSION_TOKEN in the environment.",
)
.elsewhere(&["fs.s3a.session.token"]);
pub(crate) static S3_ALLOW_HTTP: Setting<bool> = Setting::new(
    "s3.allow-http",
    "Whether an endpoint without TLS is spoken to. AWS_ALLOW_HTTP in the environment.",
)
.default("false")
.elsewhere(&["fs.s3a.connection.ssl.enabled"]);
pub(crate) static S3_VIRTUAL_HOSTED: Setting<bool> = Setting::new(
    "s3.virtual-hosted",
    "Whether the bucket is part of the host's name rather than of the path.",
)
.default("false")
.elsewhere(&["fs.s3a.path.style.access", "s3.path-style-access"]);
pub(crate) static HDFS_NAME_SERVICES: Setting<String> = Setting::new(
    "hdfs.name-services",
    "The name nodes behind names of services: NAME=HOST:PORT,HOST:PORT, several separated by `;`. What the files in \
     HADOOP_CONF_DIR say is known too.",
)
.elsewhere(&["dfs.nameservices"]);
pub(crate) static HDFS_CONF_DIR: Setting<String> = Setting::new(
    "hdfs.conf-dir",
    "The folder with core-site.xml and hdfs-site.xml; HADOOP_CONF_DIR in the environment.",
)
.elsewhere(&["fs.hdfs.hadoopconf"]);
pub(crate) static TIMEOUT: Setting<Duration> = Setting::new(
    "storage.timeout",
    "How long one request may take; a large one is given a second more for each MiB.",
)
.default("30 s")
.at_least("100 ms");
pub(crate) static PATIENCE: Setting<Duration> = Setting::new(
    "storage.patience",
    "For how long what failed outside (no connection, 503, safe mode) is tried again before the job fails.",
)
.default("30 s");

/// All settings of places.
pub static STORAGE_SETTINGS: SettingsList = SettingsList::new(
    "storage settings",
    &[
        &[
            &S3_ENDPOINT,
            &S3_REGION,
            &S3_ACCESS_KEY,
            &S3_SECRET_KEY,
            &S3_SESSION_TOKEN,
            &S3_ALLOW_HTTP,
            &S3_VIRTUAL_HOSTED,
        ],
        &[&HDFS_NAME_SERVICES, &HDFS_CONF_DIR],
        &[&TIMEOUT, &PATIENCE],
    ],
);

/// Those whose values are never shown.
const SECRETS: [&str; 2] = ["s3.secret-key", "s3.session-token"];

/// Environment variables that other programs know too, and the settings they are of. The later ones count more.
const ENVIRONMENT: [(&str, &str); 9] = [
    ("AWS_DEFAULT_REGION", "s3.region"),
    ("AWS_REGION", "s3.region"),
    ("AWS_ENDPOINT", "s3.endpoint"),
    ("AWS_ENDPOINT_URL", "s3.endpoint"),
    ("AWS_ENDPOINT_URL_S3", "s3.endpoint"),
    ("AWS_ACCESS_KEY_ID", "s3.access-key"),
    ("AWS_SECRET_ACCESS_KEY", "s3.secret-key"),
    ("AWS_SESSION_TOKEN", "s3.session-token"),
    ("AWS_ALLOW_HTTP", "s3.allow-http"),
];

/// The settings for opening places. Without any, those of the environment count.
///
/// ```
/// use millstream_storage::StorageSettings;
/// let settings = StorageSettings::from_environment()?
///     .set("s3.endpoint", "http://127.0.0.1:9000")?
///     .set("s3.allow-http", "true")?
///     .set("s3.secret-key", "testsecret1")?;
/// assert!(!format!("{settings:?}").contains("testsecret1"));
/// let error = settings.set("s3.endpont", "").unwrap_err().to_string();
/// assert!(error.contains("did you mean `s3.endpoint`?"));
/// # Ok::<(), millstream_model::error::Failure>(())
/// ```
#[derive(Clone)]
pub struct StorageSettings {
    values: Values,
}

impl StorageSettings {
    /// None but the defaults.
    pub fn new() -> Self {
        Self { values: Values::of(&STORAGE_SETTINGS) }
    }

    /// Those of the environment: the variables that Amazon's tools know, and `MILLSTREAM_` with the setting's name in
    /// capitals, such as `MILLSTREAM_S3_ENDPOINT` and `MILLSTREAM_STORAGE_PATIENCE`.
    ///
    /// # Errors
    /// If one of them is no value of its setting.
    pub fn from_environment() -> Result<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut values = Values::of(&STORAGE_SETTINGS);
        let own = STORAGE_SETTINGS.settings().map(|setting| {
            let name = setting.name().to_uppercase().replace(['.', '-'], "_");
            (format!("MILLSTREAM_{name}"), setting.name())
        });
        let known = ENVIRONMENT.iter().map(|(name, setting)| ((*name).to_owned(), *setting));
        for (name, setting) in known.chain(own) {
            if let Some(text) = variable(&name).filter(|text| !text.is_empty()) {
                values.set(setting, &text, Origin::Environment(name))?;
            }
        }
        Ok(Self { values })
    }

    /// Gives a value, in the program.
    ///
    /// # Errors
    /// If there is no such setting, or the text is no value of it.
    pub fn set(mut self, name: &str, text: &str) -> Result<Self> {
        self.values.set(name, text, Origin::Program)?;
        Ok(self)
    }
}

/// What the clients of servers ask for.
#[cfg(any(feature = "s3", feature = "hdfs"))]
impl StorageSettings {
    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    /// What tells two sets of settings apart, secrets included: never shown.
    pub(crate) fn told_apart(&self) -> String {
        let texts = [
            &S3_ENDPOINT,
            &S3_REGION,
            &S3_ACCESS_KEY,
            &S3_SECRET_KEY,
            &S3_SESSION_TOKEN,
            &HDFS_NAME_SERVICES,
            &HDFS_CONF_DIR,
        ];
        let texts = texts.map(|setting| self.values.get(setting).ok().flatten());
        let choices =
            [&S3_ALLOW_HTTP, &S3_VIRTUAL_HOSTED].map(|setting| self.values.get(setting).ok().flatten());
        format!("{texts:?} {choices:?} {:?}", self.timeout())
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.values.get(&TIMEOUT).ok().flatten().unwrap_or(Duration::from_secs(30))
    }

    pub(crate) fn patience(&self) -> Duration {
        self.values.get(&PATIENCE).ok().flatten().unwrap_or(Duration::from_secs(30))
    }
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for StorageSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = STORAGE_SETTINGS.settings().filter_map(|setting| {
            let origin = self.values.origin(setting.name())?;
            let secret = if SECRETS.contains(&setting.name()) { " (not shown)" } else { "" };
            Some(format!("{} from {origin}{secret}", setting.name()))
        });
        f.debug_set().entries(given).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_and_an_own_variable_counts_more() {
        let variable = |name: &str| match name {
            "AWS_ENDPOINT_URL" => Some("http://one".to_owned()),
            "MILLSTREAM_S3_ENDPOINT" => Some("http://two".to_owned()),
            "AWS_REGION" => Some(String::new()),
            _ => None,
        };
        let settings = StorageSettings::from_variables(variable).unwrap();
        assert_eq!(settings.values.get(&S3_ENDPOINT).unwrap().as_deref(), Some("http://two"));
        assert_eq!(settings.values.get(&S3_REGION).unwrap().as_deref(), Some("us-east-1"));
        assert_eq!(
            format!("{settings:?}"),
            "{\"s3.endpoint from environment variable MILLSTREAM_S3_ENDPOINT\"}"
        );
        let wrong = |name: &str| (name == "MILLSTREAM_STORAGE_PATIENCE").then(|| "long".to_owned());
        let error = StorageSettings::from_variables(wrong).unwrap_err().to_string();
        assert!(error.contains("environment variable MILLSTREAM_STORAGE_PATIENCE"), "{error}");
    }

    #[test]
    fn a_name_of_another_system_leads_to_the_own_one() {
        let error = StorageSettings::new().set("fs.s3a.endpoint", "x").unwrap_err().to_string();
        assert!(error.contains("did you mean `s3.endpoint`?"), "{error}");
    }
}
