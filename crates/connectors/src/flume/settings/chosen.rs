//! The values that one source or sink was given.

use std::fmt;

use millstream_model::error::{Failure, Result};
use millstream_model::settings::{Origin, Setting, SettingValue, SettingsList, Values};

/// The values of one source or sink. What was given wrongly is told when the job starts.
#[derive(Clone)]
pub(in crate::flume) struct Chosen {
    values: Values,
    refused: Option<String>,
}

impl Chosen {
    pub(in crate::flume) fn new(list: &'static SettingsList) -> Self {
        Self { values: Values::of(list), refused: None }
    }

    pub(in crate::flume) fn set(&mut self, name: &str, text: &str) {
        if let Err(failure) = self.values.set(name, text, Origin::Program) {
            self.refused.get_or_insert(failure.to_string());
        }
    }

    pub(in crate::flume) fn get<T: SettingValue>(&self, setting: &Setting<T>) -> Result<T> {
        use millstream_model::settings::Described;
        self.values
            .get(setting)?
            .ok_or_else(|| Failure::internal(format!("setting `{}` has no default", setting.name())))
    }

    pub(in crate::flume) fn given<T: SettingValue>(&self, setting: &Setting<T>) -> Result<Option<T>> {
        self.values.given(setting)
    }

    /// Refuses what was set wrongly.
    pub(in crate::flume) fn check(&self) -> Result<()> {
        match &self.refused {
            Some(refused) => Err(Failure::user(refused.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chosen").field("refused", &self.refused).finish_non_exhaustive()
    }
}
