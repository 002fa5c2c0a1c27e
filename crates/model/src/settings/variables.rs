//! Settings in the environment of a process.

/// What the names of such variables begin with.
const PREFIX: &str = "MILLSTREAM_";

/// Names that begin so and are no settings of a program: the interpreter of Python programs, and what a cluster tells the
/// processes that it starts.
const OTHERS: [&str; 4] = ["MILLSTREAM_FILES", "MILLSTREAM_PYTHON", "MILLSTREAM_RESCALED", "MILLSTREAM_ROLE"];

/// What the names of variables begin with that are settings of stores: not of a program, but of what it reads and writes.
const STORES: [&str; 3] = ["MILLSTREAM_HDFS_", "MILLSTREAM_S3_", "MILLSTREAM_STORAGE_"];

/// The environment variable of a setting.
///
/// ```
/// use millstream_model::settings::variable;
/// assert_eq!(variable("checkpoint-interval"), "MILLSTREAM_CHECKPOINT_INTERVAL");
/// ```
pub fn variable(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_uppercase().replace(['-', '.'], "_"))
}

/// The setting that an environment variable is meant for, whether there is one of that name or not.
///
/// ```
/// use millstream_model::settings::setting_of;
/// assert_eq!(setting_of("MILLSTREAM_CHECKPOINT_INTERVAL").unwrap(), "checkpoint-interval");
/// assert_eq!(setting_of("HOME"), None);
/// assert_eq!(setting_of("MILLSTREAM_ROLE"), None);
/// assert_eq!(setting_of("MILLSTREAM_S3_ENDPOINT"), None);
/// ```
pub fn setting_of(variable: &str) -> Option<String> {
    let is_of_a_store = STORES.iter().any(|store| variable.starts_with(store));
    let name = variable.strip_prefix(PREFIX).filter(|_| is_told(variable) && !is_of_a_store)?;
    Some(name.to_lowercase().replace('_', "-"))
}

/// Whether a program that is handed to a cluster is given the variable: its own settings, and those of the stores.
///
/// ```
/// use millstream_model::settings::is_told;
/// assert!(is_told("MILLSTREAM_PARALLELISM") && is_told("MILLSTREAM_S3_ENDPOINT"));
/// assert!(!is_told("MILLSTREAM_ROLE") && !is_told("HOME"));
/// ```
pub fn is_told(variable: &str) -> bool {
    variable.starts_with(PREFIX) && !OTHERS.contains(&variable)
}
