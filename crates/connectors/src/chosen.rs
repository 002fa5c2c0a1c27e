//! The values that one source or sink was given.
//!
//! Answers for keeping what was set wrongly until the job starts, when it is told. Not for any setting in particular.
//! Holds: no value is shown by `Debug`: it may be a secret.

use std::fmt;

use millstream_model::error::{Failure, Result};
use millstream_model::settings::{Described, Origin, Setting, SettingValue, SettingsList, Values};

/// The values of one source or sink.
#[derive(Clone)]
pub(crate) struct Chosen {
    values: Values,
    refused: Option<String>,
}

impl Chosen {
    pub(crate) fn new(list: &'static SettingsList) -> Self {
        Self { values: Values::of(list), refused: None }
    }

    /// Gives a value; the first that is wrong is told by [`check`](Self::check).
    pub(crate) fn set(&mut self, name: &str, text: &str) {
        if let Err(failure) = self.values.set(name, text, Origin::Program) {
            self.refused.get_or_insert(failure.to_string());
        }
    }

    /// The value of a setting that has a default.
    pub(crate) fn get<T: SettingValue>(&self, setting: &Setting<T>) -> Result<T> {
        self.values
            .get(setting)?
            .ok_or_else(|| Failure::internal(format!("setting `{}` has no default", setting.name())))
    }

    /// The value that was given, if one was.
    pub(crate) fn given<T: SettingValue>(&self, setting: &Setting<T>) -> Result<Option<T>> {
        self.values.given(setting)
    }

    /// Whether the program gave the setting of this name a value.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.values.origin(name).is_some()
    }

    /// Refuses what was set wrongly.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.refused {
            Some(refused) => Err(Failure::user(refused.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chosen").field("of", &self.values.list().title()).finish_non_exhaustive()
    }
}
