//! What is read, what is refused, and in which words.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pace {
    Slow,
    Fast,
}

impl Choices for Pace {
    const ALL: &'static [(&'static str, Self, &'static str)] =
        &[("slow", Pace::Slow, "One by one."), ("fast", Pace::Fast, "All at once.")];
}

static LINES: Setting<u32> =
    Setting::new("lines", "Lines to read.").unit("lines").at_least("1").at_most("50").default("10");
static PATIENCE: Setting<Duration> = Setting::new("max-patience", "How long to wait.")
    .default("5 s")
    .at_least("1 ms")
    .elsewhere(&["wait.time"]);
static ROOM: Setting<ByteSize> = Setting::new("room", "The largest buffer.");
static PACE: Setting<Pace> = Setting::new("pace", "How to read.").default("slow");
static FOLDER: Setting<PathBuf> = Setting::new("folder", "Where to read.");
static STRICT: Setting<bool> = Setting::new("strict", "Whether to be strict.").default("false");
static LIST: SettingsList =
    SettingsList::new("reader options", &[&[&LINES, &PATIENCE, &ROOM], &[&PACE, &FOLDER, &STRICT]]);
static STRANGER: Setting<NonZeroUsize> = Setting::new("stranger", "Not in the list.");

fn file(line: usize) -> Origin {
    Origin::File { path: "job.toml".into(), line }
}

fn refusal(name: &str, text: &str, origin: Origin) -> String {
    Values::of(&LIST).set(name, text, origin).unwrap_err().to_string()
}

#[test]
fn lengths_and_sizes_are_read_with_their_units_only() {
    let read = |text| <Duration as SettingValue>::read(text);
    for (text, millis) in
        [("5 ms", 5), ("1s", 1_000), ("2 min", 120_000), ("0", 0), ("1.5 s", 1_500), (" 1 d ", 86_400_000)]
    {
        assert_eq!(read(text), Some(Duration::from_millis(millis)), "{text}");
    }
    assert_eq!(read("3 µs"), Some(Duration::from_micros(3)));
    for text in ["", "5", "ms", "-1 s", "1 sek", "1 s 5 ms", "1.2.3 s", "99999999999999 d"] {
        assert_eq!(read(text), None, "{text}");
    }
    let read = |text| <ByteSize as SettingValue>::read(text).map(|size| size.0);
    let sizes = [("64 MiB", 64 << 20), ("64mib", 64 << 20), ("2 MB", 2_000_000), ("7B", 7), ("0", 0)];
    for (text, bytes) in sizes {
        assert_eq!(read(text), Some(bytes), "{text}");
    }
    for text in ["64", "1.5 MiB", "MiB", "9999999999 TiB", "1 M"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn what_is_shown_reads_back() {
    for (duration, text) in [
        (Duration::ZERO, "0 s"),
        (Duration::from_nanos(1_001), "1001 ns"),
        (Duration::from_secs(90), "90 s"),
        (Duration::from_secs(7_200), "2 h"),
    ] {
        assert_eq!(shown_duration(duration), text);
        assert_eq!(<Duration as SettingValue>::read(text), Some(duration));
    }
    for (size, text) in [(0, "0 B"), (1_000, "1000 B"), (3 << 30, "3 GiB")] {
        assert_eq!(ByteSize(size).to_string(), text);
        assert_eq!(<ByteSize as SettingValue>::read(text), Some(ByteSize(size)));
    }
}

#[test]
fn a_later_value_holds_against_an_earlier_one_and_both_against_the_default() {
    let mut values = Values::of(&LIST);
    assert_eq!(values.get(&LINES).unwrap(), Some(10));
    assert_eq!((values.given(&LINES).unwrap(), values.get(&ROOM).unwrap()), (None, None));
    values.set("lines", "20", file(1)).unwrap();
    values.set("lines", " 30 ", Origin::Argument("--lines".into())).unwrap();
    values.set("pace", "fast", file(2)).unwrap();
    values.set("strict", "true", file(3)).unwrap();
    assert_eq!(values.get(&LINES).unwrap(), Some(30));
    assert_eq!(values.origin("lines"), Some(&Origin::Argument("--lines".into())));
    assert_eq!(values.get(&PACE).unwrap(), Some(Pace::Fast));
    assert_eq!(values.get(&STRICT).unwrap(), Some(true));
    assert_eq!(values.get(&FOLDER).unwrap(), None);
    assert!(
        values
            .get(&STRANGER)
            .unwrap_err()
            .to_string()
            .starts_with("`stranger` is not among the reader options")
    );
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_and_the_list() {
    let all = "  the reader options are: lines, max-patience, room, pace, folder, strict";
    assert_eq!(
        refusal("line", "1", Origin::Argument("--line".into())),
        format!("there is no setting `line` (command line, --line); did you mean `lines`?\n{all}")
    );
    assert_eq!(
        refusal("max_patiense", "1", Origin::Environment("MAX_PATIENSE".into())),
        format!(
            "there is no setting `max_patiense` (environment variable MAX_PATIENSE); did you mean `max-patience`?\n{all}"
        )
    );
    assert_eq!(
        refusal("wait.time", "1", file(4)),
        format!("there is no setting `wait.time` (job.toml, line 4); did you mean `max-patience`?\n{all}")
    );
    assert_eq!(
        refusal("colour", "1", Origin::Program),
        format!("there is no setting `colour` (in the program)\n{all}")
    );
}

#[test]
fn a_malformed_value_says_setting_value_place_type_and_an_example() {
    assert_eq!(
        refusal("max-patience", "1 sek", file(3)),
        "setting `max-patience` is `1 sek` (job.toml, line 3), but must be a duration (a number and ns, us, ms, s, min, \
         h or d) from 1 ms on\n  such as `500 ms` or `1s`\n  without it: 5 s"
    );
    assert_eq!(
        refusal("pace", "quick", Origin::Environment("MILLSTREAM_PACE".into())),
        "setting `pace` is `quick` (environment variable MILLSTREAM_PACE), but must be one of slow, fast\n  \
         such as `slow` or `fast`\n  without it: slow"
    );
    for text in ["0", "51", "many", "-1", ""] {
        let said = refusal("lines", text, Origin::Argument("--lines".into()));
        assert_eq!(
            said,
            format!(
                "setting `lines` is `{text}` (command line, --lines), but must be a whole number from 1 to 50\n  \
                 such as `4`\n  without it: 10"
            )
        );
    }
    assert!(refusal("room", "64", file(1)).contains("but must be a size (a whole number and B, KiB"));
    assert!(refusal("strict", "yes", file(1)).contains("but must be true or false\n"));
    assert!(refusal("folder", " ", file(1)).contains("but must be a path\n"));
}

#[test]
fn each_setting_is_shown_with_its_type_default_unit_and_meaning() {
    let help = LIST.help();
    assert!(
        help.starts_with(
            "  --lines VALUE\n      Lines to read. Expects a whole number from 1 to 50; in lines; default 10.\n"
        ),
        "{help}"
    );
    assert!(help.lines().all(|line| line.len() <= 100), "{help}");
    let page = LIST.markdown();
    assert!(
        page.contains("| `lines` | a whole number from 1 to 50 (lines) | `10` | Lines to read. |\n"),
        "{page}"
    );
    assert!(page.contains("| `room` | ") && page.contains("| - | The largest buffer. |\n"), "{page}");
    assert!(page.contains("How long to wait. Elsewhere: `wait.time`. |\n"), "{page}");
}
