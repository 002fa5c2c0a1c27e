use millstream_model::id::{CheckpointId, CheckpointKind};
use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn barrier(n: u64) -> Barrier {
    Barrier { checkpoint: CheckpointId(n), kind: CheckpointKind::Checkpoint }
}

#[test]
fn the_watermark_is_the_least_over_the_channels() {
    let mut alignment = Alignment::new(2);
    assert_eq!(alignment.on_watermark(0, at(10)), Progress::None);
    assert_eq!(alignment.on_watermark(1, at(5)), Progress::Watermark(at(5)));
    assert_eq!(alignment.on_watermark(1, at(20)), Progress::Watermark(at(10)));
}

#[test]
fn an_idle_channel_is_left_out_until_it_speaks_again() {
    let mut alignment = Alignment::new(2);
    alignment.on_watermark(0, at(10));
    assert_eq!(alignment.on_idle(1), Progress::Watermark(at(10)));
    alignment.on_records(1);
    assert_eq!(alignment.on_watermark(0, at(30)), Progress::None);
    assert_eq!(alignment.on_watermark(1, at(12)), Progress::Watermark(at(12)));
}

#[test]
fn all_channels_idle_is_said_once() {
    let mut alignment = Alignment::new(2);
    assert_eq!(alignment.on_idle(0), Progress::None);
    assert_eq!(alignment.on_idle(1), Progress::Idle(None));
    assert_eq!(alignment.on_idle(1), Progress::None);
}

#[test]
fn an_ended_channel_holds_nobody_back_and_still_brings_barriers() {
    let mut alignment = Alignment::new(2);
    alignment.on_watermark(0, at(3));
    assert_eq!(alignment.on_end(1), Progress::Watermark(at(3)));
    assert_eq!(alignment.on_barrier(0, barrier(1)), Progress::Wait);
    assert_eq!(alignment.on_barrier(1, barrier(1)), Progress::Aligned(barrier(1)));
    assert_eq!(alignment.on_end(0), Progress::End);
}

#[test]
fn the_last_to_fall_silent_lets_out_what_the_furthest_had_said() {
    for order in [[0, 1], [1, 0]] {
        let mut alignment = Alignment::new(3);
        alignment.on_end(2);
        alignment.on_watermark(0, at(10));
        alignment.on_watermark(1, at(5));
        let last = order.map(|channel| alignment.on_idle(channel))[1];
        // If the one behind went first, the other's watermark has been let out already.
        assert_eq!(last, Progress::Idle((order == [0, 1]).then_some(at(10))));
    }
}

#[test]
fn an_end_beside_an_idle_channel_leaves_the_subtask_idle() {
    let mut alignment = Alignment::new(2);
    assert_eq!(alignment.on_idle(0), Progress::None);
    assert_eq!(alignment.on_end(1), Progress::Idle(None));
}

#[test]
fn a_newer_barrier_supersedes_one_that_never_became_complete() {
    let mut alignment = Alignment::new(2);
    assert_eq!(alignment.on_barrier(0, barrier(1)), Progress::Wait);
    assert_eq!(alignment.on_barrier(1, barrier(2)), Progress::WaitAnew);
    assert_eq!(alignment.on_barrier(0, barrier(2)), Progress::Aligned(barrier(2)));
    assert_eq!(alignment.on_barrier(1, barrier(1)), Progress::None);
}

/// What comes through one channel, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Record,
    Watermark(i64),
    Idle,
    Barrier(u64),
    End,
}

const LAST: u64 = 4;

/// A channel's script: records and watermarks between barriers of which all but the last may be missing (the sender had
/// given them up), with the end somewhere.
fn script() -> impl Strategy<Value = Vec<Step>> {
    let between = || {
        let step = prop_oneof![
            3 => Just(Step::Record),
            2 => (0_i64..50).prop_map(Step::Watermark),
            1 => Just(Step::Idle)
        ];
        prop::collection::vec(step, 0..5)
    };
    let part = (between(), prop::bool::weighted(0.7));
    (prop::collection::vec(part, LAST as usize), between(), 0_usize..40).prop_map(|(parts, rest, end)| {
        let mut steps = Vec::new();
        for (number, (between, has_barrier)) in (1..).zip(parts) {
            steps.extend(between);
            if has_barrier || number == LAST {
                steps.push(Step::Barrier(number));
            }
        }
        steps.extend(rest);
        let end = end.min(steps.len());
        let barriers = steps.split_off(end).into_iter().filter(|step| matches!(step, Step::Barrier(_)));
        steps.push(Step::End);
        steps.extend(barriers.collect::<Vec<_>>());
        steps
    })
}

/// The plainest account of several channels: everything that was said is looked through each time.
#[derive(Default)]
struct Ledger {
    said: Vec<(usize, Step)>,
    watermark: Option<i64>,
    idle: bool,
}

impl Ledger {
    fn of(&self, channel: usize) -> impl DoubleEndedIterator<Item = Step> + '_ {
        self.said.iter().filter(move |(of, _)| *of == channel).map(|(_, step)| *step)
    }

    fn watermark_of(&self, channel: usize) -> Option<i64> {
        self.of(channel).filter_map(|step| if let Step::Watermark(at) = step { Some(at) } else { None }).max()
    }

    fn is_idle(&self, channel: usize) -> bool {
        self.of(channel).rfind(|step| !matches!(step, Step::Barrier(_) | Step::End)) == Some(Step::Idle)
    }

    fn has_ended(&self, channel: usize) -> bool {
        self.of(channel).any(|step| step == Step::End)
    }

    /// What should come of a step.
    fn expect(&mut self, channels: usize, channel: usize, step: Step) -> Progress {
        self.said.push((channel, step));
        let all = || 0..channels;
        if step == Step::End && all().all(|channel| self.has_ended(channel)) {
            return Progress::End;
        }
        let live: Vec<usize> =
            all().filter(|channel| !self.is_idle(*channel) && !self.has_ended(*channel)).collect();
        if matches!(step, Step::Idle | Step::End) && live.is_empty() {
            let furthest = all().filter_map(|channel| self.watermark_of(channel)).max();
            let news = furthest.filter(|_| furthest > self.watermark);
            self.watermark = self.watermark.max(news);
            return match std::mem::replace(&mut self.idle, true) {
                true => Progress::None,
                false => Progress::Idle(news.map(at)),
            };
        }
        self.idle &= live.is_empty();
        let Some(least) = live.iter().map(|channel| self.watermark_of(*channel)).min() else {
            return Progress::None;
        };
        if step == Step::Record || least <= self.watermark {
            return Progress::None;
        }
        self.watermark = least;
        least.map_or(Progress::None, |least| Progress::Watermark(at(least)))
    }
}

/// Plays the scripts, taking from the channels in the order that `turns` says; channels wait as they are told to if
/// `aligned`. Gives, for each complete barrier, how many records each channel had brought by then.
fn play(
    scripts: &[Vec<Step>],
    turns: &[usize],
    aligned: bool,
) -> Result<Vec<(u64, Vec<usize>)>, TestCaseError> {
    let channels = scripts.len();
    let mut alignment = Alignment::new(channels);
    let mut ledger = Ledger::default();
    let (mut next, mut blocked, mut records) = (vec![0; channels], vec![false; channels], vec![0; channels]);
    let (mut cuts, mut turns) = (Vec::new(), turns.iter().cycle());
    loop {
        let ready: Vec<usize> =
            (0..channels).filter(|c| !blocked[*c] && next[*c] < scripts[*c].len()).collect();
        if ready.is_empty() {
            let left = (0..channels).filter(|c| next[*c] < scripts[*c].len()).count();
            prop_assert_eq!(left, 0, "channels wait for ever");
            return Ok(cuts);
        }
        let channel = ready[turns.next().unwrap() % ready.len()];
        let step = scripts[channel][next[channel]];
        next[channel] += 1;
        let progress = match step {
            Step::Barrier(number) => match alignment.on_barrier(channel, barrier(number)) {
                Progress::None => continue,
                Progress::Aligned(complete) => {
                    prop_assert_eq!(complete, barrier(number));
                    cuts.push((number, records.clone()));
                    blocked.fill(false);
                    continue;
                }
                wait => {
                    if wait == Progress::WaitAnew {
                        blocked.fill(false);
                    }
                    blocked[channel] = aligned;
                    continue;
                }
            },
            Step::Record => {
                records[channel] += 1;
                alignment.on_records(channel);
                Progress::None
            }
            Step::Watermark(time) => alignment.on_watermark(channel, at(time)),
            Step::Idle => alignment.on_idle(channel),
            Step::End => alignment.on_end(channel),
        };
        prop_assert_eq!(
            progress,
            ledger.expect(channels, channel, step),
            "at {:?} of channel {}",
            step,
            channel
        );
    }
}

/// The records before a barrier in a script; `None` if it does not bring it.
fn records_before(script: &[Step], number: u64) -> Option<usize> {
    let place = script.iter().position(|step| *step == Step::Barrier(number))?;
    Some(script[..place].iter().filter(|step| **step == Step::Record).count())
}

proptest! {
    /// Whatever the order in which channels are heard: a barrier becomes complete exactly if all channels bring it, its
    /// cut is the records before it and no other, nobody waits for ever; watermarks, idleness and the end agree with a
    /// plain account at each step.
    #[test]
    fn aligned_channels_are_cut_exactly_at_each_barrier_that_all_of_them_bring(
        scripts in prop::collection::vec(script(), 1..4),
        turns in prop::collection::vec(0_usize..6, 1..40),
    ) {
        let cuts = play(&scripts, &turns, true)?;
        let exact = |number| Some((number, scripts.iter().map(|s| records_before(s, number)).collect::<Option<Vec<_>>>()?));
        let expected: Vec<_> = (1..=LAST).filter_map(exact).collect();
        prop_assert_eq!(cuts, expected);
    }

    /// Without waiting, a cut has all records before the barrier and perhaps some behind it; a barrier may be overtaken,
    /// the last one is not.
    #[test]
    fn channels_that_never_wait_are_cut_behind_each_barrier_at_the_earliest(
        scripts in prop::collection::vec(script(), 1..4),
        turns in prop::collection::vec(0_usize..6, 1..40),
    ) {
        let cuts = play(&scripts, &turns, false)?;
        prop_assert_eq!(cuts.last().map(|(number, _)| *number), Some(LAST));
        prop_assert!(cuts.is_sorted_by(|a, b| a.0 < b.0));
        for (number, records) in cuts {
            for (script, records) in scripts.iter().zip(records) {
                prop_assert!(records_before(script, number).is_some_and(|before| records >= before));
            }
        }
    }
}
