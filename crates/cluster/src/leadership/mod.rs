//! Which of several job managers leads, agreed over one small file in a store.
//!
//! The file, `leader`, says who leads, in which term, and counts up while that one lives. Whoever stands by reads it again
//! and again; when it has not changed for as long as its own text says, by the reader's own clock, its holder is silent, and
//! the next term can be taken. Each change is a conditional one: of all who try, one wins.
//!
//! | file | answers for |
//! |---|---|
//! | `election` | the decisions, as a function of answers and a clock |
//! | `keeper` | the thread that asks the store and keeps the lease |
//! | `ledger` | what a leader writes down, each time on the condition that nobody has since |
//! | `trial` | whether the store does conditional writes at all |
//!
//! Not for what a leader does. Holds: as long as all clocks run at one speed (up to a tenth), at most one job manager is told
//! at a time that it leads; clocks of the wall are not asked. Whatever clocks do, terms only grow, and what a leader writes
//! down after another one has begun is refused by the store.

mod election;
mod keeper;
pub(crate) mod ledger;
#[cfg(test)]
pub(crate) mod simulation;
mod trial;

pub use keeper::Leadership;
pub(crate) use ledger::Ledger;
