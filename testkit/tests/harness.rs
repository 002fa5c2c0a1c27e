//! The harness finds what an operator loses when it is restored.

use millstream_dataflow::batch::Batch;
use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{Barrier, Operator, OperatorContext, Output, OutputTag};
use millstream_dataflow::state::OperatorSnapshot;
use millstream_dataflow::state::restore::Redistribution;
use millstream_dataflow::state::snapshot::OperatorPart;
use millstream_model::error::Result;
use millstream_model::time::Timestamp;
use millstream_testkit::harness::{Harness, Step, TestClock};

/// What [`Holding`] holds back until the next control element comes.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    Record,
    Side,
    Watermark,
}

/// Holds something back by one step; forgets it in a restore if `forgets`.
struct Holding {
    held: Held,
    forgets: bool,
    records: Vec<i64>,
    watermark: Option<Timestamp>,
    sides: SharedSides,
}

fn late() -> OutputTag<i64> {
    OutputTag::new("late")
}

impl Operator<i64, i64> for Holding {
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        let records = context.restore.claim_operator("records", 1, Redistribution::Union)?;
        let watermark: Vec<Timestamp> =
            context.restore.claim_operator("watermark", 1, Redistribution::Union)?;
        if !self.forgets {
            self.records = records;
            self.watermark = watermark.first().copied();
        }
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<i64>, output: &mut Output<i64>) -> Result<()> {
        if self.held == Held::Watermark {
            output.forward(batch);
        } else {
            self.records.extend(batch.drain());
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark: Timestamp, output: &mut Output<i64>) -> Result<Option<Timestamp>> {
        for record in self.records.drain(..) {
            match self.held {
                Held::Side => self.sides.borrow_mut().emit(&late(), record, None)?,
                Held::Record | Held::Watermark => output.emit(record),
            }
        }
        Ok(match self.held {
            Held::Watermark => self.watermark.replace(watermark),
            Held::Record | Held::Side => Some(watermark),
        })
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, _: Barrier) -> Result<()> {
        snapshot.operator.push(OperatorPart::new("records", 1, &self.records)?);
        snapshot.operator.push(OperatorPart::new("watermark", 1, self.watermark.as_slice())?);
        Ok(())
    }
}

fn holding(held: Held, forgets: bool) -> Harness<i64, i64> {
    let make = move |_: &TestClock, sides: &SharedSides| {
        let (records, watermark, sides) = (Vec::new(), None, sides.clone());
        Box::new(Holding { held, forgets, records, watermark, sides }) as Box<dyn Operator<i64, i64>>
    };
    Harness::with_sides(make).side(&late())
}

fn script() -> Vec<Step<i64>> {
    vec![Step::Record(1), Step::Watermark(10), Step::Record(2), Step::Watermark(20), Step::End]
}

#[test]
fn everything_that_comes_out_is_told_in_order() {
    let outputs = holding(Held::Side, false).observe(&script());
    assert_eq!(outputs.main, ["watermark 10", "watermark 20", "last watermark", "end"]);
    assert_eq!(outputs.sides["late"], ["1", "watermark 10", "2", "watermark 20", "last watermark", "end"]);
    let outputs = holding(Held::Watermark, false).observe(&script());
    assert_eq!(outputs.main, ["1", "2", "watermark 10", "watermark 20", "end"]);
}

#[test]
#[should_panic(expected = "snapshots: Restore")]
fn a_record_that_is_lost_in_a_restore_is_found() {
    holding(Held::Record, true).run(&script());
}

#[test]
#[should_panic(expected = "snapshots: Restore")]
fn a_side_output_record_that_is_lost_in_a_restore_is_found() {
    holding(Held::Side, true).run(&script());
}

#[test]
#[should_panic(expected = "snapshots: Restore")]
fn a_watermark_that_is_lost_in_a_restore_is_found() {
    holding(Held::Watermark, true).run(&script());
}

#[test]
#[should_panic(expected = "snapshots: Restore")]
fn a_watermark_that_is_lost_is_found_among_operators_that_make_watermarks_too() {
    holding(Held::Watermark, true).makes_watermarks().run(&script());
}

/// Says that it is idle behind its first record; whether it said so is not kept.
struct IdleOnce(bool);

impl Operator<i64, i64> for IdleOnce {
    fn on_batch(&mut self, batch: &mut Batch<i64>, output: &mut Output<i64>) -> Result<()> {
        output.forward(batch);
        if !std::mem::replace(&mut self.0, true) {
            output.emit_idle();
        }
        Ok(())
    }
}

#[test]
#[should_panic(expected = "snapshots: Restore")]
fn idleness_that_is_told_again_after_a_restore_is_found() {
    Harness::new(|_| Box::new(IdleOnce(false))).run(&script());
}

/// Gives the records of a step in the reverse order of their coming.
struct Reversed(Vec<i64>);

impl Operator<i64, i64> for Reversed {
    fn on_batch(&mut self, batch: &mut Batch<i64>, output: &mut Output<i64>) -> Result<()> {
        self.0.extend(batch.drain());
        while let Some(last) = self.0.pop() {
            output.emit(last);
        }
        Ok(())
    }
}

#[test]
#[should_panic(expected = "records together: true")]
fn records_in_another_order_are_found() {
    let script = [Step::Record(1), Step::Record(2), Step::End];
    Harness::new(|_| Box::new(Reversed(Vec::new()))).run(&script);
}

#[test]
fn records_in_any_order_are_let_be_only_between_two_control_elements() {
    let script = [Step::Record(1), Step::Record(2), Step::Watermark(5), Step::Record(0), Step::End];
    let outputs = Harness::new(|_| Box::new(Reversed(Vec::new()))).in_any_order().observe(&script);
    assert_eq!(outputs.main, ["1", "2", "watermark 5", "0", "last watermark", "end"]);
}
