//! Races, on the stores that need no server; `tests/storage` has the same with those that do.

use std::collections::BTreeSet;
use std::sync::Barrier;

use super::*;
use crate::storage::Published;

const WRITERS: usize = 8;
const ROUNDS: usize = 20;

/// What each of eight threads, begun at once, makes of it.
fn race<T: Send>(act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(WRITERS);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (barrier, act) = (&barrier, &act);
                scope.spawn(move || {
                    barrier.wait();
                    act(writer)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn check_races(place: &Storage) {
    for round in 0..ROUNDS {
        let (file, counter) = (format!("file-{round}"), format!("counter-{round}"));
        let text = |writer: usize| format!("{writer} in {round}").into_bytes();
        let published = race(|writer| place.put_if_absent(&file, &text(writer)).unwrap());
        let winners: Vec<_> = (0..WRITERS).filter(|writer| published[*writer] == Published::Won).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(place.get(&file).unwrap(), text(winners[0]));

        let created = race(|writer| place.create(&counter, format!("0 {writer}").as_bytes()).unwrap());
        assert_eq!(created.iter().filter(|outcome| **outcome != Outcome::Lost).count(), 1);
        let counted = race(|writer| count(place, &counter, writer));
        let all: BTreeSet<u64> = counted.into_iter().flatten().collect();
        assert_eq!(all, (1..=3 * WRITERS as u64).collect());
    }
    let names: Vec<_> = place.list("").unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("file-")).count(), ROUNDS);
}

/// Adds one three times, and gives what it made the counter each time: nobody else may have made it the same.
fn count(place: &Storage, counter: &str, writer: usize) -> Vec<u64> {
    let mut made = Vec::new();
    while made.len() < 3 {
        let (text, version) = place.read(counter).unwrap().unwrap();
        let text = String::from_utf8(text).unwrap();
        let next = text.split_once(' ').unwrap().0.parse::<u64>().unwrap() + 1;
        let replaced = place.replace(counter, &version, format!("{next} {writer}").as_bytes()).unwrap();
        if replaced != Outcome::Lost {
            made.push(next);
        }
    }
    made
}

#[test]
fn of_eight_writers_in_memory_one_wins() {
    check_races(&Storage::open("memory:races/deep").unwrap());
}

#[test]
fn of_eight_writers_in_a_local_folder_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    check_races(&Storage::local(folder.path()));
}

#[test]
fn of_eight_writers_where_names_are_all_there_is_one_wins() {
    let mut place = Storage::open("memory:races-by-name/deep").unwrap();
    let Place::Objects(objects) = &mut place.place else { panic!("memory is no folder") };
    objects.kind = Kind::Renaming;
    check_races(&place);
    assert!(place.list("").unwrap().iter().all(|entry| !entry.name.contains(".unpublished")));
}

#[test]
fn what_is_not_there_can_be_read_as_nothing_and_not_be_replaced() {
    for place in
        [Storage::open("memory:nothing").unwrap(), Storage::local(tempfile::tempdir().unwrap().path())]
    {
        assert_eq!(place.read("leader").unwrap(), None);
        let elsewhere = Storage::open("memory:elsewhere").unwrap();
        let Outcome::Won(version) = elsewhere.create(place.name(), b"a").unwrap() else {
            panic!("it was there")
        };
        assert_eq!(place.replace("leader", &version, b"b").unwrap(), Outcome::Lost);
    }
}
