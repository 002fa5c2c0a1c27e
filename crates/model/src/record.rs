//! What may travel through a job, and what may leave the process.
//!
//! Answers for the two bounds that a user's type has to meet. Not for how a type is encoded.

use serde::{Serialize, de::DeserializeOwned};

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

/// A [`Record`] that may also be written down: kept in a checkpoint, spilled to disk, sent to another process.
///
/// Derive serde's `Serialize` and `Deserialize` for a type of your own and it is one.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Delay { airport: String, minutes: i32 }
///
/// fn storable<T: millstream_model::record::Storable>() {}
/// storable::<Delay>();
/// ```
pub trait Storable: Record + Serialize + DeserializeOwned {}

impl<T: Record + Serialize + DeserializeOwned> Storable for T {}
