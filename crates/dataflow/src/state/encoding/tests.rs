//! What reads back, what is refused and how the refusal reads, and that no bytes bring the decoder down.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Delay {
    sum: f64,
    count: u32,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Id(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair(i16, char);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Event {
    Idle,
    At(u64),
    Between(i64, i64),
    Named { id: Id, delays: Vec<Delay>, note: Option<Box<Event>> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    numbers: (u8, u16, u32, u64, u128),
    signed: (i8, i16, i32, i64, i128),
    floats: (f32, f64),
    flag: bool,
    unit: (),
    empty: Unit,
    pair: Pair,
    events: Vec<Event>,
    map: BTreeMap<String, Option<Event>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rare: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Node {
    value: u8,
    children: Vec<Node>,
}

fn both_ways<A: Serialize, B: DeserializeOwned>(value: &A) -> Result<B, DecodeError> {
    from_bytes(&to_bytes(value).unwrap())
}

fn refusal<A: Serialize, B: DeserializeOwned + std::fmt::Debug>(value: &A) -> String {
    both_ways::<A, B>(value).unwrap_err().to_string()
}

fn delay() -> Delay {
    Delay { sum: 1.5, count: 3, name: "MIA".to_owned() }
}

fn events() -> impl Strategy<Value = Event> {
    let delays = (any::<f64>(), any::<u32>(), ".{0,5}").prop_map(|(sum, count, name)| Delay {
        sum: if sum.is_nan() { 0.0 } else { sum },
        count,
        name,
    });
    let leaf = prop_oneof![
        Just(Event::Idle),
        any::<u64>().prop_map(Event::At),
        any::<(i64, i64)>().prop_map(|(a, b)| Event::Between(a, b)),
    ];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        (any::<u64>(), prop::collection::vec(delays.clone(), 0..3), prop::option::of(inner))
            .prop_map(|(id, delays, note)| Event::Named { id: Id(id), delays, note: note.map(Box::new) })
    })
}

fn everything() -> impl Strategy<Value = Everything> {
    (
        any::<(u8, u16, u32, u64, u128)>(),
        any::<(i8, i16, i32, i64, i128)>(),
        (-1e30f32..1e30, -1e300f64..1e300),
        any::<(bool, i16, char)>(),
        prop::collection::vec(events(), 0..5),
        prop::collection::btree_map(".{0,4}", prop::option::of(events()), 0..4),
        any::<Option<i32>>(),
    )
        .prop_map(|(numbers, signed, floats, (flag, a, b), events, map, rare)| Everything {
            numbers,
            signed,
            floats,
            flag,
            unit: (),
            empty: Unit,
            pair: Pair(a, b),
            events,
            map,
            rare,
        })
}

proptest! {
    #[test]
    fn a_stream_of_any_values_reads_back_equal(values in prop::collection::vec(everything(), 0..5)) {
        let (mut bytes, mut encoder) = (Vec::new(), Encoder::new());
        for value in &values {
            encoder.encode(value, &mut bytes).unwrap();
        }
        let (mut input, mut decoder) = (bytes.as_slice(), Decoder::new());
        for value in &values {
            prop_assert_eq!(&decoder.decode::<Everything>(&mut input).unwrap(), value);
        }
        prop_assert!(input.is_empty());
    }

    #[test]
    fn bytes_that_were_cut_short_are_an_error(value in everything(), cut in any::<prop::sample::Index>()) {
        let bytes = to_bytes(&value).unwrap();
        prop_assert!(from_bytes::<Everything>(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn bytes_that_were_changed_never_panic(
        value in everything(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = to_bytes(&value).unwrap();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let _ = from_bytes::<Everything>(&bytes);
        let _ = from_bytes::<serde_json::Value>(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(0u8..40, 0..60)) {
        let _ = from_bytes::<Everything>(&bytes);
        let _ = from_bytes::<Event>(&bytes);
        let _ = from_bytes::<Vec<Delay>>(&bytes);
        let _ = from_bytes::<serde_json::Value>(&bytes);
    }

    #[test]
    fn trees_of_one_type_read_back_whatever_was_defined_within_what(
        tree in any::<u8>().prop_map(|value| Node { value, children: vec![] }).prop_recursive(5, 30, 4, |inner| {
            (any::<u8>(), prop::collection::vec(inner, 0..4)).prop_map(|(value, children)| Node { value, children })
        }),
    ) {
        prop_assert_eq!(both_ways::<_, Node>(&tree).unwrap(), tree);
    }
}

#[test]
fn a_shape_is_written_once_in_a_stream() {
    let (mut bytes, mut encoder) = (Vec::new(), Encoder::new());
    encoder.encode(&delay(), &mut bytes).unwrap();
    let first = bytes.len();
    encoder.encode(&delay(), &mut bytes).unwrap();
    // The shape's number, an f64, a varint, and a text of three bytes: with a tag each.
    assert_eq!(bytes.len() - first, 2 + 9 + 2 + 5);
    assert_eq!(encoder.shapes().collect::<Vec<_>>(), ["Delay {sum, count, name}"]);
}

mod grown {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct Delay {
        pub(super) count: u32,
        pub(super) worst: Option<f64>,
        pub(super) name: String,
        pub(super) sum: f64,
        #[serde(default = "ten")]
        pub(super) weight: u8,
    }

    fn ten() -> u8 {
        10
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct WithoutDefault {
        sum: f64,
        count: u32,
        name: String,
        place: u64,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Wider {
        sum: f64,
        count: u64,
        name: String,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Renamed {
        total: f64,
        count: u32,
        name: String,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct RenamedOnPurpose {
        #[serde(alias = "sum")]
        total: f64,
        count: u32,
        name: String,
    }

    impl RenamedOnPurpose {
        pub(super) fn total(&self) -> f64 {
            self.total
        }
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Shrunk {
        sum: f64,
        count: u32,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) enum Event {
        Idle,
        At(i64),
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct State<D> {
        pub(super) delays: Vec<D>,
    }
}

#[test]
fn a_struct_that_gained_optional_and_default_fields_reads_what_was_written_before() {
    let read: grown::Delay = both_ways(&delay()).unwrap();
    let expected = grown::Delay { count: 3, worst: None, name: "MIA".to_owned(), sum: 1.5, weight: 10 };
    assert_eq!(read, expected);
}

#[test]
fn an_alias_reads_a_field_under_its_old_name() {
    assert_eq!(both_ways::<_, grown::RenamedOnPurpose>(&delay()).unwrap().total(), 1.5);
}

#[test]
fn a_wider_integer_is_refused_with_the_path_and_both_types() {
    let state = grown::State { delays: vec![delay(); 4] };
    let message = refusal::<_, grown::State<grown::Wider>>(&state);
    assert_eq!(message, "at `delays[0].count`: u32 in the checkpoint, u64 in the program");
}

#[test]
fn a_new_field_without_default_is_refused() {
    let message = refusal::<_, Vec<grown::WithoutDefault>>(&vec![delay()]);
    assert_eq!(
        message,
        "at `[0].place`: the field `place` of the program's type WithoutDefault is not in the checkpoint, which has \
         Delay {sum, count, name}; a new field must be an Option or have #[serde(default)]"
    );
}

#[test]
fn a_removed_field_is_refused() {
    assert_eq!(
        refusal::<_, grown::Shrunk>(&delay()),
        "at `name`: the field `name` (string) of the checkpoint is not in the program's type Shrunk {sum, count}"
    );
}

#[test]
fn a_renamed_field_is_refused() {
    assert_eq!(
        refusal::<_, grown::Renamed>(&delay()),
        "at `sum`: the field `sum` (f64) of the checkpoint is not in the program's type Renamed {total, count, name}"
    );
}

#[test]
fn a_missing_variant_and_a_variant_of_another_type_are_refused() {
    assert_eq!(
        refusal::<_, grown::Event>(&Event::Between(1, 2)),
        "the variant `Between` of the checkpoint is not in the program's enum Event {Idle, At}"
    );
    assert_eq!(
        refusal::<_, grown::Event>(&Event::At(1)),
        "at `At`: u64 in the checkpoint, i64 in the program"
    );
}

#[test]
fn exact_types_are_kept_apart() {
    assert_eq!(refusal::<_, Id>(&7u64), "u64 in the checkpoint, struct Id(_) in the program");
    assert_eq!(refusal::<_, Option<u8>>(&7u8), "u8 in the checkpoint, Option in the program");
    assert_eq!(
        refusal::<_, (u8, u8)>(&(1u8, 2u8, 3u8)),
        "tuple of 3 in the checkpoint, tuple of 2 in the program"
    );
    assert_eq!(refusal::<_, Vec<f32>>(&vec![1.0f64]), "at `[0]`: f64 in the checkpoint, f32 in the program");
    assert_eq!(refusal::<_, u8>(&vec![Some(delay())]), {
        "list of Option<struct Delay {sum, count, name}> in the checkpoint, u8 in the program"
    });
    let map = BTreeMap::from([("a", 1u8), ("b", 2)]);
    assert_eq!(
        refusal::<_, BTreeMap<String, i8>>(&map),
        "at `values[0]`: u8 in the checkpoint, i8 in the program"
    );
}

#[test]
fn what_would_be_too_deep_to_read_is_not_written() {
    let mut node = Node { value: 0, children: vec![] };
    for value in 1..100 {
        node = Node { value, children: vec![node] };
    }
    let mut out = vec![7];
    let error = Encoder::new().encode(&node, &mut out).unwrap_err();
    assert_eq!(error, EncodeError::TooDeep { limit: MAX_DEPTH });
    assert_eq!(out, [7]);
}

#[test]
fn bytes_that_claim_more_than_they_have_cost_no_memory() {
    let mut bytes = vec![tag::SEQ];
    tag::put_varint(&mut bytes, u64::MAX / 2);
    assert!(from_bytes::<Vec<u64>>(&bytes).unwrap_err().is_corruption());
    let deep = vec![tag::SOME; 100_000];
    assert!(from_bytes::<serde_json::Value>(&deep).unwrap_err().is_corruption());
}

#[test]
fn flattened_and_untagged_types_read_back() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        id: u64,
        #[serde(flatten)]
        rest: BTreeMap<String, u32>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Delay { sum: f64 },
    }
    let outer = Outer { id: 1, rest: (0..200).map(|n| (n.to_string(), n)).collect() };
    assert_eq!(both_ways::<_, Outer>(&outer).unwrap(), outer);
    let list = vec![Either::Delay { sum: 1.0 }, Either::Number(2)];
    assert_eq!(both_ways::<_, Vec<Either>>(&list).unwrap(), list);
}
