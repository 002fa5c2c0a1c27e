//! What came out of one output of an operator, as text, in order.
//!
//! Answers for writing it down and for the forms in which two runs are compared. Not for which runs there are.
//! Holds: nothing that the script's own end repeats after a restore is written down, save for records.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use millstream_model::time::Timestamp;

/// A tape that several collectors write on, one after the other.
pub(super) type SharedTape = Rc<RefCell<Tape>>;

/// One thing that came out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    /// A step of the script that is no record lies between what stands before and behind.
    Step,
    Record(String),
    Watermark(Timestamp),
    Idle,
    End,
}

/// What came out of one output.
#[derive(Clone, Debug, Default)]
pub(super) struct Tape {
    entries: Vec<Entry>,
    is_closed: bool,
}

/// How the entries of two runs are brought to one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As they came.
    Exact,
    /// Records that came one right behind the other in any order.
    RecordsInAnyOrder,
    /// For operators that make watermarks out of batches: per step the records, and how far event time had come by
    /// its end. Idleness, which depends on when an operator was opened, is left out.
    Progress,
}

impl Tape {
    pub(super) fn record<T: Debug>(&mut self, record: &T, time: Option<Timestamp>) {
        self.entries.push(Entry::Record(match time {
            Some(time) => format!("{record:?} at {}", time.millis()),
            None => format!("{record:?}"),
        }));
    }

    pub(super) fn step(&mut self) {
        self.entries.push(Entry::Step);
    }

    pub(super) fn watermark(&mut self, time: Timestamp) {
        self.control(Entry::Watermark(time));
    }

    pub(super) fn idle(&mut self) {
        self.control(Entry::Idle);
    }

    pub(super) fn end(&mut self) {
        self.control(Entry::End);
    }

    fn control(&mut self, entry: Entry) {
        if !self.is_closed {
            self.entries.push(entry);
        }
    }

    /// Control elements that come from here on are the script's last ones again.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    /// The entries as lines: `3 at 10`, `watermark 15`, `last watermark`, `idle`, `end`; steps left out.
    pub(super) fn lines(&self, form: Form) -> Vec<String> {
        self.in_form(form).into_iter().filter(|entry| *entry != Entry::Step).map(Entry::line).collect()
    }

    /// The same with the steps, for the comparison of two runs.
    pub(super) fn lines_with_steps(&self, form: Form) -> Vec<String> {
        self.in_form(form).into_iter().map(Entry::line).collect()
    }

    fn in_form(&self, form: Form) -> Vec<Entry> {
        let mut entries = self.entries.clone();
        match form {
            Form::Exact => {}
            Form::RecordsInAnyOrder => {
                let is_record = |entry: &Entry| matches!(entry, Entry::Record(_));
                for run in entries.chunk_by_mut(|a, b| is_record(a) && is_record(b)) {
                    run.sort();
                }
            }
            Form::Progress => entries = progress(entries),
        }
        entries
    }
}

/// Watermarks to the end of their step, the greatest of each and only where it is news; idleness left out.
fn progress(entries: Vec<Entry>) -> Vec<Entry> {
    let (mut reached, mut told, mut kept) = (Timestamp::MIN, Timestamp::MIN, Vec::new());
    for entry in entries {
        match entry {
            Entry::Watermark(time) => reached = reached.max(time),
            Entry::Idle => {}
            Entry::Record(_) => kept.push(entry),
            Entry::Step | Entry::End => {
                if reached > told {
                    kept.push(Entry::Watermark(reached));
                    told = reached;
                }
                kept.push(entry);
            }
        }
    }
    if reached > told {
        kept.push(Entry::Watermark(reached));
    }
    kept
}

impl Entry {
    fn line(self) -> String {
        match self {
            Self::Step => "-- step --".into(),
            Self::Record(record) => record,
            Self::Watermark(Timestamp::MAX) => "last watermark".into(),
            Self::Watermark(time) => format!("watermark {}", time.millis()),
            Self::Idle => "idle".into(),
            Self::End => "end".into(),
        }
    }
}
