//! Process functions in each of the harness's twelve runs.

use std::sync::Arc;

use millstream_dataflow::state::keyed::{KeyedStore, TimeDomain, ValueState, ValueStateDescriptor};
use millstream_model::error::BoxError;
use millstream_model::time::{Timestamp, millis};
use millstream_operators::clock::Clock;
use millstream_operators::keyed::{
    KeyedContext, KeyedProcess, KeyedProcessFunction, OnTimerContext, Process, ProcessContext,
    ProcessFunction,
};
use millstream_testkit::harness::{Emitted, Harness, Step};

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
