//! Process functions in each of the harness's twelve runs.

use std::sync::Arc;

use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{OnError, Operator, OutputTag, Rejected};
use millstream_dataflow::state::keyed::{KeyedStore, TimeDomain, ValueState, ValueStateDescriptor};
use millstream_model::error::BoxError;
use millstream_model::key::hash::hash_of;
use millstream_model::time::{Timestamp, millis};
use millstream_operators::clock::Clock;
use millstream_operators::keyed::{
    KeyedContext, KeyedProcess, KeyedProcessFunction, OnTimerContext, Process, ProcessContext,
    ProcessFunction,
};
use millstream_testkit::harness::{Emitted, Harness, Step, TestClock};

fn at<T>(record: T, time: i64) -> Emitted<T> {
    Emitted { record, time: Some(Timestamp::from_millis(time)) }
}

/// Counts the records of a key; tells of the count when 10 ms have passed after the first, and begins anew.
struct CountAndTell {
    domain: TimeDomain,
    count: Option<ValueState<u64>>,
}

impl KeyedProcessFunction<u32, u32, (u32, u64)> for CountAndTell {
    fn open(&mut self, states: &mut KeyedStore<u32>) -> Result<(), BoxError> {
        self.count = Some(states.value(&ValueStateDescriptor::new("count"))?);
        Ok(())
    }

    fn process(&mut self, _: u32, context: &mut KeyedContext<'_, u32, (u32, u64)>) -> Result<(), BoxError> {
        let count = self.count.as_ref().ok_or("not opened")?;
        if count.get().is_none() {
            match self.domain {
                TimeDomain::EventTime => {
                    let time = context.timestamp().ok_or("no time")?;
                    context.register_event_time_timer(time + millis(10));
                }
                TimeDomain::ProcessingTime => {
                    let time = context.current_processing_time();
                    context.register_processing_time_timer(time + millis(10));
                }
            }
        }
        count.with_mut(|count| *count += 1);
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: Timestamp,
        context: &mut OnTimerContext<'_, u32, (u32, u64)>,
    ) -> Result<(), BoxError> {
        let count = self.count.as_ref().ok_or("not opened")?;
        let told = (*context.key(), count.get().ok_or("a timer without a count")?);
        count.clear();
        context.emit(told);
        Ok(())
    }
}

fn telling(domain: TimeDomain) -> Harness<u32, (u32, u64)> {
    Harness::new(move |clock| {
        let clock = clock.clone();
        let operator = KeyedProcess::new(Arc::new(|n: &u32| *n), || CountAndTell { domain, count: None });
        Box::new(operator.with_clock(Clock::new(move || clock.now())))
    })
    .in_any_order()
}

#[test]
fn event_time_timers_fire_with_the_watermark_and_at_the_end() {
    let script = [
        Step::RecordAt(1, 5),
        Step::RecordAt(2, 7),
        Step::RecordAt(1, 8),
        Step::Watermark(16),
        Step::RecordAt(1, 20),
        Step::End,
    ];
    let expected = [at((1, 1), 30), at((1, 2), 15), at((2, 1), 17)];
    assert_eq!(telling(TimeDomain::EventTime).run(&script), expected);
}

#[test]
fn processing_time_timers_fire_when_the_clock_has_come_to_them() {
    let script = [
        Step::Record(1),
        Step::Record(1),
        Step::Clock(9),
        Step::Record(1),
        Step::Clock(10),
        Step::Record(1),
        Step::Clock(30),
    ];
    let told = |count| Emitted { record: (1, count), time: None };
    assert_eq!(telling(TimeDomain::ProcessingTime).run(&script), [told(1), told(3)]);
}

struct Twice;

impl ProcessFunction<u32, u32> for Twice {
    fn process(&mut self, record: u32, context: &mut ProcessContext<'_, u32>) -> Result<(), BoxError> {
        context.emit(record);
        context.emit(record);
        Ok(())
    }
}

#[test]
fn a_process_emits_as_often_as_it_likes_with_the_records_time() {
    let harness = Harness::new(|_| Box::new(Process::new(|| Twice)));
    let expected = [at(7, 1), at(7, 1), at(8, 2), at(8, 2)];
    assert_eq!(harness.run(&[Step::RecordAt(7, 1), Step::RecordAt(8, 2), Step::End]), expected);
}

/// Emits each record; tells those that are late by the watermark, and the even ones, to side outputs; refuses 13.
struct Sorting {
    sum: Option<ValueState<u32>>,
}

fn late() -> OutputTag<(u32, i64)> {
    OutputTag::new("late")
}

fn even() -> OutputTag<String> {
    OutputTag::new("even")
}

impl KeyedProcessFunction<u32, u32, u32> for Sorting {
    fn open(&mut self, states: &mut KeyedStore<u32>) -> Result<(), BoxError> {
        self.sum = Some(states.value(&ValueStateDescriptor::new("sum"))?);
        Ok(())
    }

    fn process(&mut self, record: u32, context: &mut KeyedContext<'_, u32, u32>) -> Result<(), BoxError> {
        if record == 13 {
            return Err("13 brings bad luck".into());
        }
        let sum = self.sum.as_ref().ok_or("not opened")?;
        sum.update(sum.get().unwrap_or_default() + record);
        if context.timestamp() <= Some(context.current_watermark()) {
            context.side(&late(), (record, context.current_watermark().millis()))?;
        }
        if record.is_multiple_of(2) {
            context.side(&even(), format!("even: {record}"))?;
        }
        context.emit(sum.get().unwrap_or_default());
        Ok(())
    }
}

#[test]
fn a_keyed_process_has_side_outputs_of_several_types_and_judges_lateness_alike_after_a_restore() {
    let rejected = OutputTag::<Rejected<u32>>::new("rejected");
    let make = |_: &TestClock, sides: &SharedSides| {
        let operator = KeyedProcess::new(Arc::new(|n: &u32| n % 2), || Sorting { sum: None });
        Box::new(operator.with_sides(sides.clone())) as Box<dyn Operator<u32, u32>>
    };
    let harness = Harness::with_sides(make).side(&late()).side(&even()).side(&rejected);
    let script = [
        Step::RecordAt(1, 10),
        Step::RecordAt(2, 20),
        Step::Watermark(15),
        Step::RecordAt(13, 30),
        Step::RecordAt(4, 12),
        Step::End,
    ];
    let outputs = harness.on_error(OnError::side_output(&rejected)).observe(&script);
    assert_eq!(outputs.main, ["1 at 10", "2 at 20", "watermark 15", "6 at 12", "last watermark", "end"]);
    assert_eq!(outputs.sides["late"], ["watermark 15", "(4, 15) at 12", "last watermark", "end"]);
    let evens = ["\"even: 2\" at 20", "watermark 15", "\"even: 4\" at 12", "last watermark", "end"];
    assert_eq!(outputs.sides["even"], evens);
    let bad = "Rejected { record: 13, error: \"13 brings bad luck\", position: None } at 30";
    assert_eq!(outputs.sides["rejected"], ["watermark 15", bad, "last watermark", "end"]);
}

/// Sends even records to a side output.
struct Apart;

impl ProcessFunction<u32, u32> for Apart {
    fn process(&mut self, record: u32, context: &mut ProcessContext<'_, u32>) -> Result<(), BoxError> {
        match record % 2 {
            0 => context.side(&even(), format!("even: {record}"))?,
            _ => context.emit(record),
        }
        Ok(())
    }
}

#[test]
fn a_process_sends_records_to_a_side_output_in_order_with_the_watermarks() {
    let make = |_: &TestClock, sides: &SharedSides| {
        Box::new(Process::new(|| Apart).with_sides(sides.clone())) as Box<dyn Operator<u32, u32>>
    };
    let script =
        [Step::RecordAt(1, 1), Step::RecordAt(2, 2), Step::Watermark(2), Step::RecordAt(4, 4), Step::End];
    let outputs = Harness::with_sides(make).side(&even()).observe(&script);
    assert_eq!(outputs.main, ["1 at 1", "watermark 2", "last watermark", "end"]);
    let evens = ["\"even: 2\" at 2", "watermark 2", "\"even: 4\" at 4", "last watermark", "end"];
    assert_eq!(outputs.sides["even"], evens);
}

/// Deletes the timer that it has asked for where the record is 0; asks for one in both domains else.
struct Both;

impl KeyedProcessFunction<u32, u32, String> for Both {
    fn process(&mut self, record: u32, context: &mut KeyedContext<'_, u32, String>) -> Result<(), BoxError> {
        let time = Timestamp::from_millis(50);
        if record == 0 {
            context.delete_event_time_timer(time);
        } else {
            context.register_event_time_timer(time);
            context.register_processing_time_timer(time);
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        time: Timestamp,
        context: &mut OnTimerContext<'_, u32, String>,
    ) -> Result<(), BoxError> {
        let told = format!("{:?} {}", context.time_domain(), time.millis());
        context.emit(told);
        Ok(())
    }
}

#[test]
fn timers_of_both_kinds_fire_for_themselves_and_one_that_was_deleted_does_not() {
    let harness = Harness::new(|clock| {
        let clock = clock.clone();
        let operator = KeyedProcess::new(Arc::new(|_: &u32| 0u32), || Both);
        Box::new(operator.with_clock(Clock::new(move || clock.now()))) as Box<dyn Operator<u32, String>>
    });
    let script = [Step::RecordAt(1, 1), Step::Watermark(49), Step::Clock(60), Step::Watermark(50), Step::End];
    let expected = [
        "watermark 49",
        "\"ProcessingTime 50\"",
        "\"EventTime 50\" at 50",
        "watermark 50",
        "last watermark",
        "end",
    ];
    assert_eq!(harness.observe(&script).main, expected);
    let script = [Step::RecordAt(1, 1), Step::RecordAt(0, 2), Step::Clock(60), Step::End];
    assert_eq!(harness.observe(&script).main, ["\"ProcessingTime 50\"", "last watermark", "end"]);
}

#[test]
fn event_time_that_was_reached_before_a_restore_is_not_taken_back_by_watermarks_that_begin_anew() {
    let harness = telling(TimeDomain::EventTime).hashed(hash_of);
    let before = [Step::Watermark(100)];
    // The timer at 60 is due at once, though the generator in front has only come to 5 again.
    let after = [Step::RecordAt(1, 50), Step::Watermark(5)];
    assert_eq!(harness.rescaled(&before, &after), [at((1, 1), 60)]);
}
