//! The values given to the settings of a list, each with where it came from.

use std::collections::BTreeMap;
use std::fmt;

use super::list::SettingsList;
use super::setting::{Described, Setting};
use super::value::SettingValue;
use crate::error::{Failure, Result};

/// Where a value was given, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By the description of the setting.
    Default,
    /// By a call in the program.
    Program,
    /// In a file.
    File {
        /// Its path.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// In the environment variable of this name.
    Environment(String),
    /// By an argument of the command line, as it was written: `--parallelism`.
    Argument(String),
    /// Somewhere else, named as messages should name it.
    Other(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::Program => f.write_str("in the program"),
            Self::File { path, line } => write!(f, "{path}, line {line}"),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::Argument(argument) => write!(f, "command line, {argument}"),
            Self::Other(place) => f.write_str(place),
        }
    }
}

/// The values given to settings of one list. A value set later holds against one set before, so layers are set from the
/// weakest to the strongest.
#[derive(Clone)]
pub struct Values {
    list: &'static SettingsList,
    given: BTreeMap<&'static str, (String, Origin)>,
}

impl Values {
    /// No values, but for the defaults.
    pub fn of(list: &'static SettingsList) -> Self {
        Self { list, given: BTreeMap::new() }
    }

    /// The list that these are values of.
    pub fn list(&self) -> &'static SettingsList {
        self.list
    }

    /// Gives a value.
    ///
    /// # Errors
    /// If there is no such setting, or the text is no value of it: the message says what would be right.
    pub fn set(&mut self, name: &str, text: &str, origin: Origin) -> Result<()> {
        let setting = self.list.find(name, &origin)?;
        let text = text.trim();
        if !setting.accepts(text) {
            return Err(malformed(setting, text, &origin));
        }
        self.given.insert(setting.name(), (text.to_owned(), origin));
        Ok(())
    }

    /// The value of a setting: the one given, or else the default, if it has one.
    ///
    /// # Errors
    /// If the setting is of another list, or its default is no value of it: a defect.
    pub fn get<T: SettingValue>(&self, setting: &Setting<T>) -> Result<Option<T>> {
        match (self.given(setting)?, setting.default()) {
            (Some(value), _) => Ok(Some(value)),
            (None, Some(default)) => match setting.read(default) {
                Some(value) => Ok(Some(value)),
                None => Err(Failure::internal(malformed(setting, default, &Origin::Default).to_string())),
            },
            (None, None) => Ok(None),
        }
    }

    /// The value given to a setting; `None` where there is none, whatever its default.
    ///
    /// # Errors
    /// If the setting is of another list: a defect.
    pub fn given<T: SettingValue>(&self, setting: &Setting<T>) -> Result<Option<T>> {
        if !self.list.settings().any(|known| known.name() == setting.name()) {
            let (name, title) = (setting.name(), self.list.title());
            return Err(Failure::internal(format!("`{name}` is not among the {title}")));
        }
        match self.given.get(setting.name()) {
            None => Ok(None),
            Some((text, origin)) => {
                setting.read(text).map(Some).ok_or_else(|| malformed(setting, text, origin))
            }
        }
    }

    /// Where the value of the setting of this name was given, if it was.
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        self.given.get(name).map(|(_, origin)| origin)
    }
}

fn malformed(setting: &dyn Described, text: &str, origin: &Origin) -> Failure {
    let (name, expected) = (setting.name(), setting.expected());
    let failure = Failure::user(format!("setting `{name}` is `{text}` ({origin}), but must be {expected}"));
    let examples: Vec<String> = setting.examples().iter().map(|example| format!("`{example}`")).collect();
    let failure = failure.advice(format!("such as {}", examples.join(" or ")));
    match setting.default() {
        Some(default) => failure.advice(format!("without it: {default}")),
        None => failure,
    }
}
