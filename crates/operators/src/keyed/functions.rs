//! How keys are hashed and kept.

use std::any::{Any, TypeId};
use std::hash::Hash;

use millstream_dataflow::state::KeyFunctions;
use millstream_model::key::hash::hash_of;
use millstream_model::text::Text;

/// The functions for keys of type `K`: hashed as exchanges hash them, and, where `K` is [`Text`], detached from the
/// buffer it was read into when it is put into state. Which type it is, is asked here, once.
///
/// ```
/// use millstream_model::text::Text;
///
/// let line = Text::from("a line much longer than the key that is cut out of it");
/// let mut key = line.slice(0..20);
/// let before = key.pinned_bytes();
/// (millstream_operators::keyed::key_functions::<Text>().compact)(&mut key);
/// assert!(key.pinned_bytes() < before);
/// ```
pub fn key_functions<K: Hash + 'static>() -> KeyFunctions<K> {
    let plain = KeyFunctions::new(hash_of::<K>);
    if TypeId::of::<K>() == TypeId::of::<Text>() { KeyFunctions { compact: detach, ..plain } } else { plain }
}

fn detach<K: 'static>(key: &mut K) {
    if let Some(text) = (key as &mut dyn Any).downcast_mut::<Text>() {
        *text = text.detach();
    }
}
