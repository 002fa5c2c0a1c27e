//! What may travel through a job.
//!
//! Answers for the bound that every record's type has to meet. Not for what may be kept in state or leave the
//! process: that asks for more, and is `dataflow`'s `StateData`.

/// A value that may flow through a job: it can be copied to a second reader and moved to another thread.
///
/// Implemented for every type that can be; there is nothing to write.
///
/// ```
/// fn flows<T: millstream_model::record::Record>() {}
/// flows::<(String, u64)>();
/// ```
pub trait Record: Clone + Send + 'static {}

impl<T: Clone + Send + 'static> Record for T {}
