use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::key::hash::hash_of;

/// Text around the border between inline and long, with zero bytes, white space and wide characters.
fn any_text() -> impl Strategy<Value = String> {
    text_of(40)
}

fn text_of(characters: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        6 => prop::char::range('a', 'c'),
        2 => prop::sample::select(vec![' ', '\n', '\r', '\t', ',', '\0', '\u{b}']),
        2 => prop::sample::select(vec!['é', 'ß', '語', '🦀', '\u{85}', '\u{a0}', '\u{2003}', '\u{3000}', '\u{2028}', '\u{e9}', '\u{300a}', '\u{ff}']),
        1 => any::<char>(),
    ];
    vec(character, 0..characters).prop_map(|characters| characters.into_iter().collect())
}

/// The same text in several places: its own buffer, and the middle of a larger one.
fn shapes(text: &str) -> [Text; 3] {
    let padded = Text::from(format!("{text}é{text}語 and more than twelve bytes"));
    let middle = text.len() + 'é'.len_utf8();
    [Text::from(text), padded.slice(..text.len()), padded.slice(middle..middle + text.len())]
}

fn std_hash(text: &Text) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn a_text_is_two_words_and_may_cross_threads() {
    fn crosses_threads<T: Send + Sync + 'static>() {}
    crosses_threads::<Text>();
    assert_eq!((size_of::<Text>(), align_of::<Text>()), (16, 8));
}

#[test]
fn twelve_bytes_are_inline_and_thirteen_are_not() {
    for len in 0..40 {
        let text = Text::from("x".repeat(len));
        assert_eq!(text.is_inline(), len <= 12);
        assert_eq!(text, "x".repeat(len));
        assert_eq!(text.pinned_bytes() > 0, len > 12);
    }
}

#[test]
fn a_long_text_is_counted_and_freed_with_its_last_view() {
    let whole = Text::from("a line that is long enough to be shared");
    let users = |text: &Text| text.buffer().map(Shared::users);
    assert_eq!(users(&whole), Some(1));
    let view = whole.slice(2..30);
    let copy = view.clone();
    assert_eq!(users(&whole), Some(3));
    let short = whole.slice(2..6);
    let words: Vec<Text> = whole.split(' ').collect();
    assert_eq!(users(&whole), Some(3), "short pieces do not count");
    drop((view, short, words));
    assert_eq!(users(&copy), Some(2));
    drop(whole);
    assert_eq!(users(&copy), Some(1));
    assert_eq!(copy, "line that is long enough to ");
}

#[test]
fn iterators_give_their_count_back() {
    let whole = Text::from("one two\nthree four\nfive");
    let mut words = whole.split_whitespace();
    words.next();
    let (lines, pieces) = (whole.lines(), whole.split('\n'));
    assert_eq!(whole.buffer().map(Shared::users), Some(4));
    drop((words, lines, pieces));
    assert_eq!(whole.buffer().map(Shared::users), Some(1));
}

#[test]
fn a_detached_text_keeps_no_foreign_bytes() {
    let buffer = Text::from("k".repeat(100_000));
    let view = buffer.slice(10..40);
    assert!(view.pinned_bytes() > 100_000);
    let key = view.detach();
    assert_eq!(key, view);
    assert!(key.pinned_bytes() < 100);
    let again = key.detach();
    assert_eq!(key.as_bytes().as_ptr(), again.as_bytes().as_ptr(), "detaching twice copies once");
    assert_eq!(buffer.slice(..5).detach().pinned_bytes(), 0);
}

#[test]
fn threads_share_a_buffer_until_the_last_one_drops_it() {
    let line = Text::from("shared between threads, longer than twelve bytes");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let line = line.clone();
            scope.spawn(move || {
                let mut kept = Vec::new();
                for round in 0..2_000 {
                    let start = (round + thread) % 10;
                    kept.push(line.slice(start..start + 20));
                    if round % 3 == 0 {
                        kept.swap_remove(round % kept.len());
                    }
                }
                kept.iter().for_each(|view| assert!(line.contains(&**view)));
            });
        }
    });
    assert_eq!(line.buffer().map(Shared::users), Some(1));
}

#[test]
fn views_outlive_the_thread_and_the_buffer_they_came_from() {
    let views = std::thread::spawn(|| {
        let run = Text::from("first line of the run\nsecond line of the run\n");
        run.into_lines().collect::<Vec<_>>()
    });
    assert_eq!(views.join().unwrap(), ["first line of the run", "second line of the run"]);
}

#[test]
fn a_part_found_by_a_method_of_str_shares_the_bytes() {
    let line = Text::from("    a value between spaces    ");
    let part = line.slice_ref(line.trim());
    assert_eq!(part.as_bytes().as_ptr(), line.trim().as_ptr());
    assert_eq!(line.slice_ref("a string from elsewhere"), "a string from elsewhere");
    let wide = Text::from("語語語語語");
    let inside_a_character = &wide.as_bytes()[1..1];
    assert_eq!(wide.slice_ref(std::str::from_utf8(inside_a_character).unwrap()), "");
}

#[test]
#[should_panic(expected = "out of bounds")]
fn slicing_beyond_the_end_panics_as_str_does() {
    let _ = Text::from("short").slice(2..9);
}

#[test]
fn get_refuses_what_slice_would_panic_on() {
    let text = Text::from("aé and enough to be long");
    assert_eq!(text.get(2..), None);
    assert_eq!(text.get(5..500), None);
    assert_eq!(text.get(..=usize::MAX), None);
    #[allow(clippy::reversed_empty_ranges)] // it is what is tested
    let reversed = text.get(4..1);
    assert_eq!(reversed, None);
    assert_eq!(text.get(1..=2).as_deref(), Some("é"));
}

#[test]
fn bytes_that_are_not_text_are_refused_with_their_position() {
    let error = Text::from_utf8(b"good until here: \xff").unwrap_err();
    assert_eq!(error, TextError::NotUtf8 { valid_up_to: 17 });
    assert_eq!(error.to_string(), "not UTF-8 text: the first bad byte is number 17 (counted from 0)");
}

#[test]
fn serde_sees_a_string() {
    for text in ["", "short", "a text that does not fit inline"] {
        let json = serde_json::to_string(&Text::from(text)).unwrap();
        assert_eq!(json, serde_json::to_string(text).unwrap());
        assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text);
    }
    assert_eq!(
        serde_json::from_str::<Text>("7").unwrap_err().to_string(),
        "invalid type: integer `7`, expected a string at line 1 column 1"
    );
}

#[test]
fn a_bad_line_stays_in_the_buffer_until_it_is_discarded() {
    let mut buffer = TextBuffer::with_capacity(4);
    let input = b"good\nb\xe4d\nnext\n";
    buffer.spare();
    let mut fed = 0;
    while fed < input.len() {
        let spare = buffer.spare();
        let count = spare.len().min(input.len() - fed);
        spare[..count].copy_from_slice(&input[fed..fed + count]);
        buffer.filled(count);
        fed += count;
    }
    assert_eq!(buffer.take_lines(b'\n'), Err(TextError::NotUtf8 { valid_up_to: 6 }));
    assert_eq!(buffer.pending(), input);
    buffer.discard(9);
    assert_eq!(buffer.take_lines(b'\n').unwrap(), "next\n");
    assert_eq!(buffer.take_rest().unwrap(), "");
}

proptest! {
    #[test]
    fn text_reads_as_the_string_it_was_made_from(string in any_text()) {
        for text in shapes(&string) {
            prop_assert_eq!(text.as_str(), &string);
            prop_assert_eq!(text.is_inline(), string.len() <= 12);
            prop_assert_eq!(text.to_string(), string.clone());
            prop_assert_eq!(format!("{text:?}"), format!("{string:?}"));
            prop_assert_eq!(String::from(text.clone()), string.clone());
            prop_assert_eq!(text.detach(), text.clone());
            prop_assert_eq!(&string.parse::<Text>().unwrap(), &text);
        }
    }

    #[test]
    fn equality_order_and_hash_are_those_of_the_strings(a in any_text(), b in any_text(), shared in 0usize..14) {
        let b = if shared < 10 { a.chars().take(shared).chain(b.chars().take(3)).collect() } else { b };
        for one in shapes(&a) {
            for other in shapes(&b) {
                prop_assert_eq!(one == other, a == b);
                prop_assert_eq!(one.cmp(&other), a.cmp(&b));
            }
            for same in shapes(&a) {
                prop_assert_eq!(one.cmp(&same), Ordering::Equal);
                prop_assert_eq!(hash_of(&one), hash_of(&same));
                prop_assert_eq!(std_hash(&one), std_hash(&same));
            }
        }
    }

    #[test]
    fn a_slice_is_the_slice_of_the_string(string in any_text(), start in 0usize..60, end in 0usize..60, again in 0usize..20) {
        for text in shapes(&string) {
            let part = text.get(start..end);
            prop_assert_eq!(part.as_deref(), string.get(start..end));
            if let Some(part) = part {
                prop_assert_eq!(part.is_inline(), part.len() <= 12);
                let rest = part.get(again..);
                prop_assert_eq!(rest.as_deref(), string[start..end].get(again..));
                prop_assert_eq!(text.slice_ref(&text[start..end]), part);
            }
        }
    }

    #[test]
    fn pieces_are_those_of_the_string(string in prop_oneof![any_text(), text_of(200)]) {
        for text in shapes(&string) {
            prop_assert_eq!(text.split_whitespace().collect::<Vec<_>>(), string.split_whitespace().collect::<Vec<_>>());
            prop_assert_eq!(text.lines().collect::<Vec<_>>(), string.lines().collect::<Vec<_>>());
            for separator in [' ', ',', 'é', '\0', '語'] {
                prop_assert_eq!(text.split(separator).collect::<Vec<_>>(), string.split(separator).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn clones_and_views_in_any_order_keep_the_count(steps in vec((0usize..4, 0usize..8, 0usize..30), 0..60)) {
        let first = Text::from("0123456789 abcdefghijklmnopqrstuvwxyz");
        let mut texts = vec![first.clone()];
        for (step, which, start) in steps {
            let Some(text) = texts.get(which % texts.len().max(1)).cloned() else { continue };
            match step {
                0 => texts.push(text),
                1 => texts.push(text.get(start..).unwrap_or_default()),
                2 => texts.push(text.detach()),
                _ => drop(texts.swap_remove(which % texts.len())),
            }
        }
        let place = first.as_bytes().as_ptr_range();
        let views = texts.iter().filter(|text| !text.is_inline() && place.contains(&text.as_bytes().as_ptr())).count();
        prop_assert_eq!(first.buffer().map(Shared::users), Some(views + 1));
        prop_assert!(texts.iter().all(|text| first.contains(&**text)));
    }

    #[test]
    fn every_byte_read_comes_out_once_as_lines(string in any_text(), reads in vec(1usize..9, 1..40), room in 1usize..20) {
        let (mut buffer, mut rest, mut out) = (TextBuffer::with_capacity(room), string.as_bytes(), String::new());
        for read in reads.into_iter().chain(std::iter::repeat(5)) {
            if rest.is_empty() {
                break;
            }
            let spare = buffer.spare();
            let count = read.min(rest.len()).min(spare.len());
            spare[..count].copy_from_slice(&rest[..count]);
            buffer.filled(count);
            rest = &rest[count..];
            let lines = buffer.take_lines(b'\n').unwrap();
            prop_assert!(lines.is_empty() || lines.ends_with('\n'));
            prop_assert!(!buffer.pending().contains(&b'\n'));
            out.push_str(&lines);
        }
        out.push_str(&buffer.take_rest().unwrap());
        prop_assert_eq!(out, string);
    }

    #[test]
    fn a_set_of_texts_is_a_set_of_strings(strings in vec(any_text(), 0..30)) {
        let strings: HashSet<String> = strings.into_iter().collect();
        let texts: HashSet<Text> = strings.iter().flat_map(|string| shapes(string)).collect();
        prop_assert_eq!(texts.len(), strings.len());
    }
}
