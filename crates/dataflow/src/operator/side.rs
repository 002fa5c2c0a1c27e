//! Outputs besides the main one.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

use super::{ChainContext, Control, Downstream, Output};

/// Names a side output and the type of its records; two tags of one name are the same side output.
///
/// ```
/// use millstream_dataflow::operator::OutputTag;
///
/// let late: OutputTag<String> = OutputTag::new("late");
/// assert_eq!(late.name(), "late");
/// ```
pub struct OutputTag<T> {
    name: Arc<str>,
    records: PhantomData<fn() -> T>,
}

impl<T> OutputTag<T> {
    /// A tag of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), records: PhantomData }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<T> Clone for OutputTag<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), records: PhantomData }
    }
}

impl<T> fmt::Debug for OutputTag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OutputTag").field(&self.name).finish()
    }
}

/// A side output of a record type that is not named.
trait AnySide {
    fn as_any(&mut self) -> &mut dyn Any;
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()>;
    fn control(&mut self, control: &mut Control<'_>) -> Result<()>;
    fn finish_batch(&mut self) -> Result<()>;
}

impl<T: 'static> AnySide for Output<T> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()> {
        self.downstream().open(context)
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        Output::control(self, control);
        self.check()
    }

    fn finish_batch(&mut self) -> Result<()> {
        self.flush();
        self.check()
    }
}

/// The side outputs of one operator that somebody reads. Records for others are dropped.
#[derive(Default)]
pub struct SideOutputs {
    sides: Vec<(Arc<str>, Box<dyn AnySide>)>,
    /// The side output and the type that do not fit, once something was emitted that its reader does not take.
    misfit: Option<(Arc<str>, &'static str)>,
}

impl SideOutputs {
    /// Adds the reader of a side output.
    pub fn add<T: 'static>(&mut self, tag: &OutputTag<T>, downstream: Box<dyn Downstream<T>>) {
        self.sides.push((tag.name.clone(), Box::new(Output::new(downstream))));
    }

    /// Whether nobody reads any side output.
    pub fn is_unread(&self) -> bool {
        self.sides.is_empty()
    }

    /// Whether anybody reads this side output.
    pub fn is_read<T>(&self, tag: &OutputTag<T>) -> bool {
        self.sides.iter().any(|(name, _)| *name == tag.name)
    }

    /// Emits a record to a side output, with its event time if it has one.
    ///
    /// # Errors
    /// If the reader of the side output expects another type of records. The job then fails even where the error is
    /// let go: no record of that type can be emitted.
    pub fn emit<T: 'static>(&mut self, tag: &OutputTag<T>, record: T, time: Option<Timestamp>) -> Result<()> {
        for (name, side) in &mut self.sides {
            if *name == tag.name {
                let Some(output) = side.as_any().downcast_mut::<Output<T>>() else {
                    self.misfit = Some((name.clone(), std::any::type_name::<T>()));
                    return self.check();
                };
                match time {
                    Some(time) => output.emit_at(record, time),
                    None => output.emit(record),
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Emits a watermark behind the records emitted to one side output before. For operators that say so in
    /// [`super::Operator::tells_sides`]; the side outputs of others have the watermarks that the operator is given.
    ///
    /// # Errors
    /// The failure of whoever reads the side output.
    pub fn emit_watermark<T>(&mut self, tag: &OutputTag<T>, watermark: Timestamp) -> Result<()> {
        self.control_of(tag, &mut Control::Watermark(watermark))
    }

    /// Says of one side output that no record is expected there for now.
    ///
    /// # Errors
    /// As [`SideOutputs::emit_watermark`].
    pub fn emit_idle<T>(&mut self, tag: &OutputTag<T>) -> Result<()> {
        self.control_of(tag, &mut Control::Idle)
    }

    /// Hands on what was emitted to one side output, without waiting for the end of the batch. For an operator that makes
    /// much out of one record.
    ///
    /// # Errors
    /// As [`SideOutputs::emit_watermark`].
    pub fn flush<T>(&mut self, tag: &OutputTag<T>) -> Result<()> {
        let found = self.sides.iter_mut().find(|(name, _)| *name == tag.name);
        found.map_or(Ok(()), |(_, side)| side.finish_batch())
    }

    fn control_of<T>(&mut self, tag: &OutputTag<T>, control: &mut Control<'_>) -> Result<()> {
        let found = self.sides.iter_mut().find(|(name, _)| *name == tag.name);
        found.map_or(Ok(()), |(_, side)| side.control(control))
    }

    pub(super) fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()> {
        self.sides.iter_mut().try_for_each(|(_, side)| side.open(context))
    }

    fn check(&self) -> Result<()> {
        self.misfit.as_ref().map_or(Ok(()), |(name, emitted)| {
            Err(Failure::user(format!(
                "side output `{name}` is read with another type than `{emitted}`, which was emitted to it"
            ))
            .advice("use one OutputTag, or tags of one type, for emitting and for side_output(&tag)"))
        })
    }

    pub(super) fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.check()?;
        self.sides.iter_mut().try_for_each(|(_, side)| side.control(control))
    }

    pub(super) fn finish_batch(&mut self) -> Result<()> {
        self.check()?;
        self.sides.iter_mut().try_for_each(|(_, side)| side.finish_batch())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::batch::Batch;

    #[derive(Clone, Default)]
    struct Heard(Rc<RefCell<Vec<String>>>);

    impl Downstream<u32> for Heard {
        fn open(&mut self, _: &mut ChainContext<'_>) -> Result<()> {
            Ok(())
        }

        fn batch(&mut self, batch: &mut Batch<u32>) -> Result<()> {
            self.0.borrow_mut().push(format!("{:?}", batch.take_records()));
            Ok(())
        }

        fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
            self.0.borrow_mut().push(match control {
                Control::Watermark(time) => format!("watermark {}", time.millis()),
                Control::Idle => "idle".into(),
                other => format!("{other:?}"),
            });
            Ok(())
        }
    }

    #[test]
    fn a_side_output_has_watermarks_of_its_own_behind_its_records() {
        let (one, other) = (OutputTag::new("one"), OutputTag::new("other"));
        let (heard, elsewhere) = (Heard::default(), Heard::default());
        let mut sides = SideOutputs::default();
        sides.add(&one, Box::new(heard.clone()));
        sides.add(&other, Box::new(elsewhere.clone()));
        sides.emit(&one, 7, None).unwrap();
        sides.emit_watermark(&one, Timestamp::from_millis(5)).unwrap();
        sides.emit(&one, 8, None).unwrap();
        sides.flush(&one).unwrap();
        sides.emit_idle(&one).unwrap();
        sides.emit_watermark(&OutputTag::<u32>::new("unread"), Timestamp::from_millis(6)).unwrap();
        assert_eq!(*heard.0.borrow(), ["[7]", "watermark 5", "[8]", "idle"]);
        assert!(elsewhere.0.borrow().is_empty());
    }
}
