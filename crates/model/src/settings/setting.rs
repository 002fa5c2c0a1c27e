//! One setting: its description, and its type behind it.

use std::cmp::Ordering;
use std::marker::PhantomData;

use super::value::SettingValue;

/// The description of a setting whose values are of type `T`. Made once, as a `static`.
///
/// ```
/// use std::time::Duration;
/// use millstream_model::settings::Setting;
/// static FLUSH: Setting<Duration> =
///     Setting::new("flush-interval", "How long a record may wait for its batch to fill.").default("5 ms");
/// ```
pub struct Setting<T> {
    name: &'static str,
    meaning: &'static str,
    unit: &'static str,
    default: Option<&'static str>,
    least: Option<&'static str>,
    most: Option<&'static str>,
    elsewhere: &'static [&'static str],
    value: PhantomData<fn() -> T>,
}

impl<T> Setting<T> {
    /// A setting without default and bounds. `name` is in lower case, its words joined by `-`, and by `.` where it is
    /// one of a family; `meaning` is a sentence or two.
    pub const fn new(name: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            meaning,
            unit: "",
            default: None,
            least: None,
            most: None,
            elsewhere: &[],
            value: PhantomData,
        }
    }

    /// What it counts: `records`. Durations and sizes carry their unit in the value.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// The value where none is given, as text.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// The least value, as text.
    #[must_use]
    pub const fn at_least(mut self, least: &'static str) -> Self {
        self.least = Some(least);
        self
    }

    /// The greatest value, as text.
    #[must_use]
    pub const fn at_most(mut self, most: &'static str) -> Self {
        self.most = Some(most);
        self
    }

    /// What the like is called in other systems: who writes one of these is told this setting's name.
    #[must_use]
    pub const fn elsewhere(mut self, names: &'static [&'static str]) -> Self {
        self.elsewhere = names;
        self
    }
}

impl<T: SettingValue> Setting<T> {
    /// Reads a value of this setting; `None` if the text is none, or out of bounds.
    pub(super) fn read(&self, text: &str) -> Option<T> {
        let value = T::read(text)?;
        let bound = |text: Option<&str>| text.and_then(T::read);
        // What stands in no order to a bound, as NaN, is out of it.
        let below = bound(self.least).is_some_and(|least| value.order(&least).is_none_or(Ordering::is_lt));
        let above = bound(self.most).is_some_and(|most| value.order(&most).is_none_or(Ordering::is_gt));
        (!below && !above).then_some(value)
    }
}

/// A setting whose type is hidden.
pub trait Described: Sync {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// What it does.
    fn meaning(&self) -> &'static str;
    /// What it counts; empty where the value says so, or there is nothing to count.
    fn unit(&self) -> &'static str;
    /// The value where none is given.
    fn default(&self) -> Option<&'static str>;
    /// What the like is called in other systems.
    fn elsewhere(&self) -> &'static [&'static str];
    /// The type and the bounds of its values, for people: `a whole number from 1 on`.
    fn expected(&self) -> String;
    /// Values that are right.
    fn examples(&self) -> Vec<String>;
    /// Whether a text is a value of this setting.
    fn accepts(&self, text: &str) -> bool;
}

impl<T: SettingValue> Described for Setting<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn meaning(&self) -> &'static str {
        self.meaning
    }

    fn unit(&self) -> &'static str {
        self.unit
    }

    fn default(&self) -> Option<&'static str> {
        self.default
    }

    fn elsewhere(&self) -> &'static [&'static str] {
        self.elsewhere
    }

    fn expected(&self) -> String {
        let expected = T::expected();
        match (self.least, self.most) {
            (None, None) => expected,
            (Some(least), None) => format!("{expected} from {least} on"),
            (None, Some(most)) => format!("{expected} up to {most}"),
            (Some(least), Some(most)) => format!("{expected} from {least} to {most}"),
        }
    }

    fn examples(&self) -> Vec<String> {
        T::examples()
    }

    fn accepts(&self, text: &str) -> bool {
        self.read(text).is_some()
    }
}
