//! The numbers of one batch.

use millstream_dataflow::batch::Batch;

/// `count` numbers, `step` apart, from `first` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) step: u64,
}

impl Numbers {
    /// Puts into `batch` what `make` makes of each number. To be called where the type of `make` is known, so that it
    /// becomes part of the loop.
    #[inline]
    pub(crate) fn fill<T>(self, batch: &mut Batch<T>, mut make: impl FnMut(u64) -> T) {
        let Self { first, count, step } = self;
        batch.extend((0..count).map(|turn| make(first + turn * step)));
    }
}
