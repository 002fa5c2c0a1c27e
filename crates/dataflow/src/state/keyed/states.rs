//! The handles to the states of the current key.
//!
//! Answers for what each kind of state can do. Handles are cheap to clone, stay on the operator's thread, and know
//! nothing of the key's type; which key they mean is set by the store.
//! Holds: an empty list and an empty map are no state; reading never creates any; what is put in keeps no read buffer
//! alive. What an aggregate or a `with_mut` puts in is not seen here: where a store keeps text, whoever runs the function
//! hands it records that hold on to no buffer ([`super::KeyedStore::keeps_text`]).

use std::collections::BTreeMap;

use super::super::may_hold_text;
use super::cell::{Content, StateCell};
use super::descriptor::{Aggregate, Reduce};

/// What a value, reducing or aggregating state keeps: always something.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Kept<T>(pub(super) T);

impl<T> Content for Kept<T> {
    fn is_kept(&self) -> bool {
        true
    }

    fn may_hold_text() -> bool {
        may_hold_text::<T>()
    }
}

impl<T> Content for Vec<T> {
    fn is_kept(&self) -> bool {
        !self.is_empty()
    }

    fn may_hold_text() -> bool {
        may_hold_text::<T>()
    }
}

impl<MK, MV> Content for BTreeMap<MK, MV> {
    fn is_kept(&self) -> bool {
        !self.is_empty()
    }

    fn may_hold_text() -> bool {
        may_hold_text::<(MK, MV)>()
    }
}

/// One value per key.
#[derive(Debug)]
pub struct ValueState<V>(pub(super) StateCell<Kept<V>>);

impl<V> Clone for ValueState<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Clone> ValueState<V> {
    /// A copy of the value; none where the key has none.
    pub fn get(&self) -> Option<V> {
        self.with(|value| value.cloned())
    }

    /// Gives `read` the value without a copy.
    pub fn with<R>(&self, read: impl FnOnce(Option<&V>) -> R) -> R {
        self.0.read(|value| read(value.map(|kept| &kept.0)))
    }

    /// Sets the value.
    pub fn update(&self, value: V) {
        let value = self.0.own(value);
        self.0.change(|held| *held = Some(Kept(value)));
    }

    /// Gives `change` the value in place, made by `Default` where the key has none.
    pub fn with_mut<R>(&self, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        self.0.change(|held| change(&mut held.get_or_insert_with(|| Kept(V::default())).0))
    }

    /// Removes the value.
    pub fn clear(&self) {
        self.0.clear();
    }
}

/// A list per key, in the order of adding.
#[derive(Debug)]
pub struct ListState<V>(pub(super) StateCell<Vec<V>>);

impl<V> Clone for ListState<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Clone> ListState<V> {
    /// A copy of the list.
    pub fn get(&self) -> Vec<V> {
        self.with(<[V]>::to_vec)
    }

    /// Gives `read` the list without a copy.
    pub fn with<R>(&self, read: impl FnOnce(&[V]) -> R) -> R {
        self.0.read(|list| read(list.map_or(&[], Vec::as_slice)))
    }

    /// Appends a value.
    pub fn add(&self, value: V) {
        let value = self.0.own(value);
        self.with_mut(|list| list.push(value));
    }

    /// Appends values.
    pub fn add_all(&self, values: impl IntoIterator<Item = V>) {
        self.with_mut(|list| list.extend(values.into_iter().map(|value| self.0.own(value))));
    }

    /// Replaces the list.
    pub fn update(&self, values: Vec<V>) {
        let values = self.0.own(values);
        self.0.change(|list| *list = Some(values));
    }

    /// Gives `change` the list in place.
    pub fn with_mut<R>(&self, change: impl FnOnce(&mut Vec<V>) -> R) -> R {
        self.0.change(|list| change(list.get_or_insert_default()))
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.with(<[V]>::is_empty)
    }

    /// Removes the list.
    pub fn clear(&self) {
        self.0.clear();
    }
}

/// A map per key, iterated in the order of its own keys.
#[derive(Debug)]
pub struct MapState<MK, MV>(pub(super) StateCell<BTreeMap<MK, MV>>);

impl<MK, MV> Clone for MapState<MK, MV> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<MK: Clone + Ord, MV: Clone> MapState<MK, MV> {
    /// A copy of the value of `key`.
    pub fn get(&self, key: &MK) -> Option<MV> {
        self.0.read(|map| map.and_then(|map| map.get(key)).cloned())
    }

    /// Sets the value of `key`.
    pub fn put(&self, key: MK, value: MV) {
        let (key, value) = self.0.own((key, value));
        self.with_mut(|map| {
            map.insert(key, value);
        });
    }

    /// Sets the values of many keys.
    pub fn put_all(&self, entries: impl IntoIterator<Item = (MK, MV)>) {
        self.with_mut(|map| map.extend(entries.into_iter().map(|entry| self.0.own(entry))));
    }

    /// Removes `key`; gives the value it had.
    pub fn remove(&self, key: &MK) -> Option<MV> {
        if self.contains(key) { self.with_mut(|map| map.remove(key)) } else { None }
    }

    /// Whether `key` has a value.
    pub fn contains(&self, key: &MK) -> bool {
        self.0.read(|map| map.is_some_and(|map| map.contains_key(key)))
    }

    /// Copies of all entries, by key.
    pub fn entries(&self) -> Vec<(MK, MV)> {
        self.0
            .read(|map| map.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// Copies of all keys, in order.
    pub fn keys(&self) -> Vec<MK> {
        self.0.read(|map| map.into_iter().flat_map(BTreeMap::keys).cloned().collect())
    }

    /// Copies of all values, by key.
    pub fn values(&self) -> Vec<MV> {
        self.0.read(|map| map.into_iter().flat_map(BTreeMap::values).cloned().collect())
    }

    /// Gives `read` the map without a copy; none where it is empty.
    pub fn with<R>(&self, read: impl FnOnce(Option<&BTreeMap<MK, MV>>) -> R) -> R {
        self.0.read(read)
    }

    /// Gives `change` the map in place.
    pub fn with_mut<R>(&self, change: impl FnOnce(&mut BTreeMap<MK, MV>) -> R) -> R {
        self.0.change(|map| change(map.get_or_insert_default()))
    }

    /// Whether the map is empty.
    pub fn is_empty(&self) -> bool {
        self.0.read(|map| map.is_none())
    }

    /// Removes the map.
    pub fn clear(&self) {
        self.0.clear();
    }
}

/// One value per key that what is added is reduced into.
pub struct ReducingState<V> {
    pub(super) cell: StateCell<Kept<V>>,
    pub(super) reduce: Reduce<V>,
}

impl<V> Clone for ReducingState<V> {
    fn clone(&self) -> Self {
        Self { cell: self.cell.clone(), reduce: self.reduce.clone() }
    }
}

impl<V: Clone> ReducingState<V> {
    /// Reduces `value` into what is there.
    pub fn add(&self, value: V) {
        self.cell.change(|held| {
            let reduced = match held.take() {
                Some(Kept(before)) => (self.reduce)(before, value),
                None => value,
            };
            *held = Some(Kept(self.cell.own(reduced)));
        });
    }

    /// A copy of the reduced value; none where nothing was added.
    pub fn get(&self) -> Option<V> {
        self.cell.read(|held| held.map(|kept| kept.0.clone()))
    }

    /// Removes the value.
    pub fn clear(&self) {
        self.cell.clear();
    }
}

/// An accumulator per key: what is added goes into it, and its result is read.
pub struct AggregatingState<In, Acc, Out> {
    pub(super) cell: StateCell<Kept<Acc>>,
    pub(super) aggregate: Aggregate<In, Acc, Out>,
}

impl<In, Acc, Out> Clone for AggregatingState<In, Acc, Out> {
    fn clone(&self) -> Self {
        Self { cell: self.cell.clone(), aggregate: self.aggregate.clone() }
    }
}

impl<In, Acc: Clone, Out> AggregatingState<In, Acc, Out> {
    /// Adds an input to the accumulator.
    pub fn add(&self, input: In) {
        self.cell.change(|held| {
            let held = held.get_or_insert_with(|| Kept((self.aggregate.create)()));
            (self.aggregate.add)(&mut held.0, input);
        });
    }

    /// The accumulator's result; none where nothing was added.
    pub fn get(&self) -> Option<Out> {
        self.cell.read(|held| held.map(|kept| (self.aggregate.result)(&kept.0)))
    }

    /// Removes the accumulator.
    pub fn clear(&self) {
        self.cell.clear();
    }
}
