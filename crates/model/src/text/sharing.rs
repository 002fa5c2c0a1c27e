//! Texts that are read out of bytes, and show these instead of copies of their own.
//!
//! Answers for one allocation for all long texts of a run of records that came as bytes. Not for reading records.
//! Holds: only on the thread that asked, and only until it has read; a text shows bytes of the buffer that it keeps alive,
//! and only such as were a `str` there.
#![allow(unsafe_code)] // A view into a shared buffer is made of its parts.

use std::cell::RefCell;

use super::Text;
use super::shared::Shared;

struct Source {
    buffer: Shared,
    /// How many bytes of it texts show.
    shown: usize,
}

thread_local! {
    static SOURCE: RefCell<Option<Source>> = const { RefCell::new(None) };
}

/// Puts things back as they were, after a panic too.
struct Until(Option<Source>);

impl Drop for Until {
    fn drop(&mut self) {
        SOURCE.with_borrow_mut(|source| *source = self.0.take());
    }
}

/// The part of the buffer that is being read which `text` is; `None` if it is none, or lies inside of a value.
#[inline]
pub(super) fn view_of(text: &str) -> Option<Text> {
    if text.len() <= Text::INLINE {
        return None;
    }
    SOURCE.with_borrow_mut(|source| {
        let Source { buffer, shown } = source.as_mut()?;
        let bytes = buffer.bytes();
        let offset = (text.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
        if offset.checked_add(text.len())? > bytes.len() {
            return None;
        }
        *shown += text.len();
        // SAFETY: the range is inside the buffer, whose bytes these are: they are a `str`. Its length fits 32 bits.
        Some(unsafe { Text::from_shared(buffer.clone(), offset as u32, text.len() as u32) })
    })
}

impl Text {
    /// Has values read out of a copy of `bytes`: long texts that are deserialized from inside of it are views of this one
    /// copy, which lives as long as any of them. Gives what `read` gives, and how many bytes such texts show.
    ///
    /// It takes a deserializer that lends the strings it finds (`visit_borrowed_str`).
    ///
    /// ```
    /// # use millstream_model::text::Text;
    /// let json = br#"["a text that is too long to lie inline", "and another one of the same kind"]"#;
    /// let (texts, shown) = Text::sharing(json, |json| serde_json::from_slice::<Vec<Text>>(json));
    /// assert_eq!(texts.unwrap()[0].pinned_bytes() / json.len(), 1);
    /// assert_eq!(shown, 37 + 32);
    /// ```
    pub fn sharing<R>(bytes: &[u8], read: impl FnOnce(&[u8]) -> R) -> (R, usize) {
        let Some(buffer) = Shared::copy_of(bytes) else { return (read(bytes), 0) };
        let source = Source { buffer: buffer.clone(), shown: 0 };
        let until = Until(SOURCE.replace(Some(source)));
        let value = read(buffer.bytes());
        let shown = SOURCE.with_borrow(|source| source.as_ref().map_or(0, |source| source.shown));
        drop(until);
        (value, shown)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    const TEXT: &str = "longer than what lies inline";

    fn read(bytes: &[u8]) -> Vec<Text> {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn long_texts_are_views_of_one_copy_and_short_ones_keep_nothing() {
        let bytes = format!(r#"["{TEXT}", "short", "{TEXT}, too"]"#).into_bytes();
        let (texts, shown) = Text::sharing(&bytes, read);
        assert_eq!(texts, [TEXT, "short", &format!("{TEXT}, too")]);
        assert_eq!(shown, 2 * TEXT.len() + 5);
        let users = |text: &Text| text.buffer().map(Shared::users);
        assert_eq!((users(&texts[0]), users(&texts[1])), (Some(2), None));
        let last = texts.into_iter().next_back().unwrap();
        assert_eq!(users(&last), Some(1));
        assert_eq!(last.detach(), format!("{TEXT}, too"));
    }

    #[test]
    fn what_lies_elsewhere_is_copied() {
        let bytes = format!(r#"["{TEXT}"]"#).into_bytes();
        let (texts, shown) = Text::sharing(b"other bytes", |_| read(&bytes));
        assert_eq!((texts, shown), (vec![Text::from(TEXT)], 0));
        // An escape makes a string that the deserializer has put together.
        let (texts, shown) = Text::sharing(br#"["a tab\t and some more letters"]"#, read);
        assert_eq!((texts, shown), (vec![Text::from("a tab\t and some more letters")], 0));
    }

    #[test]
    fn nothing_is_shared_afterwards_even_if_reading_panicked() {
        fn panics(_: &[u8]) {
            panic!("cannot be read")
        }
        let bytes = format!(r#"["{TEXT}"]"#).into_bytes();
        assert!(catch_unwind(AssertUnwindSafe(|| Text::sharing(&bytes, panics))).is_err());
        assert!(SOURCE.with_borrow(Option::is_none));
        let ((), outer) = Text::sharing(&bytes, |outer| {
            let (_, inner) = Text::sharing(&bytes, read);
            assert_eq!((inner, read(outer).len()), (TEXT.len(), 1));
        });
        assert_eq!(outer, TEXT.len(), "the outer one is the source again");
    }
}
