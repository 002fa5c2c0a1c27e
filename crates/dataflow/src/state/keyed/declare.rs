//! Declaring the states of a store.
//!
//! Answers for one column per declaration, for names that are unique, and for the time of declaring: before restoring.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::error::StateError;
use super::super::snapshot::{KeyedMeta, StateKind};
use super::super::{KeyData, StateData};
use super::KeyedStore;
use super::cell::{Content, StateCell};
use super::column::Column;
use super::descriptor::{
    AggregatingStateDescriptor, ListStateDescriptor, MapStateDescriptor, ReducingStateDescriptor,
    ValueStateDescriptor,
};
use super::erased::TypedColumn;
use super::states::{AggregatingState, ListState, MapState, ReducingState, ValueState};

impl<K: KeyData> KeyedStore<K> {
    /// Declares one value per key.
    ///
    /// # Errors
    /// Where the name is taken, or the store has been restored already.
    pub fn value<V: StateData>(
        &mut self,
        descriptor: &ValueStateDescriptor<V>,
    ) -> Result<ValueState<V>, StateError> {
        let meta = KeyedMeta::new::<K, V>(&descriptor.name, StateKind::Value);
        self.declare(meta.version(descriptor.schema_version)).map(ValueState)
    }

    /// Declares a list per key.
    ///
    /// # Errors
    /// As [`KeyedStore::value`].
    pub fn list<V: StateData>(
        &mut self,
        descriptor: &ListStateDescriptor<V>,
    ) -> Result<ListState<V>, StateError> {
        let meta = KeyedMeta::new::<K, Vec<V>>(&descriptor.name, StateKind::List);
        self.declare(meta.version(descriptor.schema_version)).map(ListState)
    }

    /// Declares a map per key.
    ///
    /// # Errors
    /// As [`KeyedStore::value`].
    pub fn map<MK: StateData + Ord, MV: StateData>(
        &mut self,
        descriptor: &MapStateDescriptor<MK, MV>,
    ) -> Result<MapState<MK, MV>, StateError> {
        let meta = KeyedMeta::new::<K, std::collections::BTreeMap<MK, MV>>(&descriptor.name, StateKind::Map);
        self.declare(meta.version(descriptor.schema_version)).map(MapState)
    }

    /// Declares a value per key that what is added is reduced into.
    ///
    /// # Errors
    /// As [`KeyedStore::value`].
    pub fn reducing<V: StateData>(
        &mut self,
        descriptor: &ReducingStateDescriptor<V>,
    ) -> Result<ReducingState<V>, StateError> {
        let meta = KeyedMeta::new::<K, V>(&descriptor.name, StateKind::Reducing);
        let cell = self.declare(meta.version(descriptor.schema_version))?;
        Ok(ReducingState { cell, reduce: descriptor.reduce.clone() })
    }

    /// Declares an accumulator per key.
    ///
    /// # Errors
    /// As [`KeyedStore::value`].
    pub fn aggregating<In, Acc: StateData, Out>(
        &mut self,
        descriptor: &AggregatingStateDescriptor<In, Acc, Out>,
    ) -> Result<AggregatingState<In, Acc, Out>, StateError> {
        let meta = KeyedMeta::new::<K, Acc>(&descriptor.name, StateKind::Aggregating);
        let cell = self.declare(meta.version(descriptor.schema_version))?;
        Ok(AggregatingState { cell, aggregate: descriptor.aggregate.clone() })
    }

    fn declare<T: StateData + Content>(&mut self, meta: KeyedMeta) -> Result<StateCell<T>, StateError> {
        let name = meta.name.clone();
        if self.opened {
            return Err(StateError::DeclaredLate { name });
        }
        if self.is_taken(&name) {
            return Err(StateError::DuplicateName { name });
        }
        let column = Rc::new(RefCell::new(Column::default()));
        let cell = StateCell::new(&name, Rc::clone(&column), Rc::clone(&self.slots));
        self.columns.push(Box::new(TypedColumn { meta, column, slots: Rc::clone(&self.slots) }));
        Ok(cell)
    }

    fn is_taken(&self, name: &str) -> bool {
        let timers = [&self.event_time, &self.processing_time].map(|waiting| &waiting.meta.name);
        self.columns.iter().map(|column| &column.meta().name).chain(timers).any(|taken| taken == name)
    }
}
