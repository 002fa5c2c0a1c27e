//! Operator state is shared out as asked, and refused by name and entry.

use super::*;
use crate::state::restore::{OperatorRestore, Redistribution};

fn restore(subtask: u16, parallelism: u16) -> OperatorRestore {
    let of = |range: std::ops::Range<u32>| {
        let part = OperatorPart::new("splits", 2, &range.collect::<Vec<_>>()).unwrap();
        OperatorSnapshot { keyed: Vec::new(), operator: vec![part] }
    };
    OperatorRestore::of(vec![of(0..3), of(3..5)], subtask, parallelism, KeyGroupRange::new(0, 1)).unwrap()
}

#[test]
fn entries_are_split_among_the_subtasks_in_turn() {
    let shares = [0, 1, 2].map(|subtask| {
        restore(subtask, 3).claim_operator::<u32>("splits", 2, Redistribution::Split).unwrap()
    });
    assert_eq!(shares, [vec![0, 3], vec![1, 4], vec![2]]);
}

#[test]
fn entries_of_a_union_go_to_every_subtask_and_are_claimed_once() {
    let mut restore = restore(1, 3);
    assert_eq!(restore.unclaimed()[0].to_string(), "`splits` (operator state of type u32)");
    let all = restore.claim_operator::<u32>("splits", 2, Redistribution::Union).unwrap();
    assert_eq!(all, [0, 1, 2, 3, 4]);
    assert!(restore.is_empty());
}

#[test]
fn entries_of_another_type_or_a_newer_version_are_refused() {
    let error = restore(0, 1).claim_operator::<u64>("splits", 2, Redistribution::Split).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the operator state `splits` of type u32 in the checkpoint cannot be read as u64 of the program: entry 0, u32 \
         in the checkpoint, u64 in the program"
    );
    let error = restore(0, 1).claim_operator::<u32>("splits", 1, Redistribution::Split).unwrap_err();
    assert!(matches!(error, StateError::NewerSchema { in_checkpoint: 2, in_program: 1, .. }));
}

#[test]
fn a_group_that_ends_early_or_late_is_damaged() {
    let one = |decoder: &mut Decoder, input: &mut &[u8], entry| {
        let value = decoder.decode::<u8>(input);
        value.map(drop).map_err(|source| GroupError::Decode { entry, source })
    };
    assert_eq!(read_group(&[1, 0], one), Err(GroupError::Count { announced: 0 }));
    assert_eq!(read_group(&[1, 0, 0, 0, 5, 9], one), Ok(()));
    assert_eq!(read_group(&[1, 0, 0, 0, 5, 9, 5, 9], one), Err(GroupError::Count { announced: 1 }));
    assert!(matches!(read_group(&[2, 0, 0, 0, 5, 9], one), Err(GroupError::Decode { entry: 1, .. })));
}
