//! What is cut, whatever the sizes of the reads.

use super::*;
use millstream_model::error::Result;

type Placed = Vec<(u64, String)>;

fn cut(input: &[u8], settings: &LineSettings) -> Result<Placed> {
    let (mut lines, mut rest) = (Vec::new(), input);
    let mut cutter = LineCutter::new("in.txt".into(), settings.clone(), 0, 0);
    loop {
        let end = cutter.read(&mut rest).unwrap() == 0;
        cutter.cut(if end { Until::Rest } else { Until::Complete }, &mut |batch| {
            for (index, line) in batch.records().iter().enumerate() {
                lines.push((batch.position(index).unwrap().first, line.to_string()));
            }
            Ok(())
        })?;
        if end {
            assert_eq!(cutter.byte(), input.len() as u64);
            return Ok(lines);
        }
    }
}

fn small(read_bytes: usize, on_bad_text: OnBadText) -> LineSettings {
    LineSettings { read_bytes, on_bad_text, ..LineSettings::default() }
}

#[test]
fn lines_are_those_of_str_for_every_size_of_read() {
    for input in
        ["", "\n", "a", "a\n", "a\n\nb", "one\r\ntwo\r\n", "\n\n", "a long line of many words\nünd ändere"]
    {
        let expected: Vec<_> = input.lines().map(str::to_owned).collect();
        for size in 1..40 {
            let got: Vec<_> = cut(input.as_bytes(), &small(size, OnBadText::Fail))
                .unwrap()
                .into_iter()
                .map(|l| l.1)
                .collect();
            assert_eq!(got, expected, "{input:?} in reads of {size}");
        }
    }
}

#[test]
fn another_delimiter_leaves_line_feeds_in_the_line() {
    let settings = LineSettings { delimiter: b';'.into(), ..small(3, OnBadText::Fail) };
    assert_eq!(cut(b"a\r;b\nc;", &settings).unwrap(), [(1, "a\r".to_owned()), (2, "b\nc".to_owned())]);
}

#[test]
fn a_line_that_is_not_utf8_fails_with_its_line_and_byte() {
    for size in [2, 64] {
        let error = cut(b"one\ntwo\ncaf\xe9\nfour", &small(size, OnBadText::Fail)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a line is not UTF-8 text: byte 4 of the line is bad (byte 11 of the input, counted from 0)\n  \
             at in.txt, line 3\n  to go on with such lines: OnBadText::Replace puts U+FFFD for bad bytes, \
             OnBadText::Skip leaves the lines out and counts them"
        );
    }
}

#[test]
fn a_bad_line_is_skipped_and_counted_and_keeps_its_number() {
    for size in [2, 64] {
        let settings = small(size, OnBadText::Skip);
        let lines = cut(b"one\ncaf\xe9\nthree\r\n", &settings).unwrap();
        assert_eq!(lines, [(1, "one".to_owned()), (3, "three".to_owned())]);
        assert_eq!(settings.skipped.count(), 1);
    }
}

#[test]
fn bad_bytes_are_replaced() {
    let lines = cut(b"caf\xe9\r\nx", &small(64, OnBadText::Replace)).unwrap();
    assert_eq!(lines, [(1, "caf\u{fffd}".to_owned()), (2, "x".to_owned())]);
}

#[test]
fn a_line_without_end_is_an_error_before_it_fills_the_memory() {
    let settings = LineSettings { longest: 100, ..small(16, OnBadText::Fail) };
    let error = cut(&[b'x'; 1000], &settings).unwrap_err().to_string();
    assert!(error.starts_with("a line is longer than 100 bytes: "), "{error}");
    assert!(error.contains("at in.txt, line 1\n  is \"\\n\" what ends the lines?"), "{error}");
}

#[test]
fn a_delimiter_outside_ascii_is_refused() {
    let refusal = |delimiter: Delimiter| {
        let settings = LineSettings { delimiter, ..LineSettings::default() };
        settings.check().unwrap_err().to_string()
    };
    let advice = "\n  give an ASCII byte, such as b'\\n', b';' or 0, or a text, such as \"\\r\\n\"";
    assert_eq!(
        refusal(0xff.into()),
        format!("the delimiter of lines is byte 0xff, which is not ASCII{advice}")
    );
    assert_eq!(refusal("".into()), format!("the delimiter of lines is empty{advice}"));
}

#[test]
fn a_delimiter_may_be_a_text_for_every_size_of_read() {
    for (delimiter, input) in [
        ("\r\n", "one\r\ntwo\nthree\r\n\r\nfour"),
        ("||", "a|b||||c|"),
        ("aa", "baaaacaaa"),
        ("→", "one→zwei\n→"),
        ("abc", ""),
        ("abc", "abc"),
    ] {
        let mut expected: Vec<_> = input.split(delimiter).map(str::to_owned).collect();
        if expected.last().is_some_and(String::is_empty) {
            expected.pop();
        }
        for size in 1..20 {
            let settings = LineSettings { delimiter: delimiter.into(), ..small(size, OnBadText::Fail) };
            let got: Vec<_> = cut(input.as_bytes(), &settings).unwrap().into_iter().map(|l| l.1).collect();
            assert_eq!(got, expected, "{input:?} at {delimiter:?} in reads of {size}");
        }
    }
    let settings = LineSettings { delimiter: "||".into(), ..small(64, OnBadText::Skip) };
    let lines = cut(b"one||caf\xe9||three", &settings).unwrap();
    assert_eq!(lines, [(1, "one".to_owned()), (3, "three".to_owned())]);
}
