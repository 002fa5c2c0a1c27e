use millstream_model::id::CheckpointId;
use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn barrier(n: u64) -> Barrier {
    Barrier { checkpoint: CheckpointId(n) }
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
    assert_eq!(alignment.on_idle(1), Progress::Idle);
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
fn a_newer_barrier_supersedes_one_that_never_became_complete() {
    let mut alignment = Alignment::new(2);
    assert_eq!(alignment.on_barrier(0, barrier(1)), Progress::Wait);
    assert_eq!(alignment.on_barrier(1, barrier(2)), Progress::Wait);
    assert_eq!(alignment.on_barrier(0, barrier(2)), Progress::Aligned(barrier(2)));
}

proptest! {
    /// Against the plainest model: after each step, the least watermark of the channels that are neither idle nor
    /// ended, never going back.
    #[test]
    fn watermarks_agree_with_a_model(steps in prop::collection::vec((0_usize..3, 0_u8..4, 0_i64..50), 1..60)) {
        let mut alignment = Alignment::new(3);
        let (mut marks, mut out, mut shown) = ([Timestamp::MIN; 3], [false; 3], Timestamp::MIN);
        for (channel, kind, time) in steps {
            let progress = match kind {
                0 => { out[channel] = true; alignment.on_idle(channel) }
                _ => {
                    out[channel] = false;
                    marks[channel] = marks[channel].max(at(time));
                    alignment.on_watermark(channel, at(time))
                }
            };
            let least = (0..3).filter(|c| !out[*c]).map(|c| marks[c]).min();
            if let Progress::Watermark(time) = progress {
                prop_assert!(time > shown);
                prop_assert_eq!(Some(time), least);
                shown = time;
            } else if let Some(least) = least {
                prop_assert!(least <= shown);
            }
        }
    }
}
