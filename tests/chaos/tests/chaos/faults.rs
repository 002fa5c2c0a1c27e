//! What can befall a cluster.

use std::time::Duration;

use crate::chance::Chance;
use crate::machines::Way;
use crate::town::{Town, Who, signal};

/// How long a process stands still, or a way is cut, in milliseconds: shorter and longer than heartbeats and lease.
const WHILES: [u64; 6] = [100, 300, 700, 1_500, 3_000, 7_000];

/// Has one happen, and waits until it is over. Is its kind; nothing if there was nobody to suffer it.
/// `with_store`: the object store may be struck, too.
pub(crate) fn strike(town: &mut Town, chance: &mut Chance, with_store: bool) -> Option<&'static str> {
    let long = Duration::from_millis(WHILES[chance.below(WHILES.len())]);
    let who = [Who::Executor, Who::Master, Who::Worker, Who::Leader, Who::Standby][chance.below(5)];
    match chance.below(if with_store { 15 } else { 10 }) {
        0..4 => {
            signal(town.one(who, chance)?, "-9");
            Some(match who {
                Who::Executor => "executor killed",
                Who::Master => "master killed",
                Who::Worker => "worker killed",
                Who::Leader => "leading job manager killed",
                Who::Standby => "standing by job manager killed",
            })
        }
        4..7 => {
            let victim = town.one(who, chance)?;
            signal(victim, "-STOP");
            town.keep_up_for(long);
            signal(victim, "-CONT");
            Some(match who {
                Who::Executor => "executor stopped",
                Who::Master => "master stopped",
                Who::Worker => "worker stopped",
                Who::Leader => "leading job manager stopped",
                Who::Standby => "standing by job manager stopped",
            })
        }
        7..9 => {
            let one_way = chance.below(2) == 0;
            let machines = town.machines();
            let (one, other) = (chance.below(machines), chance.below(machines - 1));
            let other = if other >= one { other + 1 } else { other };
            let ways = if one_way { vec![Way(one, other)] } else { vec![Way(one, other), Way(other, one)] };
            ways.iter().all(|way| town.cut(*way)).then_some(())?;
            town.keep_up_for(long);
            ways.iter().for_each(|way| town.mend(*way));
            Some(if one_way { "network cut one way" } else { "network cut both ways" })
        }
        9 => {
            let long = long.min(Duration::from_secs(3));
            town.fill_the_disk().then_some(())?;
            town.keep_up_for(long);
            town.empty_the_disk();
            Some("checkpoint folder full")
        }
        _ => Some(strike_store(town, chance, long)),
    }
}

/// The store, which jobs, their checkpoints and the job managers' lease need.
fn strike_store(town: &mut Town, chance: &mut Chance, long: Duration) -> &'static str {
    let slow = format!("slow {}", [20, 100, 500][chance.below(3)]);
    let (order, kind) = [
        (slow.as_str(), "store slow"),
        ("refuse", "store refusing"),
        ("lose", "store's answers lost"),
        ("shut", "store gone"),
        ("", "store killed"),
    ][chance.below(5)];
    if order.is_empty() {
        town.store.kill();
        town.keep_up_for(long);
        town.store.start_again();
    } else {
        town.store.order(order);
        town.keep_up_for(long);
        town.store.order("open");
    }
    kind
}
