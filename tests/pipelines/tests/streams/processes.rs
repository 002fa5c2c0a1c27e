//! Functions of one's own: state, timers of both kinds, side outputs.

use millstream::connectors::collect::Collect;
use millstream::connectors::generator::Generator;
use millstream::state::keyed::{
    KeyedStore, ListState, ListStateDescriptor, MapState, MapStateDescriptor, ValueState,
    ValueStateDescriptor,
};
use millstream::time::{Timestamp, millis};
use millstream::{
    BoxError, KeyedContext, KeyedProcessFunction, Mode, OnTimerContext, OutputTag, ProcessContext,
    ProcessFunction, StreamEnvironment, WatermarkStrategy,
};

use super::sorted;

/// Gathers a key's records in three kinds of state and tells of them when event time has passed ten milliseconds.
#[derive(Default)]
struct Gather {
    states: Option<States>,
}

type States = (ValueState<u64>, ListState<u64>, MapState<bool, u64>);

type Told = (u64, u64, Vec<u64>, Option<u64>);

impl KeyedProcessFunction<u64, u64, Told> for Gather {
    fn open(&mut self, states: &mut KeyedStore<u64>) -> Result<(), BoxError> {
        self.states = Some((
            states.value(&ValueStateDescriptor::new("count"))?,
            states.list(&ListStateDescriptor::new("all"))?,
            states.map(&MapStateDescriptor::new("by parity"))?,
        ));
        Ok(())
    }

    fn process(&mut self, record: u64, context: &mut KeyedContext<'_, u64, Told>) -> Result<(), BoxError> {
        let (count, all, by_parity) = self.states.as_ref().ok_or("not opened")?;
        if count.get().is_none() {
            let time = context.timestamp().ok_or("no time")?;
            context.register_event_time_timer(time + millis(10));
        }
        count.update(count.get().unwrap_or_default() + 1);
        all.add(record);
        by_parity.put(record.is_multiple_of(2), record);
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: Timestamp,
        context: &mut OnTimerContext<'_, u64, Told>,
    ) -> Result<(), BoxError> {
        let (count, all, by_parity) = self.states.as_ref().ok_or("not opened")?;
        context.emit((*context.key(), count.get().unwrap_or_default(), all.get(), by_parity.get(&true)));
        count.clear();
        all.clear();
        by_parity.clear();
        Ok(())
    }
}

#[test]
fn a_keyed_process_keeps_state_by_key_and_tells_of_it_when_its_timer_fires_in_both_modes() {
    for mode in [Mode::Streaming, Mode::Batch] {
        let env = StreamEnvironment::new();
        env.set_mode(mode);
        let numbers = env.from_sequence(0, 11);
        let strategy = WatermarkStrategy::monotonous()
            .with_timestamp_assigner(|n: &u64, _| Timestamp::from_millis(*n as i64));
        let told = numbers.assign_timestamps_and_watermarks(strategy).key_by(|n| n % 3);
        let told = told.process(Gather::default).parallelism(2);
        let expected = [
            (0, 4, vec![0, 3, 6, 9], Some(6)),
            (1, 4, vec![1, 4, 7, 10], Some(10)),
            (2, 4, vec![2, 5, 8, 11], Some(8)),
        ];
        assert_eq!(sorted(&told), expected, "{mode:?}");
    }
}

/// Asks for a timer a millisecond from now, once, and says at which clock it was called.
#[derive(Default)]
struct Alarm {
    is_set: bool,
}

impl KeyedProcessFunction<u64, u64, String> for Alarm {
    fn process(&mut self, _: u64, context: &mut KeyedContext<'_, u64, String>) -> Result<(), BoxError> {
        if !std::mem::replace(&mut self.is_set, true) {
            context.register_processing_time_timer(context.current_processing_time() + millis(1));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: Timestamp,
        context: &mut OnTimerContext<'_, u64, String>,
    ) -> Result<(), BoxError> {
        context.emit(format!("{:?} of key {}", context.time_domain(), context.key()));
        Ok(())
    }
}

#[test]
fn a_timer_in_processing_time_fires_without_a_watermark() {
    let env = StreamEnvironment::new();
    let (sink, found) = Collect::new();
    let numbers = env.source(Generator::new(|n| n, None).rate(100.0));
    numbers.key_by(|_| 7).process(Alarm::default).sink_to(sink);
    let job = env.start("alarm").unwrap();
    let told = loop {
        let told = found.take();
        if !told.is_empty() {
            break told;
        }
        std::thread::yield_now();
    };
    job.cancel();
    assert!(job.wait().unwrap_err().is_cancelled());
    assert_eq!(told, ["ProcessingTime of key 7"]);
}

fn squares() -> OutputTag<(u64, u64)> {
    OutputTag::new("squares")
}

fn words() -> OutputTag<String> {
    OutputTag::new("words")
}

/// Emits odd numbers, their squares on one side and even numbers as words on another.
struct Apart;

impl ProcessFunction<u64, u64> for Apart {
    fn process(&mut self, n: u64, context: &mut ProcessContext<'_, u64>) -> Result<(), BoxError> {
        if n.is_multiple_of(2) {
            context.side(&words(), format!("number {n}"))?;
        } else {
            context.side(&squares(), (n, n * n))?;
            context.emit(n);
        }
        Ok(())
    }
}

#[test]
fn side_outputs_of_several_types_stand_beside_the_main_output() {
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    let odd = env.from_sequence(1, 6).process(|| Apart);
    let (main_sink, main) = Collect::new();
    odd.sink_to(main_sink);
    let (squares_sink, squares_found) = Collect::new();
    odd.side_output(&squares()).key_by(|square| square.0).max_by(|square| square.1).sink_to(squares_sink);
    // Nobody reads this one twice, and one that nobody reads at all costs nothing.
    assert_eq!(sorted(&odd.side_output(&words())), ["number 2", "number 4", "number 6"]);
    let (mut main, mut squares) = (main.take(), squares_found.take());
    main.sort_unstable();
    squares.sort_unstable();
    assert_eq!(main, [1, 3, 5]);
    assert_eq!(squares, [(1, 1), (3, 9), (5, 25)]);
}
