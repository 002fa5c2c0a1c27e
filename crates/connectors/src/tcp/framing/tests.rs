//! Every framing, however the bytes are cut on their way.

use std::io::Read;

use millstream_formats::lines::OnBadText;
use millstream_model::settings::Choices;
use proptest::prelude::*;

use super::*;
use crate::tcp::settings::{FRAME_MAX, SOURCE_SETTINGS};

fn plan(settings: &[(&str, &str)]) -> Result<Plan> {
    let mut chosen = Chosen::new(&SOURCE_SETTINGS);
    for (name, value) in settings {
        chosen.set(name, value);
    }
    chosen.check()?;
    Plan::of(&chosen, &FRAME_MAX)
}

/// Gives at most so many bytes at once.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(bytes.len());
        self.0.read(&mut bytes[..count])
    }
}

fn cut<T: Clone>(mut cutter: Box<dyn Cut<T>>, bytes: &[u8], at_once: usize) -> (Vec<T>, Result<()>) {
    let (mut records, mut input) = (Vec::new(), Trickle(bytes, at_once));
    loop {
        let count = cutter.read(&mut input).unwrap();
        let result = cutter.cut(count == 0, &mut |batch| {
            assert_eq!(
                batch.position(0).unwrap().first,
                records.len() as u64 + 1,
                "records are counted from 1"
            );
            records.extend(batch.drain());
            Ok(())
        });
        if count == 0 || result.is_err() {
            return (records, result);
        }
    }
}

fn framed(plan: &Plan, records: &[Vec<u8>]) -> Vec<u8> {
    let mut frames = Vec::new();
    for record in records {
        plan.put(&mut frames, |bytes| {
            bytes.extend_from_slice(record);
            Ok(())
        })
        .unwrap();
    }
    frames
}

proptest! {
    #[test]
    fn what_was_framed_is_cut_into_the_same_records(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
        at_once in 1_usize..300,
    ) {
        for (name, framing, _) in Framing::ALL {
            if *framing != Framing::Delimiter {
                let plan = plan(&[("framing", name)]).unwrap();
                let (found, result) =
                    cut(bytes_cutter(&plan, "peer".into(), 0).unwrap(), &framed(&plan, &records), at_once);
                result.unwrap();
                prop_assert_eq!(found, records.clone());
            }
        }
        let bare: Vec<Vec<u8>> =
            records.iter().map(|record| record.iter().map(|byte| byte & 0x7f).collect()).collect();
        let plan = plan(&[("delimiter", "\\xff\\xfe")]).unwrap();
        let cutter = bytes_cutter(&plan, "peer".into(), 0).unwrap();
        let (found, result) = cut(cutter, &framed(&plan, &bare), at_once);
        result.unwrap();
        prop_assert_eq!(found, bare);
    }

    #[test]
    fn bytes_that_nobody_should_send_are_records_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..500), at_once in 1_usize..100,
    ) {
        for (name, ..) in Framing::ALL {
            let plan = plan(&[("framing", name), ("frame-max", "50 B")]).unwrap();
            let (found, _) = cut(bytes_cutter(&plan, "peer".into(), 0).unwrap(), &bytes, at_once);
            prop_assert!(found.iter().all(|record| record.len() <= 50));
        }
    }
}

#[test]
fn lengths_are_where_the_framing_says() {
    for (name, expected) in [
        ("length-u8", b"\x02ab".as_slice()),
        ("length-u16-be", b"\x00\x02ab"),
        ("length-u16-le", b"\x02\x00ab"),
        ("length-u32-be", b"\x00\x00\x00\x02ab"),
        ("length-u32-le", b"\x02\x00\x00\x00ab"),
    ] {
        assert_eq!(framed(&plan(&[("framing", name)]).unwrap(), &[b"ab".to_vec()]), expected, "{name}");
    }
}

#[test]
fn a_delimiter_is_written_with_escapes_and_what_is_none_is_refused() {
    for (text, bytes) in [
        ("\\n", b"\n".as_slice()),
        ("\\r\\n", b"\r\n"),
        ("a\\\\\\x1e\\0\\t", b"a\\\x1e\0\t"),
        ("§", "§".as_bytes()),
    ] {
        assert_eq!(plan(&[("delimiter", text)]).unwrap().delimiter, bytes);
        assert_eq!(unescaped(&escaped(bytes)).unwrap(), bytes);
    }
    assert_eq!(unescaped(&escaped(b" '\"")).unwrap(), b" '\"");
    for (text, said) in [
        ("", "the delimiter is empty\n  such as `\\n`"),
        ("\\q", "the delimiter `\\q` has \\q, which means nothing\n"),
        ("\\x1", "the delimiter `\\x1` has a \\x without two hexadecimal digits\n"),
        ("a\\", "the delimiter `a\\` has \\, which means nothing\n"),
    ] {
        let error = plan(&[("delimiter", text)]).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn a_delimiter_beside_lengths_is_refused() {
    let error = plan(&[("delimiter", ";"), ("framing", "length-u8")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the setting `delimiter` is given, but `framing` says that records have their length in front\n  \
         leave out one of the two"
    );
    let error = plan(&[("framing", "u16")]).unwrap_err().to_string();
    assert!(error.contains("but must be one of delimiter, length-u8, length-u16-be"), "{error}");
}

#[test]
fn a_record_that_is_too_long_says_so_and_what_it_looks_like() {
    let u32s = plan(&[("framing", "length-u32-be"), ("frame-max", "1 MiB")]).unwrap();
    let (_, result) = cut(bytes_cutter(&u32s, "peer".into(), 0).unwrap(), b"GET / HTTP/1.1\r\n", 100);
    assert_eq!(
        result.unwrap_err().to_string(),
        "a record is longer than 1048576 bytes: the length in front of it says 1195725856 bytes\n  at peer, record 1\n  \
         what comes looks like HTTP: see that the port is right"
    );
    let delimited = plan(&[("frame-max", "3 B")]).unwrap();
    let (found, result) = cut(bytes_cutter(&delimited, "peer".into(), 0).unwrap(), b"ok\nlonger\n", 100);
    assert_eq!(found, [b"ok"]);
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains("3 bytes came without its end\n  at peer, record 2\n  is `\\n` what ends"),
        "{error}"
    );
    let small = plan(&[("framing", "length-u8")]).unwrap();
    let error = small.put(&mut Vec::new(), |bytes| {
        bytes.resize(bytes.len() + 256, 0);
        Ok(())
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("a record of 256 bytes cannot be sent: 255 is the limit\n  see the"),
        "{error}"
    );
}

#[test]
fn an_end_within_a_record_is_told() {
    let plan = plan(&[("framing", "length-u16-be")]).unwrap();
    let (found, result) = cut(bytes_cutter(&plan, "peer".into(), 0).unwrap(), b"\x00\x01a\x00\x05bc", 100);
    assert_eq!(found, [b"a"]);
    let error = result.unwrap_err().to_string();
    assert!(
        error.starts_with("the connection ended within a record\n  at peer, record 2\n  caused by: 4 bytes"),
        "{error}"
    );
}

#[test]
fn texts_behind_lengths_are_judged_as_the_setting_says() {
    let bytes = b"\x02ok\x02a\xff\x03end";
    let plan = plan(&[("framing", "length-u8")]).unwrap();
    let texts = |bad: OnBadText| {
        let plan = plan.clone().texts(bad, &SkippedLines::default());
        let (found, result) = cut(text_cutter(&plan, "peer".into(), 0).unwrap(), bytes, 100);
        (found, result, plan.skipped.count())
    };
    let (found, result, _) = texts(OnBadText::Fail);
    assert_eq!(found, ["ok"]);
    let error = result.unwrap_err().to_string();
    assert!(
        error.starts_with("a record is not UTF-8 text\n  at peer, record 2\n")
            && error.contains("`bad-text`"),
        "{error}"
    );
    assert_eq!(texts(OnBadText::Replace).0, ["ok", "a\u{fffd}", "end"]);
}
