//! What is kept of text: a word in state, in a table or in a result must not keep the buffer alive it was read into.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::path::Path;

use std::sync::mpsc::channel;

use millstream::connectors::files::TextFiles;
use millstream::dstream::{QueueMode, Stop};
use millstream::rdd::{Context, StorageLevel};
use millstream::state::keyed::{
    AggregatingState, AggregatingStateDescriptor, KeyedStore, ListState, ListStateDescriptor, MapState,
    MapStateDescriptor, ReducingState, ReducingStateDescriptor, ValueState, ValueStateDescriptor,
};
use millstream::time::{Timestamp, seconds};
use millstream::{
    AggregateFunction, BoxError, DataStream, KeyedContext, KeyedProcessFunction, Mode, ProcessWindowFunction,
    StreamEnvironment, StreamingContext, Text, TimeWindow, TumblingEventTime, WatermarkStrategy,
    WindowOutput,
};

/// Words too long to be inline, one in each line, in some reads of 64 KB; each comes three times.
fn words() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.txt");
    let lines: Vec<String> = (0..30_000).map(|n| format!("word-number-{:020}\n", n % 10_000)).collect();
    std::fs::write(&path, lines.concat()).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn read(path: &str, parallelism: u32) -> DataStream<Text> {
    let env = StreamEnvironment::new();
    env.set_mode(Mode::Batch).set_parallelism(parallelism);
    env.source(TextFiles::read(path).split_bytes(200_000))
}

fn assert_small<'a>(texts: impl IntoIterator<Item = &'a Text>) {
    let mut count = 0;
    for text in texts {
        assert!(text.pinned_bytes() < 100, "{} bytes are kept alive for `{text}`", text.pinned_bytes());
        count += 1;
    }
    assert_eq!(count, 10_000);
}

#[test]
fn the_lines_themselves_are_views_of_their_read() {
    let (_folder, path) = words();
    let lines = read(&path, 1).execute_and_collect("lines").unwrap();
    let views = lines.iter().filter(|line| line.pinned_bytes() > 60_000).count();
    assert!(views > 20_000, "{views} of 30,000 share a read of 64 KB; else nothing here is tested");
}

#[test]
fn keyed_aggregates_keep_no_read_buffer_in_keys_and_values() {
    let (_folder, path) = words();
    for parallelism in [1, 2] {
        let lines = read(&path, parallelism);
        let counts = lines.key_by(Text::clone).count().execute_and_collect("count").unwrap();
        assert_small(counts.iter().map(|(word, _)| word));

        let pairs = read(&path, parallelism).map(|line| (line, 1u64));
        let sums = pairs.key_by(|(word, _)| word.clone()).sum(|(_, n)| n);
        let sums = sums.execute_and_collect("sum").unwrap();
        assert!(sums.iter().all(|(_, n)| *n == 3));
        assert_small(sums.iter().map(|(word, _)| word));

        let pairs = read(&path, parallelism).map(|line| (line, 1u64));
        let last = pairs.key_by(|(word, _)| (0u8, word.clone())).reduce(|a, b| (b.0, a.1 + b.1));
        assert_small(last.execute_and_collect("reduce").unwrap().iter().map(|(word, _)| word));

        let numbered = read(&path, parallelism).map(|line| (line.len() as u64, line));
        let greatest = numbered.key_by(|(_, word)| word.clone()).max_by(|(n, _)| *n);
        assert_small(greatest.execute_and_collect("max_by").unwrap().iter().map(|(_, word)| word));

        let lists = read(&path, parallelism).key_by(Text::clone).fold(
            |first| vec![first.clone()],
            |all: &mut Vec<Text>, next| *all = vec![next],
            |_, all| all[0].clone(),
        );
        assert_small(&lists.execute_and_collect("fold").unwrap());
    }
}

#[test]
fn an_rdd_keeps_no_read_buffer_in_what_it_combines() {
    let (_folder, path) = words();
    for parallelism in [1, 2] {
        let context = Context::builder().parallelism(parallelism).build().unwrap();
        let lines = context.text_file(Path::new(&path)).unwrap();
        let counts = lines.map(|word| ((1u8, word), 1u64)).reduce_by_key(|a, b| a + b).collect().unwrap();
        assert_small(counts.iter().map(|((_, word), _)| word));
        let last = lines.map(|word| (word.len() as u64, word)).map(|(n, word)| (word.clone(), (n, word)));
        let last = last.reduce_by_key(|_, b| b).collect().unwrap();
        assert_small(last.iter().map(|(_, (_, word))| word));
    }
}

/// The last word of a window.
struct Last;

impl AggregateFunction<Text> for Last {
    type Acc = Vec<Text>;
    type Out = Text;

    fn create_accumulator(&self) -> Vec<Text> {
        Vec::new()
    }

    fn add(&self, held: &mut Vec<Text>, word: Text) {
        *held = vec![word];
    }

    fn get_result(&self, held: &Vec<Text>) -> Text {
        held[0].clone()
    }

    fn merge(&self, _: Vec<Text>, right: Vec<Text>) -> Vec<Text> {
        right
    }
}

impl ProcessWindowFunction<Text, Text, Text> for Last {
    fn process(
        &self,
        _: &Text,
        _: &TimeWindow,
        words: &[Text],
        output: &mut WindowOutput<'_, Text>,
    ) -> Result<(), BoxError> {
        assert_eq!(words.len(), 3);
        output.emit(words[0].clone());
        Ok(())
    }
}

#[test]
fn windows_keep_no_read_buffer_in_keys_and_values() {
    let (_folder, path) = words();
    for parallelism in [1, 2] {
        let lines = read(&path, parallelism);
        let strategy = WatermarkStrategy::no_watermarks()
            .with_timestamp_assigner(|_: &Text, _| Timestamp::from_millis(1));
        let windows = || {
            let timed = lines.assign_timestamps_and_watermarks(strategy.clone());
            timed.key_by(Text::clone).window(TumblingEventTime::of(seconds(1)))
        };
        let ways = [windows().reduce(|_, word| word), windows().aggregate(Last), windows().process(Last)];
        for way in ways {
            assert_small(&way.execute_and_collect("windows").unwrap());
        }
    }
}

/// Puts each word into a state of every kind, in every way there is, and gives what the states hold when they hold three.
#[derive(Default)]
struct Keep(Option<States>);

struct States {
    value: ValueState<Vec<Text>>,
    list: ListState<Text>,
    map: MapState<u64, Text>,
    reducing: ReducingState<Vec<Text>>,
    aggregating: AggregatingState<Text, Vec<Text>, Vec<Text>>,
}

impl KeyedProcessFunction<Text, Text, Vec<Text>> for Keep {
    fn open(&mut self, states: &mut KeyedStore<Text>) -> Result<(), BoxError> {
        let join = |mut held: Vec<Text>, other: Vec<Text>| {
            held.extend(other);
            held
        };
        let add = |held: &mut Vec<Text>, word: Text| held.push(word);
        let aggregate = AggregatingStateDescriptor::new("aggregating", Vec::new, add, Vec::clone);
        self.0 = Some(States {
            value: states.value(&ValueStateDescriptor::new("value"))?,
            list: states.list(&ListStateDescriptor::new("list"))?,
            map: states.map(&MapStateDescriptor::new("map"))?,
            reducing: states.reducing(&ReducingStateDescriptor::new("reducing", join))?,
            aggregating: states.aggregating(&aggregate)?,
        });
        Ok(())
    }

    fn process(
        &mut self,
        word: Text,
        context: &mut KeyedContext<'_, Text, Vec<Text>>,
    ) -> Result<(), BoxError> {
        let states = self.0.as_ref().ok_or("not opened")?;
        states.value.with_mut(|words| words.push(word.clone()));
        states.list.with_mut(|words| words.push(word.clone()));
        states.map.with_mut(|words| words.insert(words.len() as u64, word.clone()));
        states.reducing.add(vec![word.clone()]);
        states.aggregating.add(word);
        let lists = [states.value.get(), states.reducing.get(), states.aggregating.get()];
        let mut all: Vec<Text> = lists.into_iter().flatten().flatten().collect();
        all.extend(states.list.get());
        all.extend(states.map.values());
        if all.len() == 15 {
            context.emit(all);
        }
        Ok(())
    }
}

#[test]
fn states_of_every_kind_keep_no_read_buffer_however_a_text_came_into_them() {
    let (_folder, path) = words();
    let kept = read(&path, 2).key_by(Text::clone).process(Keep::default);
    let kept = kept.execute_and_collect("kept").unwrap();
    for place in 0..15 {
        assert_small(kept.iter().map(|all| &all[place]));
    }
}

#[test]
fn an_rdd_keeps_no_read_buffer_in_what_it_shuffles_sorts_or_keeps() {
    let (_folder, path) = words();
    for parallelism in [1, 2] {
        let context = Context::builder().parallelism(parallelism).build().unwrap();
        let lines = context.text_file(Path::new(&path)).unwrap().coalesce(parallelism);
        let pairs = lines.map(|word| (word.clone(), word));
        let once = |pairs: Vec<(Text, Text)>| {
            let mut words: Vec<Text> = pairs.into_iter().flat_map(|(key, word)| [key, word]).collect();
            assert!(words.iter().all(|word| word.pinned_bytes() < 100));
            words.sort();
            words.dedup();
            assert_eq!(words.len(), 10_000);
        };
        once(pairs.partition_by(3).collect().unwrap());
        once(pairs.repartition(3).collect().unwrap());
        once(pairs.sort_by_key(true).collect().unwrap());
        once(pairs.join(&pairs).map(|(key, (word, _))| (key, word)).collect().unwrap());
        once(pairs.group_by_key().map(|(key, words)| (key, words[2].clone())).collect().unwrap());
        once(pairs.cogroup(&pairs).map(|(key, (_, words))| (key, words[2].clone())).collect().unwrap());
        once(pairs.local_checkpoint().unwrap().collect().unwrap());
        for level in [StorageLevel::MemoryOnly, StorageLevel::DiskOnly] {
            let kept = pairs.persist(level);
            kept.count().unwrap();
            once(kept.collect().unwrap());
            let _forgotten = kept.unpersist();
        }
    }
}

#[test]
fn a_dstream_keeps_no_read_buffer_in_keys_and_states() {
    let (_folder, path) = words();
    let context = Context::builder().parallelism(2).build().unwrap();
    let lines = context.text_file(Path::new(&path)).unwrap();
    let batches = StreamingContext::new(&context, seconds(1) / 100);
    let words = batches.queue_stream(vec![lines.clone(), lines], QueueMode::OneAtATime, None);
    let last = |words: Vec<Text>, before: Option<Text>| words.last().cloned().or(before);
    let states = words.map(|word| (word.clone(), word)).update_state_by_key(last);
    let (each, found) = channel();
    states.foreach_rdd(move |rdd| {
        // Nobody waits for the batches behind the second.
        let _gone = each.send(rdd.collect()?);
        Ok(())
    });
    batches.start().unwrap();
    for state in found.iter().take(2) {
        assert_small(state.iter().map(|(key, _)| key));
        assert_small(state.iter().map(|(_, word)| word));
    }
    batches.stop(Stop::Now).unwrap();
}
