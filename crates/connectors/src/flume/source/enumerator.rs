//! Handing out addresses.
//!
//! Holds: each address goes to one subtask, by its place in the list; one whose log may have unread events is not dropped.

use millstream_dataflow::source::{NextSplit, SplitEnumerator};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use serde::{Deserialize, Serialize};

use super::split::FlumeSplit;

#[derive(Serialize, Deserialize)]
struct Known {
    waiting: Vec<FlumeSplit>,
    handed_out: Vec<String>,
}

pub(super) struct Addresses {
    addresses: Vec<String>,
    known: Known,
    has_log: bool,
}

impl Addresses {
    pub(super) fn new(addresses: Vec<String>, has_log: bool, restored: Option<Vec<u8>>) -> Result<Self> {
        let mut known: Known = match restored {
            None => Known { waiting: Vec::new(), handed_out: Vec::new() },
            Some(bytes) => from_bytes(&bytes).map_err(|error| {
                Failure::user("the checkpoint's addresses do not fit this source").because(error)
            })?,
        };
        for address in &addresses {
            let is_known = known.handed_out.contains(address)
                || known.waiting.iter().any(|split| split.address == *address);
            if !is_known {
                known.waiting.push(FlumeSplit { address: address.clone(), place: None });
            }
        }
        let mut own = Self { addresses, known, has_log };
        let waiting = std::mem::take(&mut own.known.waiting);
        own.keep(waiting);
        Ok(own)
    }

    /// Takes those that the program still has; of the others only the log could have events.
    fn keep(&mut self, splits: Vec<FlumeSplit>) {
        for split in splits {
            if self.has_log || self.addresses.contains(&split.address) {
                self.known.waiting.push(split);
            }
        }
    }
}

impl SplitEnumerator<FlumeSplit> for Addresses {
    fn next_split(&mut self, subtask: Subtask) -> Result<NextSplit<FlumeSplit>> {
        let owner = |split: &FlumeSplit| self.addresses.iter().position(|address| *address == split.address);
        if let Some(gone) = self.known.waiting.iter().find(|split| owner(split).is_none()) {
            return Err(Failure::user(format!(
                "the checkpoint has the address {}, which this source does not have any more",
                gone.address
            ))
            .advice("its log may have events that are not read yet: give the address too, until its agents push elsewhere"));
        }
        let of = subtask.of.max(1) as usize;
        let own = |split: &FlumeSplit| owner(split).is_some_and(|at| at % of == subtask.index as usize);
        Ok(match self.known.waiting.iter().position(own) {
            Some(at) => {
                let split = self.known.waiting.remove(at);
                self.known.handed_out.push(split.address.clone());
                NextSplit::Split(split)
            }
            None => NextSplit::NoMore,
        })
    }

    fn add_back(&mut self, splits: Vec<FlumeSplit>) {
        for split in &splits {
            self.known.handed_out.retain(|address| *address != split.address);
            self.known.waiting.retain(|waiting| waiting.address != split.address);
        }
        self.keep(splits);
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        to_bytes(&self.known).map_err(|error| Failure::internal("addresses cannot be encoded").because(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flume::log::LogPlace;

    fn handed(addresses: &mut Addresses, index: u32, of: u32) -> Option<String> {
        match addresses.next_split(Subtask { index, of }).unwrap() {
            NextSplit::Split(split) => Some(split.address),
            _ => None,
        }
    }

    fn three() -> Vec<String> {
        ["one:1", "two:2", "three:3"].map(str::to_owned).into()
    }

    #[test]
    fn each_address_goes_to_one_subtask_at_every_parallelism() {
        for of in 1..5 {
            let mut addresses = Addresses::new(three(), true, None).unwrap();
            let mut all: Vec<_> = (0..of)
                .flat_map(|index| {
                    std::iter::from_fn(|| handed(&mut addresses, index, of)).collect::<Vec<_>>()
                })
                .collect();
            all.sort();
            assert_eq!(all, ["one:1", "three:3", "two:2"]);
        }
    }

    #[test]
    fn an_address_that_the_program_has_left_out_is_refused_where_its_log_may_have_events() {
        let mut first = Addresses::new(three(), true, None).unwrap();
        handed(&mut first, 0, 1);
        let snapshot = first.snapshot().unwrap();
        let read = FlumeSplit { address: "one:1".into(), place: Some(LogPlace { offset: 9, events: 0 }) };
        let two = three()[1..].to_vec();
        for has_log in [true, false] {
            let mut addresses = Addresses::new(two.clone(), has_log, Some(snapshot.clone())).unwrap();
            addresses.add_back(vec![read.clone()]);
            let next = addresses.next_split(Subtask { index: 0, of: 1 });
            match next {
                Err(error) => {
                    assert!(has_log && error.to_string().contains("has the address one:1"), "{error}")
                }
                Ok(_) => assert!(!has_log, "the log of one:1 is forgotten"),
            }
        }
    }
}
