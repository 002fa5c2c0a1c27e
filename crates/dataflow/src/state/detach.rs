//! Values as state keeps them: without the read buffers that their texts are views of.
//!
//! Answers for when a copy is worth making. How it is made is `Text`'s.
//! Holds: a value of a type that cannot hold a text is never copied.

use millstream_model::text::Text;

/// Whether values of `T` are to be [detached] before they are kept for long. Asked once, before the records come.
///
/// A type that owns nothing holds no text, and neither does one that is made of the standard library's types only.
pub fn may_hold_text<T>() -> bool {
    std::mem::needs_drop::<T>() && names_another_crate(std::any::type_name::<T>())
}

/// `value` with texts of its own, for values that are kept seldom. Types that cannot hold text pass as they are.
#[inline]
pub fn detached<T: Clone>(value: T) -> T {
    if std::mem::needs_drop::<T>() { copied(value) } else { value }
}

#[cold]
fn copied<T: Clone>(value: T) -> T {
    if may_hold_text::<T>() { Text::detached_clone(&value) } else { value }
}

/// How many records of a type that does not tell are looked at first, and of how many one later.
const LOOK: u32 = 64;

/// Detaches records one after the other, where their type does not tell whether there is a text in them: the first ones,
/// then one of each 64, until one holds a text that is a view; from there on all. So a type of the user's without texts is
/// hardly ever copied for nothing, and of one with texts a bounded number of records keep a buffer alive.
#[derive(Debug)]
pub struct Detacher {
    /// Whether there may be texts at all.
    may: bool,
    /// Whether each record is detached.
    all: bool,
    passed: u32,
}

impl Detacher {
    /// For records of type `T`.
    pub fn of<T>() -> Self {
        let tells = std::any::type_name::<T>().contains(std::any::type_name::<Text>());
        Self { may: may_hold_text::<T>(), all: tells, passed: 0 }
    }

    /// For records that nobody keeps.
    pub fn none() -> Self {
        Self { may: false, all: false, passed: 0 }
    }

    /// The record, by now perhaps with texts of its own.
    #[inline]
    pub fn own<T: Clone>(&mut self, record: T) -> T {
        if self.may { self.looked_at(record) } else { record }
    }

    fn looked_at<T: Clone>(&mut self, record: T) -> T {
        if self.all {
            return Text::detached_clone(&record);
        }
        self.passed = self.passed.wrapping_add(1);
        if self.passed > LOOK && !self.passed.is_multiple_of(LOOK) {
            return record;
        }
        let (own, had_views) = Text::detached_clone_of_views(&record);
        self.all = had_views;
        own
    }
}

/// Whether a path in the name of a type begins with something else than a crate of the standard library.
fn names_another_crate(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let paths = name.split(|c: char| !is_part(c)).filter_map(|path| path.split_once("::"));
    paths.into_iter().any(|(first, _)| !matches!(first, "alloc" | "core" | "std"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Named(#[allow(dead_code, reason = "only its type is looked at")] Text);

    #[test]
    fn only_types_that_own_something_and_are_not_all_of_the_standard_library_may_hold_text() {
        assert!(may_hold_text::<Text>() && may_hold_text::<(u8, Vec<Text>)>() && may_hold_text::<Named>());
        assert!(!may_hold_text::<(u64, char)>());
        assert!(!may_hold_text::<(String, Vec<Option<u64>>, std::collections::HashMap<u8, String>)>());
    }

    #[test]
    fn records_that_may_hold_text_are_copied_seldom_until_one_does() {
        let buffer = Text::from("x".repeat(10_000));
        let (plain, view) = (Named(Text::from("plain")), Named(buffer.slice(..20)));
        let mut detacher = Detacher::of::<Named>();
        let pinned = |detacher: &mut Detacher, named: &Named| detacher.own(named.clone()).0.pinned_bytes();
        for _ in 0..LOOK {
            pinned(&mut detacher, &plain);
        }
        let kept = (0..1000).filter(|_| pinned(&mut detacher, &view) > 1000).count();
        assert_eq!(kept, LOOK as usize - 1, "the next that is looked at shows what there is");

        let mut detacher = Detacher::of::<(u8, Option<Text>)>();
        assert!(detacher.own((1, Some(buffer.slice(..20)))).1.is_some_and(|text| text.pinned_bytes() < 100));
        assert!(Detacher::none().own(buffer.slice(..20)).pinned_bytes() > 1000);
    }

    #[test]
    fn a_pair_lets_go_of_the_buffer_that_its_text_was_read_into() {
        let pair = detached((Text::from("x".repeat(10_000)).slice(..20), 1));
        assert!(pair.0.pinned_bytes() < 100);
    }
}
