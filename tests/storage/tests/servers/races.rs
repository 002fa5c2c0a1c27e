//! Eight writers at once, in S3 and HDFS.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::time::Duration;

use millstream_storage::{ConditionalStore, Lease, Outcome, Published, Storage};

use crate::places;

const WRITERS: usize = 8;

/// What each of eight threads, begun at once and each with a client of its own, makes of it.
fn race<T: Send>(location: &str, act: impl Fn(&Storage, usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(WRITERS);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (barrier, act) = (&barrier, &act);
                let place = Storage::open_with(location, &places::settings()).unwrap();
                scope.spawn(move || {
                    barrier.wait();
                    act(&place, writer)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn count(place: &Storage, writer: usize) -> Vec<u64> {
    let mut made = Vec::new();
    while made.len() < 3 {
        let (text, version) = place.read("counter").unwrap().unwrap();
        let next = String::from_utf8(text).unwrap().split_once(' ').unwrap().0.parse::<u64>().unwrap() + 1;
        let replaced = place.replace("counter", &version, format!("{next} {writer}").as_bytes()).unwrap();
        if replaced != Outcome::Lost {
            made.push(next);
        }
    }
    made
}

#[test]
fn of_eight_who_publish_a_name_one_wins_and_the_others_leave_nothing() {
    for place in places::both("publish") {
        for round in 0..5 {
            let file = format!("manifest-{round}");
            let text = |writer: usize| format!("{writer} in {round}").into_bytes();
            let published =
                race(place.name(), |place, writer| place.put_if_absent(&file, &text(writer)).unwrap());
            let winners: Vec<_> =
                (0..WRITERS).filter(|writer| published[*writer] == Published::Won).collect();
            assert_eq!(winners.len(), 1, "{place:?}");
            assert_eq!(place.get(&file).unwrap(), text(winners[0]));
            assert_eq!(place.list("").unwrap().len(), round + 1);
            assert_eq!(place.unfinished("").unwrap(), [], "{place:?}");
        }
    }
}

#[test]
fn of_eight_who_replace_a_version_one_wins_each_time() {
    for place in places::both("replace") {
        assert_ne!(place.create("counter", b"0 nobody").unwrap(), Outcome::Lost);
        assert_eq!(place.create("counter", b"0 another").unwrap(), Outcome::Lost);
        let counted = race(place.name(), count);
        let all: BTreeSet<u64> = counted.into_iter().flatten().collect();
        assert_eq!(all, (1..=3 * WRITERS as u64).collect(), "{place:?}");
    }
}

#[test]
fn of_eight_who_want_a_lease_one_gets_it() {
    for place in places::both("lease") {
        let taken = race(place.name(), |place, _| Lease::take(place, "lease", Duration::from_secs(30)));
        let held: Vec<_> = taken.into_iter().filter_map(Result::ok).collect();
        assert_eq!(held.len(), 1, "{place:?}");
        assert!(held[0].is_held());
        drop(held);
        Lease::take(&place, "lease", Duration::from_secs(30)).unwrap();
    }
}
