//! Transactions of which only the name is left: looked at, committed, aborted.
//!
//! Answers for doing so through a coordinator that moves, loads or is away for a while. Not for writing into one.
//! Holds: committing twice is committing once; what cannot be committed any more is an error, not silence.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use millstream_dataflow::operator::Cancelled;
use millstream_model::error::{Failure, Fault, Result, Retry};
use serde::{Deserialize, Serialize};

use super::door::Door;
use super::wire::{self, Address, Connection, Described, ProducerId};

/// How long a coordinator may be away.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon a question is asked again: a transaction that is being ended is ended within milliseconds.
const AGAIN: Duration = Duration::from_millis(1);
/// How soon after a connection failed.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// A transaction that waits for its checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedTransaction {
    /// Its transactional id.
    pub id: String,
    /// Who wrote it.
    pub producer: ProducerId,
}

/// Asks the coordinators of a cluster.
pub(super) struct Transactions {
    pub(super) servers: String,
    door: Door,
    cancelled: Cancelled,
    /// To any broker, which knows the coordinators.
    any: Option<Connection>,
    /// To coordinators, from question to question.
    coordinators: HashMap<Address, Connection>,
}

impl Transactions {
    pub(super) fn new(servers: String, door: Door, cancelled: Cancelled) -> Self {
        Self { servers, door, cancelled, any: None, coordinators: HashMap::new() }
    }

    /// Gives up waiting once this is cancelled.
    pub(super) fn cancel_when(&mut self, cancelled: Cancelled) {
        // Connections know by whom they are cancelled.
        self.hang_up();
        self.cancelled = cancelled;
    }

    fn hang_up(&mut self) {
        self.any = None;
        self.coordinators.clear();
    }

    /// Asks the coordinator of an id once.
    fn ask_once<T>(
        &mut self,
        id: &str,
        ask: &mut impl FnMut(&mut Connection) -> Result<Result<T, i16>>,
    ) -> Result<Result<T, i16>> {
        let any = match &mut self.any {
            Some(any) => any,
            none => none.insert(Connection::to_any(&self.servers, &self.door, &self.cancelled)?),
        };
        let address = match any.coordinator(id)? {
            Ok(address) => address,
            Err(error) => return Ok(Err(error)),
        };
        let coordinator = match self.coordinators.entry(address) {
            Entry::Occupied(kept) => kept.into_mut(),
            Entry::Vacant(none) => {
                let connection = none.key().connect(&self.door, &self.cancelled)?;
                none.insert(connection)
            }
        };
        ask(coordinator)
    }

    /// Asks the coordinator of an id until it gives an answer, or an error that asking again does not mend.
    fn ask<T>(
        &mut self,
        id: &str,
        mut ask: impl FnMut(&mut Connection) -> Result<Result<T, i16>>,
    ) -> Result<Result<T, i16>> {
        let begun = Instant::now();
        loop {
            // A connection that was quiet may be one that the broker has closed.
            let was_kept = self.any.is_some();
            let asked = self.ask_once(id, &mut ask);
            let wait = match &asked {
                Ok(Err(error)) if wire::is_passing(*error) => AGAIN,
                Ok(_) => return asked,
                Err(failure) if is_final(failure) => return asked,
                Err(_) => {
                    self.hang_up();
                    if was_kept {
                        continue;
                    }
                    AFTER_FAILURE
                }
            };
            if begun.elapsed() >= PATIENCE {
                return match asked {
                    Err(failure) => Err(failure.within(format!("transaction `{id}` cannot be asked about"))),
                    told => Ok(told?),
                };
            }
            self.cancelled.wait(wait)?;
        }
    }

    fn describe(&mut self, id: &str) -> Result<Described> {
        let told = self.ask(id, |connection| {
            let described = connection.describe(id)?;
            let passing = wire::is_passing(described.error);
            Ok(if passing { Err(described.error) } else { Ok(described) })
        })?;
        told.map_err(|error| failed(id, "looked at", error))
    }

    /// Who writes the open transaction of an id.
    pub(super) fn writer_of(&mut self, id: &str) -> Result<ProducerId> {
        let described = self.describe(id)?;
        if described.error != wire::NONE {
            return Err(failed(id, "looked at", described.error));
        }
        if described.state != "Ongoing" {
            return Err(Failure::external(format!(
                "transaction `{id}` is no longer open (the broker says {})",
                described.state
            ))
            .advice("the setting `transaction-timeout` must be longer than a checkpoint takes")
            .advice("and no other job may write with this prefix"));
        }
        Ok(described.producer)
    }

    /// Commits, or finds that it was committed before.
    pub(super) fn commit(&mut self, staged: &[StagedTransaction]) -> Result<()> {
        // All are told to end before the first is looked at: what brokers do for them, they do at the same time.
        staged.iter().try_for_each(|one| self.end(one))?;
        staged.iter().try_for_each(|one| self.see_committed(one))
    }

    /// Ends a transaction, if it is open and who staged it was the last to write it: the broker judges by number and epoch.
    fn end(&mut self, StagedTransaction { id, producer }: &StagedTransaction) -> Result<()> {
        let ended = self.ask(id, |connection| {
            let error = connection.end(id, *producer, true)?;
            Ok(if wire::is_passing(error) { Err(error) } else { Ok(error) })
        })?;
        match ended {
            // A look tells which: ended by somebody before, forgotten, or done.
            Ok(
                wire::NONE
                | wire::INVALID_TXN_STATE
                | wire::INVALID_PRODUCER_EPOCH
                | wire::INVALID_PRODUCER_ID_MAPPING
                | wire::PRODUCER_FENCED,
            ) => Ok(()),
            Ok(error) | Err(error) => Err(failed(id, "committed", error)),
        }
    }

    /// Waits until readers see what was committed.
    fn see_committed(&mut self, staged: &StagedTransaction) -> Result<()> {
        let (id, begun) = (&staged.id, Instant::now());
        loop {
            let told = self.describe(id)?;
            let is_own = told.producer == staged.producer;
            // The broker that throws a transaction away takes over its id, once.
            let is_thrown_away = told.producer.id == staged.producer.id
                && i32::from(told.producer.epoch) - i32::from(staged.producer.epoch) <= 1
                && matches!(told.state.as_str(), "PrepareAbort" | "CompleteAbort" | "PrepareEpochFence");
            match told.error {
                wire::NONE if is_thrown_away => return Err(thrown_away(id)),
                wire::NONE if !is_own => {
                    tracing::info!(id, "a transaction was committed before: its id has been used since");
                    return Ok(());
                }
                wire::NONE => match told.state.as_str() {
                    "Ongoing" => self.end(staged)?,
                    // Its end is decided; readers see it once that is written to all partitions.
                    "PrepareCommit" => self.cancelled.wait(AGAIN)?,
                    _ => return Ok(()),
                },
                wire::TRANSACTIONAL_ID_NOT_FOUND => {
                    tracing::warn!(
                        id,
                        "the broker has forgotten a transaction: it was committed days ago, or is lost"
                    );
                    return Ok(());
                }
                error => return Err(failed(id, "committed", error)),
            }
            if begun.elapsed() >= PATIENCE {
                return Err(Failure::external(format!(
                    "transaction `{id}` is being committed by the broker, which does not come to an end"
                ))
                .advice("see that all partitions that were written to have a leader"));
            }
        }
    }

    /// Aborts the open transactions whose ids are wanted, and fences who wrote them.
    pub(super) fn abort_open(&mut self, timeout: Duration, is_wanted: impl Fn(&str) -> bool) -> Result<()> {
        for id in self.open()?.iter().filter(|id| is_wanted(id)) {
            tracing::info!(id, "aborting a transaction that was left open");
            let told = self.ask(id, |connection| {
                let error = connection.take_over(id, timeout)?;
                Ok(if wire::is_passing(error) { Err(error) } else { Ok(error) })
            })?;
            match told {
                Ok(wire::NONE) => {}
                Ok(wire::INVALID_TRANSACTION_TIMEOUT) => return Err(timeout_refused()),
                Ok(error) | Err(error) => return Err(failed(id, "aborted", error)),
            }
        }
        Ok(())
    }

    /// The ids of all open transactions.
    fn open(&self) -> Result<Vec<String>> {
        let begun = Instant::now();
        loop {
            let listed =
                Connection::to_any(&self.servers, &self.door, &self.cancelled).and_then(|mut any| {
                    let mut open = Vec::new();
                    for broker in any.brokers()? {
                        match broker.connect(&self.door, &self.cancelled)?.open_transactions()? {
                            Ok(ids) => open.extend(ids),
                            Err(error) => return Ok(Err(error)),
                        }
                    }
                    Ok(Ok(open))
                });
            match listed {
                Ok(Ok(open)) => return Ok(open),
                Ok(Err(error)) if !wire::is_passing(error) || begun.elapsed() >= PATIENCE => {
                    return Err(failed("*", "listed", error));
                }
                Err(failure) if is_final(&failure) || begun.elapsed() >= PATIENCE => return Err(failure),
                Ok(Err(_)) | Err(_) => self.cancelled.wait(AFTER_FAILURE)?,
            }
        }
    }
}

/// Whether asking again is of no use: the job ends, or a broker refuses who asks.
fn is_final(failure: &Failure) -> bool {
    failure.is_cancelled() || failure.fault() == Fault::User
}

pub(super) fn timeout_refused() -> Failure {
    Failure::user("the broker refuses the setting `transaction-timeout`: it is longer than it allows").advice(
        "set it to at most the broker's transaction.max.timeout.ms (15 min if nothing else was set there)",
    )
}

fn thrown_away(id: &str) -> Failure {
    Failure::external(format!(
        "transaction `{id}` was thrown away before it could be committed: its records are lost"
    ))
    .retry(Retry::No)
    .advice("it was open for longer than the setting `transaction-timeout`, or another job uses its prefix")
    .advice("start from an older checkpoint or savepoint to write these records again")
}

fn failed(id: &str, what: &str, error: i16) -> Failure {
    if matches!(error, wire::TRANSACTIONAL_ID_REFUSED | wire::CLUSTER_REFUSED) {
        return Failure::user(format!(
            "the user has no right to transactions: `{id}` could not be {what} (error {error})"
        ))
        .advice("give it the rights to describe and to write transactional ids with the sink's prefix");
    }
    Failure::external(format!("transaction `{id}` could not be {what}: the broker gave error {error}"))
}
