//! How states are declared: a name, a type, and what is to be done with what is added.
//!
//! Answers for the declarations only; they can be made on any thread and used on many.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

macro_rules! plain_descriptor {
    ($(#[$doc:meta])* $name:ident<$($type:ident),+>) => {
        $(#[$doc])*
        pub struct $name<$($type),+> {
            pub(super) name: String,
            pub(super) schema_version: u32,
            types: PhantomData<fn() -> ($($type,)+)>,
        }

        impl<$($type),+> $name<$($type),+> {
            /// A state of this name, unique within the operator, of schema version 1.
            pub fn new(name: impl Into<String>) -> Self {
                Self { name: name.into(), schema_version: 1, types: PhantomData }
            }
        }

        impl<$($type),+> Clone for $name<$($type),+> {
            fn clone(&self) -> Self {
                Self { name: self.name.clone(), schema_version: self.schema_version, types: PhantomData }
            }
        }
    };
}

macro_rules! descriptor {
    ($name:ident<$($type:ident),+>) => {
        impl<$($type),+> $name<$($type),+> {
            /// With another schema version: raise it when the type changes, and older programs refuse what this one writes.
            pub fn version(mut self, schema_version: u32) -> Self {
                self.schema_version = schema_version;
                self
            }
        }

        impl<$($type),+> fmt::Debug for $name<$($type),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} `{}`, version {}", stringify!($name), self.name, self.schema_version)
            }
        }
    };
}

plain_descriptor!(
    /// Declares a [`ValueState`](super::ValueState): one `V` per key.
    ValueStateDescriptor<V>
);
plain_descriptor!(
    /// Declares a [`ListState`](super::ListState): a list of `V` per key.
    ListStateDescriptor<V>
);
plain_descriptor!(
    /// Declares a [`MapState`](super::MapState): a map from `MK` to `MV` per key.
    MapStateDescriptor<MK, MV>
);
descriptor!(ValueStateDescriptor<V>);
descriptor!(ListStateDescriptor<V>);
descriptor!(MapStateDescriptor<MK, MV>);
descriptor!(ReducingStateDescriptor<V>);
descriptor!(AggregatingStateDescriptor<In, Acc, Out>);

pub(super) type Reduce<V> = Arc<dyn Fn(V, V) -> V + Send + Sync>;
pub(super) type Add<In, Acc> = Arc<dyn Fn(&mut Acc, In) + Send + Sync>;

/// Declares a [`ReducingState`](super::ReducingState): one `V` per key, into which what is added is reduced.
#[derive(Clone)]
pub struct ReducingStateDescriptor<V> {
    pub(super) name: String,
    pub(super) schema_version: u32,
    pub(super) reduce: Reduce<V>,
}

impl<V> ReducingStateDescriptor<V> {
    /// A state of this name, unique within the operator; `reduce` is given what is there, and what is added.
    pub fn new(name: impl Into<String>, reduce: impl Fn(V, V) -> V + Send + Sync + 'static) -> Self {
        Self { name: name.into(), schema_version: 1, reduce: Arc::new(reduce) }
    }
}

/// The functions of an aggregating state.
pub(super) struct Aggregate<In, Acc, Out> {
    pub(super) create: Arc<dyn Fn() -> Acc + Send + Sync>,
    pub(super) add: Add<In, Acc>,
    pub(super) result: Arc<dyn Fn(&Acc) -> Out + Send + Sync>,
}

impl<In, Acc, Out> Clone for Aggregate<In, Acc, Out> {
    fn clone(&self) -> Self {
        Self {
            create: Arc::clone(&self.create),
            add: Arc::clone(&self.add),
            result: Arc::clone(&self.result),
        }
    }
}

/// Declares an [`AggregatingState`](super::AggregatingState): an accumulator per key.
#[derive(Clone)]
pub struct AggregatingStateDescriptor<In, Acc, Out> {
    pub(super) name: String,
    pub(super) schema_version: u32,
    pub(super) aggregate: Aggregate<In, Acc, Out>,
}

impl<In, Acc, Out> AggregatingStateDescriptor<In, Acc, Out> {
    /// A state of this name, unique within the operator: `create` makes an empty accumulator, `add` takes an input into
    /// it, `result` reads it.
    pub fn new(
        name: impl Into<String>,
        create: impl Fn() -> Acc + Send + Sync + 'static,
        add: impl Fn(&mut Acc, In) + Send + Sync + 'static,
        result: impl Fn(&Acc) -> Out + Send + Sync + 'static,
    ) -> Self {
        let aggregate = Aggregate { create: Arc::new(create), add: Arc::new(add), result: Arc::new(result) };
        Self { name: name.into(), schema_version: 1, aggregate }
    }
}
