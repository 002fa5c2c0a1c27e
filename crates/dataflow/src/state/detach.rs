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
    fn a_pair_lets_go_of_the_buffer_that_its_text_was_read_into() {
        let pair = detached((Text::from("x".repeat(10_000)).slice(..20), 1));
        assert!(pair.0.pinned_bytes() < 100);
    }
}
