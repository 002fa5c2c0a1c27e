//! What is done to each batch on its own.

use super::*;

#[test]
fn each_batch_goes_through_map_filter_and_flat_map_on_its_own() {
    let outcome = outcome_of(&[&[1, 2, 3], &[4]], 3, |numbers| {
        numbers.map(|n| n * 10).filter(|n| *n != 20).flat_map(|n| [n, n + 1])
    });
    assert_eq!(outcome, [(1, vec![10, 11, 30, 31]), (2, vec![40, 41]), (3, vec![])]);
}

#[test]
fn map_partitions_sees_the_records_of_a_partition() {
    let outcome =
        outcome_of(&[&[1, 2, 3, 4]], 1, |numbers| numbers.map_partitions(|part| [part.sum::<i32>()]));
    assert_eq!(outcome, [(1, vec![3, 7])]);
}

#[test]
fn reduce_by_key_and_group_by_key_bring_the_keys_of_a_batch_together() {
    let words: &[&[(char, u32)]] = &[&[('a', 1), ('b', 2), ('a', 3)], &[('a', 4)]];
    let sums = outcome_of(words, 2, |words| words.reduce_by_key(|a, b| a + b));
    assert_eq!(sums, [(1, vec![('a', 4), ('b', 2)]), (2, vec![('a', 4)])]);
    let groups = outcome_of(words, 1, |words| {
        words.group_by_key().map_values(|mut all| {
            all.sort();
            all
        })
    });
    assert_eq!(groups, [(1, vec![('a', vec![1, 3]), ('b', vec![2])])]);
}

#[test]
fn values_are_mapped_behind_their_keys() {
    let outcome = outcome_of(&[&[('a', 1), ('b', 2)]], 1, |pairs| {
        pairs.map_values(|n| n * 2).flat_map_values(|n| [n, n + 1])
    });
    assert_eq!(outcome, [(1, vec![('a', 2), ('a', 3), ('b', 4), ('b', 5)])]);
}

#[test]
fn count_gives_a_number_for_each_batch_even_an_empty_one() {
    assert_eq!(outcome_of(&[&[7, 7, 7]], 2, DStream::count), [(1, vec![3]), (2, vec![0])]);
}

#[test]
fn reduce_gives_one_record_for_a_batch_and_none_for_an_empty_one() {
    let outcome = outcome_of(&[&[1, 2, 3, 4]], 2, |numbers| numbers.reduce(|a, b| a.max(b)));
    assert_eq!(outcome, [(1, vec![4]), (2, vec![])]);
}

#[test]
fn count_by_value_counts_within_a_batch() {
    let outcome = outcome_of(&[&['a', 'b', 'a'], &['a']], 2, DStream::count_by_value);
    assert_eq!(outcome, [(1, vec![('a', 2), ('b', 1)]), (2, vec![('a', 1)])]);
}

#[test]
fn repartition_and_partition_by_set_the_number_of_partitions() {
    let (batches, clock) = program();
    let numbers = queued(&batches, &[&[1, 2, 3, 4, 5, 6]]);
    let sizes = numbers.repartition(3).map_partitions(|part| [part.count()]);
    let sizes = &outcome(&batches, &clock, &sizes, 1)[0].1;
    assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (3, 6));
    let (batches, clock) = program();
    let pairs = queued(&batches, &[&[(1, ()), (2, ())]]);
    let parts = pairs.partition_by(5).map_partitions(|part| [part.count()]);
    assert_eq!(outcome(&batches, &clock, &parts, 1)[0].1.len(), 5);
}

#[test]
fn union_puts_the_batches_of_streams_together() {
    let (batches, clock) = program();
    let (left, right) = (queued(&batches, &[&[1], &[2]]), queued(&batches, &[&[10]]));
    let all = batches.union(&[left.union(&right), right.map(|n| n + 1)]);
    assert_eq!(outcome(&batches, &clock, &all, 2), [(1, vec![1, 10, 11]), (2, vec![2])]);
}

#[test]
fn a_stream_may_be_put_together_with_itself() {
    let outcome = outcome_of(&[&[1, 2]], 1, |numbers| numbers.union(numbers));
    assert_eq!(outcome, [(1, vec![1, 1, 2, 2])]);
}

#[test]
fn streams_of_different_slides_are_refused_at_the_start() {
    let (batches, _) = program();
    let numbers = queued(&batches, &[&[1]]);
    numbers.union(&numbers.window(seconds(2), seconds(2))).print(1);
    let error = batches.start().unwrap_err().to_string();
    assert!(error.contains("every 1000 ms and every 2000 ms"), "{error}");
}

#[test]
fn join_and_cogroup_pair_the_batches_of_the_same_time() {
    let (batches, clock) = program();
    let left = queued(&batches, &[&[('a', 1), ('b', 2)], &[('a', 3)]]);
    let right = queued(&batches, &[&[('a', 'x')], &[('b', 'y')]]);
    let joined = left.join(&right).map(|(key, (n, c))| (key, vec![n], vec![c]));
    let grouped = left.cogroup(&right).map(|(key, (ns, cs))| (key, ns, cs));
    let both = outcome(&batches, &clock, &joined.union(&grouped), 2);
    let first = vec![('a', vec![1], vec!['x']), ('a', vec![1], vec!['x']), ('b', vec![2], vec![])];
    assert_eq!(both, [(1, first), (2, vec![('a', vec![3], vec![]), ('b', vec![], vec!['y'])])]);
}

#[test]
fn transform_gives_each_batch_and_its_time_to_a_function_of_rdds() {
    let (batches, clock) = program();
    let known = batches.context().parallelize([(2, "two".to_string())]);
    let numbers = queued(&batches, &[&[(1, ()), (2, ())]]);
    let named = numbers.transform(move |rdd| rdd.join(&known).map(|(n, ((), name))| (n, name)));
    let timed = named.transform_with_time(|rdd, time| rdd.map(move |(n, name)| (n, name, time.millis())));
    assert_eq!(outcome(&batches, &clock, &timed, 1), [(1, vec![(2, "two".to_string(), 1000)])]);
}

#[test]
fn a_queue_gives_one_rdd_a_batch_or_all_and_then_the_default() {
    let (batches, clock) = program();
    let context = batches.context().clone();
    let rdds = || (0..3).map(|n| context.parallelize([n])).collect::<Vec<_>>();
    let default = Some(context.parallelize([9]));
    let one = batches.queue_stream(rdds(), QueueMode::OneAtATime, default).map(|n| ('o', n));
    let all = batches.queue_stream(rdds(), QueueMode::AllAtOnce, None).map(|n| ('a', n));
    let outcome = outcome(&batches, &clock, &one.union(&all), 4);
    assert_eq!(outcome[0], (1, vec![('a', 0), ('a', 1), ('a', 2), ('o', 0)]));
    assert_eq!(outcome[1..], [(2, vec![('o', 1)]), (3, vec![('o', 2)]), (4, vec![('o', 9)])]);
}

#[test]
fn a_queue_can_be_added_to_while_the_stream_runs() {
    let (batches, clock) = program();
    let queue = RddQueue::new();
    let stream = batches.queue_stream(queue.clone(), QueueMode::OneAtATime, None);
    let (each, seen) = channel();
    stream.foreach_rdd(move |rdd| {
        each.send(rdd.collect()?).unwrap();
        Ok(())
    });
    batches.start().unwrap();
    for n in [5, 6] {
        queue.push(batches.context().parallelize([n]));
        clock.advance(seconds(1));
        assert_eq!(seen.recv().unwrap(), [n]);
    }
    assert!(queue.is_empty());
}
