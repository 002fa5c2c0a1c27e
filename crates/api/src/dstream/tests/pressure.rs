//! Batches that take longer than their interval, and receivers that are slowed.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};

use millstream_connectors::sequence::NumberSequence;
use millstream_dataflow::state::StateData;

use super::*;

/// Batches that each wait for a word before they are processed, and then tell their records.
fn gated<T: StateData>(stream: &DStream<T>) -> (Sender<()>, Receiver<Vec<T>>) {
    let (go, gate) = channel();
    let (each, seen) = channel();
    stream.foreach_rdd(move |rdd| {
        let _open = gate.recv();
        let _told = each.send(rdd.collect()?);
        Ok(())
    });
    (go, seen)
}

#[test]
fn batches_that_take_longer_than_the_interval_queue_up_and_it_shows() {
    let (batches, clock) = program();
    let (go, _seen) = gated(&queued(&batches, &[&[1]]));
    batches.start().unwrap();
    let progress = &batches.batches().progress;
    for second in 1..=4 {
        clock.advance(seconds(1));
        progress.wait_for_status(|s| s.processing.is_some() && s.queued_batches == second - 1);
    }
    let status = batches.status();
    let processing = status.processing.unwrap();
    assert_eq!((processing.time.millis(), processing.scheduling_delay()), (1000, Some(seconds(0))));
    assert_eq!((status.completed_batches, status.queued_batches), (0, 3));
    go.send(()).unwrap();
    batches.await_batches(1).unwrap();
    let first = batches.status().last_completed.unwrap();
    assert_eq!((first.processing_time(), first.total_delay()), (Some(seconds(3)), Some(seconds(3))));
    drop(go);
    batches.await_batches(4).unwrap();
    let last = batches.status().last_completed.unwrap();
    assert_eq!(
        (last.time.millis(), last.scheduling_delay(), last.processing_time()),
        (4000, Some(seconds(0)), Some(seconds(0)))
    );
    progress.wait_for_status(|status| status.queued_batches == 0 && status.processing.is_none());
}

#[test]
fn the_queue_of_batches_is_bounded_and_none_is_left_out() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let batches =
        StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).queued_batches(2).build();
    let (times, seen) = channel();
    let (go, gate) = channel::<()>();
    queued(&batches, &[&[1]]).foreach_rdd_with_time(move |_, time| {
        let _open = gate.recv();
        times.send(time.millis()).unwrap();
        Ok(())
    });
    batches.start().unwrap();
    clock.advance(seconds(8));
    batches.batches().progress.wait_for_status(|s| s.processing.is_some() && s.queued_batches == 2);
    go.send(()).unwrap();
    batches.await_batches(1).unwrap();
    assert!(batches.status().queued_batches <= 2);
    drop(go);
    batches.await_batches(8).unwrap();
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), (1..=8).map(|n| n * 1000).collect::<Vec<_>>());
}

#[test]
fn a_receiver_holds_no_more_than_its_limit_however_slow_the_batches_are() {
    let context = Context::builder().parallelism(2).build().unwrap();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let batches =
        StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).held_records(1500).build();
    let numbers = batches.receiver_stream(NumberSequence::new(0, 1_000_000_000));
    let (go, seen) = gated(&numbers);
    batches.start().unwrap();
    let full = batches.wait_for_receiver(0, |receiver| receiver.waits);
    assert_eq!((full.records_held, full.records_received), (1500, 1500));
    for second in 1..=5 {
        clock.advance(seconds(1));
        batches
            .batches()
            .progress
            .wait_for_status(|s| s.processing.is_some() && s.queued_batches == second - 1);
    }
    let held = &batches.status().receivers[0];
    assert_eq!((held.records_received, held.most_records_held), (1500, 1500), "{held:?}");
    let mut all = Vec::new();
    for batch in 1..=5 {
        go.send(()).unwrap();
        all.extend(seen.recv().unwrap());
        batches.await_batches(batch).unwrap();
    }
    let next = batches.wait_for_receiver(0, |receiver| receiver.waits && receiver.records_received == 3000);
    assert_eq!((next.records_held, next.most_records_held), (1500, 1500), "a batch that is done makes room");
    drop(go);
    clock.advance(seconds(1));
    batches.await_batches(6).unwrap();
    all.extend(seen.recv().unwrap());
    assert_eq!(all, (0..3000).collect::<Vec<u64>>(), "nothing is lost, doubled or out of order");
    batches.stop(Stop::Now).unwrap();
}

#[test]
fn the_peer_of_a_socket_is_slowed_rather_than_memory_grown() {
    const LINES: u64 = 300_000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&sent);
    let peer = std::thread::spawn(move || {
        let mut line = [b'x'; 100];
        line[99] = b'\n';
        // Far more than the sockets of both ends hold.
        let block = line.repeat(1000);
        let mut peer = listener.accept().unwrap().0;
        (0..LINES / 1000).for_each(|_| peer.write_all(&block).unwrap());
        done.store(true, Ordering::SeqCst);
        peer
    });
    let context = Context::builder().parallelism(2).build().unwrap();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let batches =
        StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).held_records(20_000).build();
    let lines = batches.socket_text_stream("127.0.0.1", port);
    let (go, seen) = gated(&lines.count());
    batches.start().unwrap();
    clock.advance(seconds(1));
    for _ in 0..3 {
        batches.wait_for_receiver(0, |receiver| receiver.waits);
        clock.advance(seconds(1));
    }
    let held = batches.wait_for_receiver(0, |receiver| receiver.waits);
    assert!(!sent.load(Ordering::SeqCst), "the peer waits to send the rest");
    assert_eq!((held.records_held, held.most_records_held), (20_000, 20_000));
    assert!(held.most_bytes_held < 20_000 * 120, "{held:?}");
    drop(go);
    let mut counted = 0;
    for batch in 5.. {
        batches.wait_for_receiver(0, |receiver| receiver.waits || receiver.records_received == LINES);
        clock.advance(seconds(1));
        batches.await_batches(batch).unwrap();
        counted += seen.try_iter().flatten().sum::<u64>();
        if counted == LINES {
            break;
        }
    }
    assert_eq!(batches.status().receivers[0].most_records_held, 20_000);
    assert_eq!(batches.status().completed_records, LINES);
    drop(peer.join().unwrap());
}
