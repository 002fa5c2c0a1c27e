//! How much is made before it is asked for.

use super::*;

/// Counts what is made of a record that makes a million.
fn million(made: &Arc<AtomicU64>) -> impl Iterator<Item = u64> + use<> {
    let made = Arc::clone(made);
    (0..1_000_000).inspect(move |_| {
        made.fetch_add(1, Ordering::Relaxed);
    })
}

#[test]
fn flat_map_makes_a_run_at_a_time_of_a_record_that_makes_a_million() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let made = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&made);
    let rdd = context.range(0, 1024).flat_map(move |_| million(&count));
    assert_eq!(rdd.take(10).unwrap(), (0..10).collect::<Vec<_>>());
    assert_eq!(made.load(Ordering::Relaxed), 1024, "of the 1,024,000,000 there are");
}

#[test]
fn runs_of_flat_map_and_map_partitions_are_never_longer_than_a_batch() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let made = Arc::new(AtomicU64::new(0));
    let most = Arc::new(AtomicU64::new(0));
    let (counted, also) = (Arc::clone(&made), Arc::clone(&made));
    let watch = |rdd: Rdd<u64>| {
        let (made, most, taken) = (Arc::clone(&made), Arc::clone(&most), AtomicU64::new(0));
        made.store(0, Ordering::Relaxed);
        rdd.for_each(move |_| {
            let ahead = made.load(Ordering::Relaxed) - taken.fetch_add(1, Ordering::Relaxed);
            most.fetch_max(ahead, Ordering::Relaxed);
        })
    };
    watch(context.range(0, 3).flat_map(move |_| million(&counted))).unwrap();
    watch(context.range(0, 3).map_partitions(move |records| {
        let made = Arc::clone(&also);
        records.flat_map(move |_| million(&made))
    }))
    .unwrap();
    assert_eq!(most.load(Ordering::Relaxed), 1024);
}

#[test]
fn flat_map_of_records_that_make_nothing_or_a_few_keeps_their_order() {
    let context = Context::builder().parallelism(2).build().unwrap();
    let rdd = context.range(0, 10_000).flat_map(|n| (0..n % 5).map(move |at| (n, at)));
    let expected: Vec<(i64, i64)> = (0..10_000).flat_map(|n| (0..n % 5).map(move |at| (n, at))).collect();
    assert_eq!(rdd.collect().unwrap(), expected);
    assert_eq!(context.range(0, 10_000).flat_map(|_| None::<u8>).count().unwrap(), 0);
}

/// A value that says how many of its kind are alive.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Alive {
    payload: [u64; 16],
    #[serde(skip)]
    alive: Arc<AtomicU64>,
}

impl Clone for Alive {
    fn clone(&self) -> Self {
        self.alive.fetch_add(1, Ordering::Relaxed);
        Self { payload: self.payload, alive: Arc::clone(&self.alive) }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_map_task_writes_its_rows_to_disk_before_they_are_more_than_its_share_of_the_memory() {
    let memory = 1 << 20;
    let context = Context::builder().parallelism(2).shuffle_memory(memory).build().unwrap();
    let (alive, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (made, seen) = (Arc::clone(&alive), Arc::clone(&most));
    // 40 MB of rows.
    let pairs = context.range(0, 200_000).map(move |n| {
        seen.fetch_max(made.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        (n, Alive { payload: [n as u64; 16], alive: Arc::clone(&made) })
    });
    let sum = pairs.partition_by(3).map(|(n, value)| u64::from(value.payload[0] == n as u64));
    assert_eq!(sum.fold(0, |a, b| a + b).unwrap(), 200_000);
    let most = most.load(Ordering::Relaxed) as usize * size_of::<(i64, Alive)>();
    assert!(most < 2 * memory, "{most} bytes of rows were alive at once");
    assert_eq!(context.counters().blocks_spilled, 6);
}

/// Counts the values that hold one, wherever they come from: from the program, as copies, back from disk.
#[derive(Debug)]
struct Token;

static ALIVE: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

impl Token {
    fn counted() -> Self {
        MOST.fetch_max(ALIVE.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Self
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        Self::counted()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Weighty {
    payload: [u64; 16],
    #[serde(skip, default = "Token::counted")]
    _counted: Token,
}

/// 25,000 keys, each of which comes in two map tasks: 7 MB in all, in a memory of 1 MiB.
#[test]
fn values_are_combined_within_the_memory_for_shuffles_however_many_keys_there_are() {
    let (memory, keys) = (1 << 20, 25_000);
    let context = Context::builder().parallelism(2).shuffle_memory(memory).build().unwrap();
    let pairs = context.range(0, 2 * keys).map(move |n| {
        let mut payload = [0; 16];
        payload[0] = n as u64;
        (n % keys, Weighty { payload, _counted: Token::counted() })
    });
    let first_and_sum = pairs.reduce_by_key(|mut a, b| {
        a.payload[1] += b.payload[0] + b.payload[1];
        a
    });
    let found = first_and_sum.map(|(key, value)| (key, value.payload[0], value.payload[1]));
    let mut found = found.collect().unwrap();
    found.sort_unstable();
    let right = (0..keys).map(|key| (key, key as u64, (key + keys) as u64));
    assert!(found.into_iter().eq(right), "each key once, its rows in their order");
    let most = MOST.load(Ordering::Relaxed) as usize * size_of::<(u64, i64, Weighty)>();
    assert!(most < 3 * memory, "{most} bytes of values were alive at once");
    assert!(context.counters().blocks_spilled > 0);
}
