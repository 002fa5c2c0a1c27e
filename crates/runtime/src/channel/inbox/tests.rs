use std::sync::mpsc;
use std::thread;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::exchange::AnyBatch;
use millstream_dataflow::operator::Barrier;
use millstream_model::id::{CheckpointId, CheckpointKind};
use millstream_model::time::Timestamp;

use super::*;

fn batch(count: usize) -> Element {
    Element::Batch(AnyBatch::new(Batch::from(vec![0_u8; count])))
}

fn barrier() -> Element {
    Element::Barrier(Barrier { checkpoint: CheckpointId(1), kind: CheckpointKind::Checkpoint })
}

#[test]
fn elements_of_a_channel_arrive_in_the_order_they_were_sent() {
    let inbox = Inbox::new(1, 10, Arc::default());
    let mut sender = InboxSender::new(inbox.clone(), 0, Arc::default());
    sender.send(batch(2)).unwrap();
    sender.send(barrier()).unwrap();
    sender.send(batch(1)).unwrap();
    let mut kinds = Vec::new();
    for _ in 0..3 {
        match inbox.receive(None).unwrap() {
            Received::Element(0, Element::Batch(batch)) => kinds.push(batch.len()),
            Received::Element(0, Element::Barrier(_)) => kinds.push(0),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(kinds, [2, 0, 1]);
}

#[test]
fn a_full_channel_blocks_its_sender_until_there_is_room() {
    let gauge: Arc<Gauge> = Arc::default();
    let inbox = Inbox::new(1, 4, gauge.clone());
    let (done, returned) = mpsc::channel();
    let sending = {
        let inbox = inbox.clone();
        thread::spawn(move || {
            let mut sender = InboxSender::new(inbox, 0, Arc::default());
            for _ in 0..100 {
                sender.send(batch(2)).unwrap();
            }
            done.send(()).unwrap();
        })
    };
    for _ in 0..100 {
        assert!(returned.try_recv().is_err() || gauge.now() <= 4);
        assert!(matches!(inbox.receive(None).unwrap(), Received::Element(0, _)));
    }
    sending.join().unwrap();
    assert!(gauge.peak() <= 4, "{}", gauge.peak());
    assert_eq!(gauge.now(), 0);
}

#[test]
fn a_blocked_channel_waits_while_the_others_are_read() {
    let inbox = Inbox::new(2, 4, Arc::default());
    for channel in 0..2 {
        InboxSender::new(inbox.clone(), channel, Arc::default())
            .send(Element::Watermark(Timestamp::MAX))
            .unwrap();
    }
    inbox.set_blocked(0, true);
    assert!(matches!(inbox.receive(None).unwrap(), Received::Element(1, _)));
    assert!(matches!(inbox.receive(Some(Instant::now())).unwrap(), Received::Nothing));
    inbox.set_blocked(0, false);
    assert!(matches!(inbox.receive(None).unwrap(), Received::Element(0, _)));
}

#[test]
fn cancelling_wakes_a_blocked_sender_and_the_receiver() {
    let inbox = Inbox::new(1, 1, Arc::default());
    let mut sender = InboxSender::new(inbox.clone(), 0, Arc::default());
    sender.send(batch(1)).unwrap();
    let blocked = thread::spawn(move || sender.send(batch(1)));
    inbox.cancel();
    assert!(blocked.join().unwrap().unwrap_err().is_cancelled());
    assert!(inbox.receive(None).unwrap_err().is_cancelled());
}

#[test]
fn what_is_offered_goes_in_or_is_said_not_to_fit_but_nobody_waits() {
    let gauge: Arc<Gauge> = Arc::default();
    let inbox = Inbox::new(1, 4, gauge.clone());
    assert!(inbox.offer(0, batch(3)).unwrap());
    assert!(!inbox.offer(0, batch(2)).unwrap());
    assert!(inbox.offer(0, batch(1)).unwrap());
    assert_eq!((gauge.now(), inbox.capacity()), (4, 4));
    assert!(inbox.offer(7, batch(1)).unwrap_err().to_string().contains("no channel 7"));
    inbox.cancel();
    assert!(inbox.offer(0, barrier()).unwrap_err().is_cancelled());
}

#[test]
fn who_gives_credit_is_told_what_was_taken_from_its_channel_only() {
    let inbox = Inbox::new(2, 10, Arc::default());
    let (taken_in, taken) = mpsc::channel();
    let taken_in = std::sync::Mutex::new(taken_in);
    inbox.on_taken(1, Box::new(move |records| taken_in.lock().unwrap().send(records).unwrap()));
    assert!(inbox.offer(1, batch(3)).unwrap() && inbox.offer(1, barrier()).unwrap());
    InboxSender::new(inbox.clone(), 0, Arc::default()).send(batch(5)).unwrap();
    assert!(taken.try_recv().is_err(), "nothing was taken yet");
    (0..3).for_each(|_| drop(inbox.receive(None).unwrap()));
    assert_eq!(taken.try_iter().collect::<Vec<_>>(), [3, 0]);
}
