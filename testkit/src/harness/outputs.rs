//! All that one run of a script gave: the main output and the side outputs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::rc::Rc;

use millstream_dataflow::operator::{Downstream, OutputTag, SideOutputs};
use millstream_model::record::Record;

use super::collect::{Collect, Emitted};
use super::tape::{Form, SharedTape, Tape};

/// Everything that came out of an operator, as text: `3 at 10` for a record (its `Debug` form and its event time),
/// `watermark 15`, `last watermark`, `idle`, `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// The main output, in order.
    pub main: Vec<String>,
    /// The side outputs by their names, each in order.
    pub sides: BTreeMap<String, Vec<String>>,
}

/// Adds the reader of a side output whose record type is not named.
pub(super) type AddSide = Box<dyn Fn(&mut SideOutputs, &SharedTape)>;

/// How the side output of this tag is read.
pub(super) fn reader_of<S: Record + Debug>(tag: &OutputTag<S>) -> AddSide {
    let tag = tag.clone();
    Box::new(move |sides, tape| {
        let collect = Collect { records: Rc::default(), tape: tape.clone(), limit: usize::MAX };
        sides.add(&tag, Box::new(collect) as Box<dyn Downstream<S>>);
    })
}

/// What is written down during one run.
pub(super) struct Recording<Out> {
    pub(super) records: Rc<RefCell<Vec<Emitted<Out>>>>,
    pub(super) main: SharedTape,
    pub(super) sides: BTreeMap<String, SharedTape>,
}

impl<Out> Recording<Out> {
    /// Of the main output and side outputs of these names.
    pub(super) fn of<'a>(sides: impl Iterator<Item = &'a String>) -> Self {
        let sides = sides.map(|name| (name.clone(), SharedTape::default())).collect();
        Self { records: Rc::default(), main: SharedTape::default(), sides }
    }

    /// Does something to every tape.
    pub(super) fn all(&self, each: impl Fn(&mut Tape)) {
        std::iter::once(&self.main).chain(self.sides.values()).for_each(|tape| each(&mut tape.borrow_mut()));
    }

    /// The lines in a form, for people.
    pub(super) fn outputs(&self, form: Form) -> Outputs {
        self.lines(|tape| tape.lines(form))
    }

    /// The lines in a form with the steps of the script, to be compared with another run's.
    pub(super) fn comparable(&self, form: Form) -> Outputs {
        self.lines(|tape| tape.lines_with_steps(form))
    }

    fn lines(&self, lines: impl Fn(&Tape) -> Vec<String>) -> Outputs {
        Outputs {
            main: lines(&self.main.borrow()),
            sides: self.sides.iter().map(|(name, tape)| (name.clone(), lines(&tape.borrow()))).collect(),
        }
    }
}
