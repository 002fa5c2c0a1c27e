//! The inbox under the model checker: every test is run under many schedules of its threads.
//!
//! A lost wake-up, a deadlock or a livelock is a failed run; so is a broken order, a broken bound, a cut in the wrong place.

use millstream_dataflow::batch::Batch;
use millstream_dataflow::exchange::AnyBatch;
use millstream_dataflow::operator::Barrier;
use millstream_model::id::{CheckpointId, CheckpointKind};

use super::*;
use crate::channel::{Alignment, Progress};
use crate::sync::{Builder, JoinHandle, schedules};

const SCHEDULES: usize = 500;

fn batch(count: usize) -> Element {
    Element::Batch(AnyBatch::new(Batch::from(vec![0_u8; count])))
}

fn barrier(number: u64) -> Element {
    Element::Barrier(Barrier { checkpoint: CheckpointId(number), kind: CheckpointKind::Checkpoint })
}

/// A thread that sends these elements and gives what came of the last.
fn sending(inbox: &Arc<Inbox>, channel: usize, elements: Vec<Element>) -> JoinHandle<Result<()>> {
    let mut sender = InboxSender::new(inbox.clone(), channel, Arc::default());
    let send = move || elements.into_iter().try_for_each(|element| sender.send(element));
    Builder::new().spawn(send).unwrap()
}

/// What tells elements apart: the number of records, or 0 for the end.
fn size(element: &Element) -> usize {
    match element {
        Element::Batch(batch) => batch.len(),
        Element::End => 0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn model_elements_keep_their_order_and_the_bound_whatever_the_capacity() {
    for capacity in [1, 2, 3] {
        schedules(SCHEDULES, move || {
            let gauge: Arc<Gauge> = Arc::default();
            let inbox = Inbox::new(2, capacity, gauge.clone());
            let elements = || vec![batch(1), batch(2), batch(1), Element::End];
            let threads = [0, 1].map(|channel| sending(&inbox, channel, elements()));
            let mut got = [Vec::new(), Vec::new()];
            while got.iter().any(|got| got.last() != Some(&0)) {
                let Received::Element(channel, element) = inbox.receive(None).unwrap() else { panic!() };
                got[channel].push(size(&element));
            }
            assert_eq!(got, [[1, 2, 1, 0], [1, 2, 1, 0]]);
            threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
            // A batch above the capacity passes alone.
            assert!(gauge.peak() <= 2 * capacity.max(2), "{}", gauge.peak());
            assert_eq!(gauge.now(), 0);
        });
    }
}

#[test]
fn model_a_receiver_with_a_deadline_loses_nothing() {
    schedules(SCHEDULES, || {
        let inbox = Inbox::new(1, 1, Arc::default());
        let sender = sending(&inbox, 0, vec![batch(1), batch(1), Element::End]);
        let mut got = 0;
        loop {
            match inbox.receive(Some(now())).unwrap() {
                Received::Element(_, Element::End) => break,
                Received::Element(..) => got += 1,
                Received::Nothing => shuttle::thread::yield_now(),
            }
        }
        assert_eq!(got, 2);
        sender.join().unwrap().unwrap();
    });
}

#[test]
fn model_aligned_barriers_cut_every_channel_in_the_same_place_at_capacity_one() {
    schedules(SCHEDULES, || {
        let inbox = Inbox::new(3, 1, Arc::default());
        let elements = |before: usize| {
            let records = |count| (0..count).map(|_| batch(1));
            records(before).chain([barrier(1)]).chain(records(2)).chain([barrier(2), Element::End]).collect()
        };
        let threads = [0, 1, 2].map(|channel| sending(&inbox, channel, elements(channel)));
        let (mut alignment, mut records, mut cuts) = (Alignment::new(3), [0; 3], Vec::new());
        loop {
            let Received::Element(channel, element) = inbox.receive(None).unwrap() else { panic!() };
            let progress = match element {
                Element::Batch(batch) => {
                    records[channel] += batch.len();
                    continue;
                }
                Element::Barrier(barrier) => alignment.on_barrier(channel, barrier),
                _ => alignment.on_end(channel),
            };
            match progress {
                Progress::Wait => inbox.set_blocked(channel, true),
                Progress::Aligned(_) => {
                    cuts.push(records);
                    inbox.unblock_all();
                }
                Progress::End => break,
                _ => {}
            }
        }
        assert_eq!(cuts, [[0, 1, 2], [2, 3, 4]]);
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    });
}

#[test]
fn model_a_blocked_channel_does_not_stop_the_others() {
    schedules(SCHEDULES, || {
        let inbox = Inbox::new(2, 1, Arc::default());
        inbox.set_blocked(0, true);
        let held = sending(&inbox, 0, vec![batch(1), batch(1), Element::End]);
        let free = sending(&inbox, 1, vec![batch(1), batch(1), Element::End]);
        for expected in [1, 1, 0] {
            let Received::Element(channel, element) = inbox.receive(None).unwrap() else { panic!() };
            assert_eq!((channel, size(&element)), (1, expected));
        }
        inbox.unblock_all();
        for expected in [1, 1, 0] {
            let Received::Element(channel, element) = inbox.receive(None).unwrap() else { panic!() };
            assert_eq!((channel, size(&element)), (0, expected));
        }
        [held, free].into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    });
}

#[test]
fn model_cancelling_wakes_every_sleeper() {
    schedules(SCHEDULES, || {
        let inbox = Inbox::new(2, 1, Arc::default());
        // One sender fills its channel and sleeps; the receiver sleeps too, for that channel is blocked.
        inbox.set_blocked(0, true);
        let sender = sending(&inbox, 0, vec![batch(1), batch(1)]);
        let own = inbox.clone();
        let receiver = Builder::new().spawn(move || own.receive(None).map(drop)).unwrap();
        inbox.cancel();
        for thread in [sender, receiver] {
            assert!(thread.join().unwrap().unwrap_err().is_cancelled());
        }
    });
}
