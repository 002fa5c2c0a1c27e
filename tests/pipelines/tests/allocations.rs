//! Per record the engine allocates nothing: a job over a hundred times as many records allocates about as often.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]
#![allow(unsafe_code, reason = "an allocator that counts is unsafe to write, and hands everything on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use millstream::connectors::discard::Discard;
use millstream::{Mode, StreamEnvironment};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps what `GlobalAlloc` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often a job allocates that sends so many records through steps, an exchange and a keyed aggregate.
fn allocations(records: u64, mode: Mode) -> u64 {
    let env = StreamEnvironment::new();
    env.set_parallelism(2).set_mode(mode);
    env.from_sequence(1, records)
        .map(|n| n.wrapping_mul(3))
        .filter(|n| n % 16 != 0)
        .flat_map(|n| [n, n ^ 1])
        .key_by(|n| n % 1_000)
        .count()
        .map(|(key, count)| key ^ count)
        .sink_to(Discard::new());
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    env.execute("allocations").unwrap();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

// One test, since others would be counted with it.
#[test]
fn a_job_allocates_by_the_batch_and_not_by_the_record() {
    for mode in [Mode::Streaming, Mode::Batch] {
        let few = allocations(10_000, mode);
        let (records, many) = (1_000_000, allocations(1_000_000, mode));
        // Twenty allocations for each batch of about a thousand records would be a tenth of this.
        let by_record = (many - few.min(many)) as f64 / f64::from(records);
        assert!(by_record < 0.1, "{mode:?}: {few} allocations for 10,000 records, {many} for {records}");
    }
}
