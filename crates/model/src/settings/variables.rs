//! Settings in the environment of a process.

/// What the names of such variables begin with.
const PREFIX: &str = "MILLSTREAM_";

/// Names that begin so and are no settings of a program: the interpreter of Python programs, and what a cluster tells the
/// processes that it starts.
const OTHERS: [&str; 4] = ["MILLSTREAM_FILES", "MILLSTREAM_PYTHON", "MILLSTREAM_RESCALED", "MILLSTREAM_ROLE"];

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
/// ```
pub fn setting_of(variable: &str) -> Option<String> {
    let name = variable.strip_prefix(PREFIX).filter(|_| !OTHERS.contains(&variable))?;
    Some(name.to_lowercase().replace('_', "-"))
}
