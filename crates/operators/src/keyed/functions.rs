//! How keys are hashed and kept.

use std::hash::Hash;

use millstream_dataflow::state::{KeyFunctions, may_hold_text};
use millstream_model::key::hash::hash_of;
use millstream_model::text::Text;

/// The functions for keys of type `K`: hashed as exchanges hash them, and, where `K` may hold a [`Text`], detached from
/// the buffers that its texts were read into when it is put into state. Which type it is, is asked here, once.
///
/// ```
/// use millstream_model::text::Text;
///
/// let line = Text::from("a line much longer than the key that is cut out of it");
/// let mut key = (7, line.slice(0..20));
/// let before = key.1.pinned_bytes();
/// (millstream_operators::keyed::key_functions::<(u32, Text)>().compact)(&mut key);
/// assert!(key.1.pinned_bytes() < before);
/// ```
pub fn key_functions<K: Hash + Clone + 'static>() -> KeyFunctions<K> {
    let plain = KeyFunctions::new(hash_of::<K>);
    let compact = |key: &mut K| *key = Text::detached_clone(key);
    if may_hold_text::<K>() { KeyFunctions { compact, ..plain } } else { plain }
}
