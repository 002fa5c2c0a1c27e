//! What stands at the edges of a link: watermarks, side outputs, and what users are told when something is wrong.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{
    ChainContext, Control, Downstream, Link, LinkIdentity, Mode, OnError, Operator, Output, OutputTag,
    RestoreSource, SideLink, SideOutputs, Wakeup,
};
use millstream_dataflow::state::OperatorRestore;
use millstream_model::error::Result;
use millstream_model::id::{OperatorUid, Subtask};
use millstream_model::key::MaxParallelism;
use millstream_model::time::{Timestamp, millis};
use millstream_operators::clock::Clock;
use millstream_operators::event_time::{AssignTimestamps, WatermarkStrategy};
use millstream_operators::step::try_map;
use millstream_operators::window::{Reducing, TumblingEventTime, WindowAggregate};

type Log = Rc<RefCell<Vec<String>>>;

struct Write(Log);

impl Downstream<i64> for Write {
    fn open(&mut self, _: &mut ChainContext<'_>) -> Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &mut Batch<i64>) -> Result<()> {
        self.0.borrow_mut().extend(batch.drain().map(|record| record.to_string()));
        Ok(())
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        match control {
            Control::Watermark(Timestamp::MAX) => self.0.borrow_mut().push("last".into()),
            Control::Watermark(time) => self.0.borrow_mut().push(format!("watermark {}", time.millis())),
            Control::Idle => self.0.borrow_mut().push("idle".into()),
            _ => {}
        }
        Ok(())
    }
}

struct Fresh;

impl RestoreSource for Fresh {
    fn restore(&mut self, _: &OperatorUid) -> Result<OperatorRestore> {
        Ok(OperatorRestore::empty())
    }
}

fn open(downstream: &mut dyn Downstream<i64>, wakeup: &Wakeup) {
    let max = MaxParallelism::default();
    let mut context = ChainContext {
        subtask: Subtask { index: 0, of: 1 },
        groups: max.all(),
        max_parallelism: max,
        mode: Mode::Streaming,
        wakeup: wakeup.clone(),
        cancelled: Default::default(),
        restore: &mut Fresh,
    };
    assert!(downstream.open(&mut context).is_ok());
}

fn link(operator: impl Operator<i64, i64> + 'static, log: &Log) -> Link<i64, i64> {
    let identity = LinkIdentity {
        name: "tested".into(),
        uid: OperatorUid::new("t"),
        counts: Arc::default(),
        on_error: OnError::Fail,
    };
    Link::new(identity, Box::new(operator), Output::new(Box::new(Write(log.clone()))))
}

fn strategy() -> WatermarkStrategy<i64> {
    WatermarkStrategy::bounded_out_of_orderness(millis(5))
        .with_timestamp_assigner(|record, _| Timestamp::from_millis(*record))
}

#[test]
fn a_watermark_follows_each_batch_in_which_time_advanced_and_those_from_before_are_dropped() {
    let (log, wakeup) = (Log::default(), Wakeup::default());
    let mut link = link(AssignTimestamps::new(strategy()), &log);
    open(&mut link, &wakeup);
    link.batch(&mut vec![20, 30, 10].into()).unwrap();
    link.control(&mut Control::Watermark(Timestamp::from_millis(1_000))).unwrap();
    link.batch(&mut vec![25].into()).unwrap();
    link.control(&mut Control::Watermark(Timestamp::MAX)).unwrap();
    assert_eq!(*log.borrow(), ["20", "30", "10", "watermark 24", "25", "last"]);
}

#[test]
fn an_input_without_records_is_idle_until_the_next_one_repeats_its_watermark() {
    let (log, wakeup) = (Log::default(), Wakeup::default());
    let clock = Clock::new(|| Timestamp::from_millis(0));
    let operator = AssignTimestamps::new(strategy().with_idleness(millis(100))).with_clock(clock);
    let mut link = link(operator, &log);
    open(&mut link, &wakeup);
    link.batch(&mut vec![30].into()).unwrap();
    for now in [100, 150, 200, 300] {
        let now = Timestamp::from_millis(now);
        wakeup.clear();
        link.control(&mut Control::Tick(now)).unwrap();
    }
    link.batch(&mut vec![29].into()).unwrap();
    assert_eq!(*log.borrow(), ["30", "watermark 24", "idle", "29", "watermark 24"]);
}

#[test]
fn records_without_times_are_refused_with_what_to_do() {
    let log = Log::default();
    let mut assign = link(AssignTimestamps::new(WatermarkStrategy::monotonous()), &log);
    open(&mut assign, &Wakeup::default());
    let failure = assign.batch(&mut vec![1].into()).unwrap_err().to_string();
    assert!(failure.contains(".with_timestamp_assigner("), "{failure}");

    let function = Reducing(Arc::new(|a: i64, b: i64| a + b));
    let windows = TumblingEventTime::of(millis(10));
    let mut window = link(WindowAggregate::new(Arc::new(|_: &i64| 0u32), windows, function), &log);
    open(&mut window, &Wakeup::default());
    let failure = window.batch(&mut vec![1].into()).unwrap_err().to_string();
    assert!(failure.contains(".assign_timestamps_and_watermarks("), "{failure}");
}

#[test]
fn a_record_whose_window_is_gone_goes_to_the_side_output() {
    let (log, late) = (Log::default(), Log::default());
    let tag = OutputTag::new("late");
    let mut sides = SideOutputs::default();
    sides.add(&tag, Box::new(Write(late.clone())));
    let sides = Rc::new(RefCell::new(sides));
    let function = Reducing(Arc::new(|a: i64, b: i64| a + b));
    let windows = TumblingEventTime::of(millis(10));
    let operator = WindowAggregate::new(Arc::new(|_: &i64| 0u32), windows, function);
    let mut link = SideLink::new(link(operator.late_output(sides.clone(), tag), &log), sides);
    open(&mut link, &Wakeup::default());
    let mut batch = Batch::default();
    batch.push_at(1, Timestamp::from_millis(1));
    link.batch(&mut batch).unwrap();
    link.control(&mut Control::Watermark(Timestamp::from_millis(9))).unwrap();
    batch.push_at(2, Timestamp::from_millis(2));
    link.batch(&mut batch).unwrap();
    assert_eq!(*log.borrow(), ["1", "watermark 9"]);
    assert_eq!(*late.borrow(), ["watermark 9", "2"]);
}

#[test]
fn an_error_of_a_fallible_map_names_the_record_at_which_it_struck() {
    let log = Log::default();
    let parse = |n: i64| if n == 3 { Err("three is too many".into()) } else { Ok(n) };
    let mut link = link(try_map(Arc::new(parse)), &log);
    open(&mut link, &Wakeup::default());
    let failure = link.batch(&mut vec![1, 2, 3, 4].into()).unwrap_err().to_string();
    assert!(failure.contains("at its record 3") && failure.contains("three is too many"), "{failure}");
}
