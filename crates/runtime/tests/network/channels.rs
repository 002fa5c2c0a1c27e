//! What flows in the channels of one connection.

use std::sync::Arc;
use std::thread;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::exchange::{AnyBatch, BatchCodec, ChannelSender, Element};
use millstream_dataflow::operator::Barrier;
use millstream_model::error::Result;
use millstream_model::id::{CheckpointId, CheckpointKind};
use millstream_model::time::Timestamp;
use millstream_runtime::channel::{Gauge, Inbox, Received};
use millstream_runtime::network::{Compression, Incoming, NetworkSettings};

use super::{Pair, pair, pair_with, security, soon};

type Row = (u64, String);

fn codec() -> BatchCodec<Row> {
    BatchCodec::of()
}

fn rows(from: u64, count: u64) -> Element {
    let mut batch = Batch::default();
    for n in from..from + count {
        batch.push_keyed((n, format!("row {n}")), Some(Timestamp::from_millis(n as i64)), n * 7);
    }
    Element::Batch(AnyBatch::new(batch))
}

fn inbox_of(pair: &Pair, channels: u32, capacity: usize) -> (Arc<Inbox>, Arc<Gauge>) {
    let gauge = Arc::<Gauge>::default();
    let inbox = Inbox::new(channels as usize, capacity, gauge.clone());
    for channel in 0..channels {
        let incoming = Incoming {
            decoder: codec().decoder(),
            inbox: inbox.clone(),
            channel: channel as usize,
            meter: Arc::default(),
        };
        pair.right.receive(channel, incoming).unwrap();
    }
    (inbox, gauge)
}

fn next(inbox: &Inbox) -> (usize, Element) {
    match inbox.receive(Some(soon())).unwrap() {
        Received::Element(channel, element) => (channel, element),
        Received::Nothing => panic!("nothing came"),
    }
}

fn records(element: Element) -> Vec<Row> {
    let Element::Batch(batch) = element else { panic!("no batch: {element:?}") };
    let mut batch: Box<Batch<Row>> = batch.downcast().unwrap();
    assert!(batch.hashes().iter().zip(batch.records()).all(|(hash, row)| *hash == row.0 * 7));
    assert!(batch.times().iter().zip(batch.records()).all(|(time, row)| time.millis() == row.0 as i64));
    batch.take_records()
}

fn everything_arrives_in_order(settings: NetworkSettings) {
    let pair = pair_with(settings, security());
    let (inbox, gauge) = inbox_of(&pair, 1, 64);
    let mut sender = pair.left.sender(0, codec().encoder(), Arc::default());
    let sending = thread::spawn(move || -> Result<()> {
        for n in 0..500 {
            sender.send(rows(n * 10, 10))?;
            sender.send(Element::Watermark(Timestamp::from_millis(n as i64)))?;
            if n % 50 == 0 {
                sender.send(Element::Barrier(Barrier {
                    checkpoint: CheckpointId(n),
                    kind: CheckpointKind::Checkpoint,
                }))?;
            }
        }
        sender.send(Element::Idle)?;
        sender.send(Element::End)
    });
    for n in 0..500 {
        let came = records(next(&inbox).1);
        assert!(came.iter().map(|row| row.0).eq(n * 10..n * 10 + 10));
        assert!(matches!(next(&inbox).1, Element::Watermark(time) if time.millis() == n as i64));
        if n % 50 == 0 {
            assert!(matches!(next(&inbox).1, Element::Barrier(barrier) if barrier.checkpoint.0 == n));
        }
    }
    assert!(matches!(next(&inbox).1, Element::Idle));
    assert!(matches!(next(&inbox).1, Element::End));
    sending.join().unwrap().unwrap();
    assert!(gauge.peak() <= 64, "{} records in flight", gauge.peak());
}

#[test]
fn elements_arrive_in_the_order_they_were_sent_with_times_and_hashes() {
    everything_arrives_in_order(NetworkSettings::default());
}

#[test]
fn compressed_elements_arrive_likewise() {
    everything_arrives_in_order(NetworkSettings {
        compression: Compression::Lz4,
        ..NetworkSettings::default()
    });
}

#[test]
fn a_channel_that_nobody_reads_stops_no_other_and_keeps_to_its_bound() {
    let pair = pair();
    let (blocked, held) = inbox_of(&pair, 1, 20);
    let open = Inbox::new(1, 20, Arc::default());
    pair.right
        .receive(
            1,
            Incoming { decoder: codec().decoder(), inbox: open.clone(), channel: 0, meter: Arc::default() },
        )
        .unwrap();
    let mut stuck = pair.left.sender(0, codec().encoder(), Arc::default());
    let sending = thread::spawn(move || (0..).try_for_each(|n| stuck.send(rows(n * 10, 10))));
    let mut sender = pair.left.sender(1, codec().encoder(), Arc::default());
    let running = thread::spawn(move || (0..2_000).try_for_each(|n| sender.send(rows(n * 10, 10))));
    for n in 0..2_000 {
        assert_eq!(records(next(&open).1)[0].0, n * 10);
    }
    running.join().unwrap().unwrap();
    assert_eq!(held.peak(), 20, "the blocked channel is full, and no more than that");
    blocked.cancel();
    drop(pair);
    assert!(sending.join().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_batch_larger_than_the_channel_passes_when_that_is_empty() {
    let pair = pair();
    let (inbox, _) = inbox_of(&pair, 1, 10);
    let mut sender = pair.left.sender(0, codec().encoder(), Arc::default());
    let sending = thread::spawn(move || {
        (0..20).try_for_each(|n| sender.send(rows(n, 1)).and_then(|()| sender.send(rows(100, 35))))
    });
    for n in 0..20 {
        assert_eq!(records(next(&inbox).1)[0].0, n);
        assert_eq!(records(next(&inbox).1).len(), 35);
    }
    sending.join().unwrap().unwrap();
}

#[test]
fn records_of_a_megabyte_go_one_by_one_and_one_that_is_too_long_is_an_error() {
    let settings = NetworkSettings { max_frame: 2 << 20, ..NetworkSettings::default() };
    let pair = pair_with(settings, security());
    let (inbox, _) = inbox_of(&pair, 1, 100);
    let mut sender = pair.left.sender(0, codec().encoder(), Arc::default());
    let large = |n: u64, bytes: usize| (n, "x".repeat(bytes));
    let batch = Batch::from(vec![large(0, 1 << 20), large(1, 1 << 20), large(2, 1 << 20)]);
    sender.send(Element::Batch(AnyBatch::new(batch))).unwrap();
    for n in 0..3 {
        let Element::Batch(batch) = next(&inbox).1 else { panic!() };
        let batch: Box<Batch<Row>> = batch.downcast().unwrap();
        assert_eq!((batch.len(), batch.records()[0].0, batch.records()[0].1.len()), (1, n, 1 << 20));
    }
    let batch = AnyBatch::new(Batch::from(vec![large(0, 3 << 20)]));
    let text = sender.send(Element::Batch(batch)).unwrap_err().to_string();
    assert!(text.contains("2097152") && text.contains("longer frames"), "{text}");
}

#[test]
fn a_sender_waits_until_the_other_side_has_opened_the_channel() {
    let pair = pair();
    let mut sender = pair.left.sender(0, codec().encoder(), Arc::default());
    let sending = thread::spawn(move || sender.send(rows(5, 1)));
    let (inbox, _) = inbox_of(&pair, 1, 4);
    assert_eq!(records(next(&inbox).1)[0].0, 5);
    sending.join().unwrap().unwrap();
}

#[test]
fn a_receiver_that_has_gone_frees_its_sender_and_leaves_the_others_alone() {
    let pair = pair();
    let (gone, _) = inbox_of(&pair, 1, 4);
    let there = Inbox::new(1, 4, Arc::default());
    pair.right
        .receive(
            1,
            Incoming { decoder: codec().decoder(), inbox: there.clone(), channel: 0, meter: Arc::default() },
        )
        .unwrap();
    gone.cancel();
    let mut sender = pair.left.sender(0, codec().encoder(), Arc::default());
    let failure = (0..).try_for_each(|n| sender.send(rows(n, 1))).unwrap_err();
    assert!(failure.is_cancelled(), "{failure}");
    pair.left.sender(1, codec().encoder(), Arc::default()).send(rows(9, 1)).unwrap();
    assert_eq!(records(next(&there).1)[0].0, 9);
}

#[test]
fn of_a_thousand_channels_the_one_that_is_read_runs_on() {
    let pair = pair();
    let inbox = Inbox::new(1_000, 8, Arc::default());
    for channel in 0..1_000 {
        let incoming =
            Incoming { decoder: codec().decoder(), inbox: inbox.clone(), channel, meter: Arc::default() };
        pair.right.receive(channel as u32, incoming).unwrap();
        inbox.set_blocked(channel, channel != 500);
    }
    for channel in (0..1_000).filter(|channel| *channel != 500) {
        let mut sender = pair.left.sender(channel, codec().encoder(), Arc::default());
        sender.send(rows(0, 4)).unwrap();
        sender.send(rows(4, 4)).unwrap();
    }
    let mut sender = pair.left.sender(500, codec().encoder(), Arc::default());
    let sending = thread::spawn(move || (0..500).try_for_each(|n| sender.send(rows(n, 4))));
    for n in 0..500 {
        let (channel, element) = next(&inbox);
        assert_eq!((channel, records(element)[0].0), (500, n));
    }
    sending.join().unwrap().unwrap();
}

/// Both directions at once, with large batches.
pub(super) fn passes_a_great_deal(pair: &Pair) {
    let (there, _) = inbox_of(pair, 1, 5_000);
    let back = Inbox::new(1, 5_000, Arc::default());
    pair.left
        .receive(
            0,
            Incoming { decoder: codec().decoder(), inbox: back.clone(), channel: 0, meter: Arc::default() },
        )
        .unwrap();
    let threads = [&pair.left, &pair.right].map(|connection| {
        let mut sender = connection.sender(0, codec().encoder(), Arc::default());
        thread::spawn(move || (0..200).try_for_each(|n| sender.send(rows(n * 1_000, 1_000))))
    });
    for n in 0..200 {
        assert_eq!(records(next(&there).1)[999].0, n * 1_000 + 999);
        assert_eq!(records(next(&back).1)[999].0, n * 1_000 + 999);
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
}
