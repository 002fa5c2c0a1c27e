//! When an agent is told, and when not.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn batch(count: u32) -> Packed {
    let mut packed = Packed::default();
    (0..count).for_each(|n| packed.put_event(&FlumeEvent::new(format!("{n}"))));
    packed
}

/// Reads until a batch has come; none is empty.
fn read(outlet: &mut Outlet, intake: &Intake, most: usize) -> usize {
    loop {
        match outlet.read(intake, most, |_| ()).unwrap() {
            0 => thread::yield_now(),
            count => return count,
        }
    }
}

#[test]
fn without_a_log_a_batch_is_taken_once_a_checkpoint_that_has_all_of_it_is_complete() {
    let intake = Intake::queued(false, &Arc::default(), 1 << 20, LONG);
    let mut outlet = Outlet::new(LogPlace::default(), 3);
    thread::scope(|scope| {
        let agent = scope.spawn(|| intake.take(&mut batch(10), &|| false));
        assert_eq!(read(&mut outlet, &intake, 6), 6);
        outlet.mark();
        outlet.complete(&intake).unwrap();
        assert!(!agent.is_finished(), "half a batch was acknowledged");
        assert_eq!(read(&mut outlet, &intake, 6), 4);
        outlet.mark();
        assert!(!agent.is_finished(), "acknowledged before the checkpoint is complete");
        outlet.complete(&intake).unwrap();
        assert_eq!(agent.join().unwrap(), Taken::Yes);
    });
}

#[test]
fn where_there_is_no_room_a_batch_is_refused_and_where_its_agent_has_gone_it_is_over() {
    let at_most = Duration::from_millis(20);
    let intake = Intake::queued(true, &Arc::default(), 100, at_most);
    assert_eq!(intake.take(&mut batch(40), &|| false), Taken::Yes);
    let begun = Instant::now();
    assert_eq!(intake.take(&mut batch(40), &|| false), Taken::No);
    assert!(begun.elapsed() >= at_most);
    let mut outlet = Outlet::new(LogPlace::default(), 3);
    assert_eq!(read(&mut outlet, &intake, 1_000), 40);
    assert_eq!(intake.take(&mut batch(40), &|| false), Taken::Yes);
    let intake = Intake::queued(false, &Arc::default(), 100, LONG);
    assert_eq!(intake.take(&mut batch(1), &|| true), Taken::Over);
}

#[test]
fn a_log_that_cannot_be_written_fails_the_job_and_the_batch_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limits = crate::flume::log::LogLimits { segment: 1, limit: 1 << 20 };
    let bell = Arc::default();
    let (log, place) = Log::open(folder.path(), limits, None, crate::flume::settings::LogLost::Fail, &bell)
        .unwrap()
        .unwrap();
    let intake = Intake::logged(log, 1 << 20, LONG);
    assert_eq!(intake.take(&mut batch(1), &|| false), Taken::Yes);
    // The next file cannot be made.
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(intake.take(&mut batch(1), &|| false), Taken::No);
    let error = Outlet::new(place, 3).read(&intake, 9, |_| ()).unwrap_err().to_string();
    assert!(error.contains("cannot be written") && error.contains("No such file"), "{error}");
}
