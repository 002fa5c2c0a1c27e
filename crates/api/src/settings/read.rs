//! Arguments, the environment, and the file that one of them names.

use std::ffi::OsString;

use millstream_model::error::{Failure, Result};
use millstream_model::settings::{Origin, SettingsList, Values, setting_of, variable};

use super::file;

/// The argument that names a file of settings.
const FILE: &str = "settings";

/// What a process was started with.
pub(crate) struct Outside {
    /// The arguments, without the program's name.
    pub(crate) arguments: Vec<OsString>,
    /// The environment variables.
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// What was read.
pub(crate) enum Read {
    /// Somebody asked for help, which is here.
    Help(String),
    /// Settings, and what is the program's own.
    Given {
        /// The settings.
        settings: Values,
        /// The arguments behind `--`.
        arguments: Vec<String>,
    },
}

/// Reads settings of `list`.
pub(crate) fn read(list: &'static SettingsList, outside: Outside) -> Result<Read> {
    let arguments = outside.arguments.into_iter().map(text).collect::<Result<Vec<_>>>()?;
    let (options, own) = match arguments.iter().position(|argument| argument == "--") {
        Some(at) => (&arguments[..at], arguments[at + 1..].to_vec()),
        None => (&arguments[..], Vec::new()),
    };
    if options.iter().any(|option| option == "--help" || option == "-h") {
        return Ok(Read::Help(help(list)));
    }
    let options = pairs(list, options)?;
    let variables = variables(outside.environment)?;
    let mut settings = Values::of(list);
    let named = |pairs: &[(String, String)]| {
        pairs.iter().find(|(name, _)| name == FILE).map(|(_, path)| path.clone())
    };
    if let Some(path) = named(&options).or_else(|| named(&variables)) {
        file::read(&path, &mut settings)?;
    }
    for (name, value) in variables.iter().filter(|(name, _)| name != FILE) {
        settings.set(name, value, Origin::Environment(variable(name)))?;
    }
    for (name, value) in options.iter().filter(|(name, _)| name != FILE) {
        settings.set(name, value, Origin::Argument(format!("--{name}")))?;
    }
    Ok(Read::Given { settings, arguments: own })
}

fn text(text: OsString) -> Result<String> {
    text.into_string().map_err(|text| {
        Failure::user(format!("`{}` is not UTF-8 text (command line or environment)", text.display()))
    })
}

/// The options with their values.
fn pairs(list: &'static SettingsList, options: &[String]) -> Result<Vec<(String, String)>> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        let Some(option) = option.strip_prefix("--") else {
            return Err(Failure::user(format!("`{option}` is no setting (command line)"))
                .advice("settings are given as --NAME VALUE; the program's own arguments come behind `--`")
                .advice("all settings: --help"));
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let examples = match name {
            FILE => vec!["job.toml".to_owned()],
            // An unknown name is said before its value is asked for.
            _ => list.find(name, &Origin::Argument(format!("--{name}")))?.examples(),
        };
        let value = value.or_else(|| rest.as_slice().first().filter(|next| !next.starts_with("--")).cloned());
        let Some(value) = value else {
            return Err(Failure::user(format!("setting `{name}` has no value (command line, --{name})"))
                .advice(format!("give one behind it, such as --{name} {}", examples.join(" or "))));
        };
        if !option.contains('=') {
            rest.next();
        }
        if pairs.iter().any(|(known, _)| known == name) {
            return Err(Failure::user(format!("setting `{name}` is given twice (command line, --{name})"))
                .advice("give it once"));
        }
        pairs.push((name.to_owned(), value));
    }
    Ok(pairs)
}

/// The settings in the environment, by their own names.
fn variables(environment: Vec<(OsString, OsString)>) -> Result<Vec<(String, String)>> {
    let mut variables = Vec::new();
    for (variable, value) in environment {
        let Some(name) = variable.to_str().and_then(setting_of) else { continue };
        variables.push((name, text(value)?));
    }
    variables.sort();
    Ok(variables)
}

fn help(list: &SettingsList) -> String {
    format!(
        "Usage: [--NAME VALUE]... [-- ARGUMENTS OF THE PROGRAM]...\n\n\
         A setting on the command line holds against one in the environment (MILLSTREAM_CHECKPOINT_INTERVAL=1s), that\n\
         against one in the file (checkpoint-interval = \"1 s\"), and that against the program's own.\n\n\
         \x20 --{FILE} FILE\n      A file of settings, in TOML: name = value.\n{}",
        list.help()
    )
}
