//! The types that a setting can have, and how each is read from text.

use std::cmp::Ordering;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::length::{self, ByteSize};
use crate::key::MaxParallelism;

/// A type that a setting can have.
pub trait SettingValue: Sized + 'static {
    /// Reads a value; `None` if the text is none.
    fn read(text: &str) -> Option<Self>;

    /// What is expected, for people: `a duration`.
    fn expected() -> String;

    /// Texts that can be read, as examples.
    fn examples() -> Vec<String>;

    /// How two values stand to each other, where the type has an order that bounds can be set in.
    fn order(&self, _other: &Self) -> Option<Ordering> {
        None
    }
}

/// An enum whose variants are words in a setting.
pub trait Choices: Copy + 'static {
    /// Each variant: its word, itself, its meaning.
    const ALL: &'static [(&'static str, Self, &'static str)];
}

impl<T: Choices> SettingValue for T {
    fn read(text: &str) -> Option<Self> {
        T::ALL.iter().find(|(word, ..)| *word == text).map(|(_, value, _)| *value)
    }

    fn expected() -> String {
        format!("one of {}", Self::examples().join(", "))
    }

    fn examples() -> Vec<String> {
        T::ALL.iter().map(|(word, ..)| (*word).to_owned()).collect()
    }
}

/// What parses by its own `FromStr` and has an order.
macro_rules! ordered {
    ($($of:ty: $expected:literal, $example:literal;)*) => {$(
        impl SettingValue for $of {
            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn expected() -> String {
                $expected.into()
            }

            fn examples() -> Vec<String> {
                vec![$example.into()]
            }

            fn order(&self, other: &Self) -> Option<Ordering> {
                self.partial_cmp(other)
            }
        }
    )*};
}

ordered! {
    u16: "a whole number", "4";
    u32: "a whole number", "4";
    u64: "a whole number", "1000";
    usize: "a whole number", "1000";
    NonZeroUsize: "a whole number from 1 on", "3";
    f64: "a number", "1.5";
    bool: "true or false", "true";
}

impl SettingValue for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn expected() -> String {
        "text".into()
    }

    fn examples() -> Vec<String> {
        vec!["any".into()]
    }
}

impl SettingValue for PathBuf {
    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }

    fn expected() -> String {
        "a path".into()
    }

    fn examples() -> Vec<String> {
        vec!["/var/lib/delays".into()]
    }
}

impl SettingValue for MaxParallelism {
    fn read(text: &str) -> Option<Self> {
        Self::new(text.parse().ok()?).ok()
    }

    fn expected() -> String {
        format!("a whole number from 1 to {}", Self::LIMIT)
    }

    fn examples() -> Vec<String> {
        vec!["128".into()]
    }
}

impl SettingValue for Duration {
    fn read(text: &str) -> Option<Self> {
        length::duration(text)
    }

    fn expected() -> String {
        "a duration (a number and ns, us, ms, s, min, h or d)".into()
    }

    fn examples() -> Vec<String> {
        vec!["500 ms".into(), "1s".into()]
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        self.partial_cmp(other)
    }
}

impl SettingValue for ByteSize {
    fn read(text: &str) -> Option<Self> {
        length::size(text)
    }

    fn expected() -> String {
        "a size (a whole number and B, KiB, MiB, GiB, TiB, kB, MB, GB or TB)".into()
    }

    fn examples() -> Vec<String> {
        vec!["64 MiB".into()]
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        self.partial_cmp(other)
    }
}
