//! A list of settings: finding one by its name, or the one that was meant.

use super::setting::Described;
use super::values::Origin;
use crate::error::{Failure, Result};

/// Settings that belong together, in the order in which they are shown.
pub type SettingsGroup = &'static [&'static dyn Described];

/// The settings of one thing: of jobs, of a connector.
pub struct SettingsList {
    title: &'static str,
    groups: &'static [SettingsGroup],
}

impl SettingsList {
    /// A list; the title is in the plural: `job settings`.
    pub const fn new(title: &'static str, groups: &'static [SettingsGroup]) -> Self {
        Self { title, groups }
    }

    /// What the settings are of.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// The settings, in the order in which they are shown.
    pub fn settings(&self) -> impl Iterator<Item = &'static dyn Described> + use<> {
        self.groups.iter().copied().flatten().copied()
    }

    /// The setting of this name.
    ///
    /// # Errors
    /// Where there is none: the message has the nearest name and the list of all.
    pub fn find(&self, name: &str, origin: &Origin) -> Result<&'static dyn Described> {
        self.settings().find(|setting| setting.name() == name).ok_or_else(|| self.unknown(name, origin))
    }

    fn unknown(&self, name: &str, origin: &Origin) -> Failure {
        let failure = Failure::user(match self.nearest(name) {
            Some(nearest) => {
                format!("there is no setting `{name}` ({origin}); did you mean `{nearest}`?")
            }
            None => format!("there is no setting `{name}` ({origin})"),
        });
        let names: Vec<&str> = self.settings().map(|setting| setting.name()).collect();
        failure.advice(format!("the {} are: {}", self.title, names.join(", ")))
    }

    /// The name that was probably meant.
    fn nearest(&self, name: &str) -> Option<&'static str> {
        let by_other_name = self.settings().find(|setting| setting.elsewhere().contains(&name));
        if let Some(setting) = by_other_name {
            return Some(setting.name());
        }
        let word = name.to_lowercase().replace(['_', ' '], "-");
        let likeness = |known: &str| {
            // One that begins so is meant rather than a shorter one with as many differences.
            let begins = if known.starts_with(&word) && !word.is_empty() { 1.0 } else { 0.0 };
            strsim::normalized_damerau_levenshtein(&word, known) + begins
        };
        let ranked = self.settings().map(|setting| (likeness(setting.name()), setting.name()));
        ranked
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(likeness, _)| *likeness > 0.5)
            .map(|(_, name)| name)
    }
}
