//! The settings of a job as data: names, types, defaults, bounds, meanings.
//!
//! Holds: a default here is the default of [`super::JobSettings`] (tested).

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use millstream_dataflow::operator::Mode;
use millstream_model::key::MaxParallelism;
use millstream_model::settings::{Choices, Setting, SettingValue, SettingsGroup, SettingsList};
use millstream_state::CheckpointName;

use super::{CheckpointMode, RestoreFrom, UnmatchedState};
use crate::network::Compression;

pub(super) static PARALLELISM: Setting<u32> = Setting::new(
    "parallelism",
    "The subtasks of each operator that says nothing else, up to max-parallelism.",
)
.unit("subtasks")
.default("1")
.at_least("1")
.elsewhere(&["parallelism.default", "default-parallelism", "spark.default.parallelism"]);
pub(super) static ADAPTIVE: Setting<bool> = Setting::new(
    "adaptive",
    "On a cluster with fewer slots than the parallelism: run with those there are, and with more once there are more. Without \
     it a job waits for all of its slots.",
)
.default("false")
.elsewhere(&["scheduler-mode", "jobmanager.scheduler", "spark.dynamicAllocation.enabled"]);
pub(super) static SPARE_SLOTS: Setting<u32> = Setting::new(
    "spare-slots",
    "On a cluster: so many slots more than the job runs in, whose processes are started, hold its program ready and do nothing. They \
     take the place of processes that are lost, without a wait for new ones. A worker's slots take the place of a worker.",
)
.unit("slots")
.default("0")
.elsewhere(&["slotmanager.redundant-taskmanager-num"]);
pub(super) static MAX_PARALLELISM: Setting<MaxParallelism> = Setting::new(
    "max-parallelism",
    "The key groups: the most subtasks that a keyed operator can ever have. A checkpoint is restored with the number it \
     was written with.",
)
.unit("key groups")
.default("128")
.elsewhere(&["pipeline.max-parallelism"]);
pub(super) static RECORDS_IN_FLIGHT: Setting<NonZeroUsize> = Setting::new(
    "records-in-flight",
    "The most records between subtasks, in all channels of the job together.",
)
.unit("records")
.default("65536");
pub(super) static FLUSH_INTERVAL: Setting<Duration> =
    Setting::new("flush-interval", "How long a record may wait for its batch to fill; 0: not at all.")
        .default("5 ms")
        .elsewhere(&["execution.buffer-timeout", "execution.buffer-timeout.interval"]);
pub(super) static NETWORK_COMPRESSION: Setting<Compression> = Setting::new(
    "network-compression",
    "How records between processes are compressed: none is fastest where the network is; lz4 takes some of a processor at \
     both ends and may send a fraction.",
)
.default("none")
.elsewhere(&["taskmanager.network.compression.codec"]);
pub(super) static MODE: Setting<Mode> = Setting::new(
    "mode",
    "Whether every update is emitted (streaming), or a keyed aggregate emits only its last value for each key (batch).",
)
.default("streaming")
.elsewhere(&["execution.runtime-mode"]);
pub(super) static CHECKPOINTS: Setting<PathBuf> = Setting::new(
    "checkpoints",
    "The folder that checkpoints are written to; without it none are taken. One job at a time may use it.",
)
.elsewhere(&["execution.checkpointing.dir", "state.checkpoints.dir", "checkpoint-dir"]);
pub(super) static CHECKPOINT_INTERVAL: Setting<Duration> =
    Setting::new("checkpoint-interval", "From the begin of one checkpoint to the begin of the next.")
        .default("1 s")
        .at_least("1 ms")
        .elsewhere(&["execution.checkpointing.interval"]);
pub(super) static CHECKPOINT_MODE: Setting<CheckpointMode> = Setting::new(
    "checkpoint-mode",
    "Whether each record counts once in state after a restart (exactly-once), or may count twice, with no channel ever \
     waiting for another's barrier (at-least-once).",
)
.default("exactly-once")
.elsewhere(&["execution.checkpointing.mode"]);
pub(super) static CHECKPOINT_TIMEOUT: Setting<Duration> =
    Setting::new("checkpoint-timeout", "How long a checkpoint may take before it is given up.")
        .default("10 min")
        .at_least("1 ms")
        .elsewhere(&["execution.checkpointing.timeout"]);
pub(super) static CHECKPOINT_MIN_PAUSE: Setting<Duration> = Setting::new(
    "checkpoint-min-pause",
    "The least time from the end of a checkpoint to the begin of the next.",
)
.default("0 s")
.elsewhere(&["execution.checkpointing.min-pause"]);
pub(super) static CHECKPOINT_TOLERABLE_FAILURES: Setting<u32> = Setting::new(
    "checkpoint-tolerable-failures",
    "How many checkpoints may fail in a row before the job does.",
)
.unit("checkpoints")
.default("0")
.elsewhere(&["execution.checkpointing.tolerable-failed-checkpoints"]);
pub(super) static CHECKPOINT_RETAINED: Setting<NonZeroUsize> = Setting::new(
    "checkpoint-retained",
    "How many checkpoints are kept. Savepoints are kept until somebody deletes them.",
)
.unit("checkpoints")
.default("3")
.elsewhere(&["execution.checkpointing.num-retained", "state.checkpoints.num-retained"]);
pub(super) static RESTORE: Setting<RestoreFrom> = Setting::new(
    "restore",
    "What the job starts from: nothing, the last checkpoint of the folder (nothing if it holds none), or the one of this \
     name or number.",
)
.default("none")
.elsewhere(&["execution.state-recovery.path", "execution.savepoint.path"]);
pub(super) static RESTORE_UNMATCHED: Setting<UnmatchedState> = Setting::new(
    "restore-unmatched",
    "Whether the job starts where the checkpoint has state without an operator, or the program an operator without state: \
     refuse lists both sides; ignore leaves that state behind for good.",
)
.default("refuse")
.elsewhere(&[
    "execution.state-recovery.ignore-unclaimed-state",
    "execution.savepoint.ignore-unclaimed-state",
    "allowNonRestoredState",
]);
pub(super) static LOCAL_RECOVERY: Setting<bool> = Setting::new(
    "local-recovery",
    "On a cluster: whether workers keep a copy of the state that their subtasks wrote to the last checkpoint, and start from it \
     after a failure of others, where it is whole, in place of reading the folder. Where the folder is on the same disk, a copy \
     is a second name of the same file.",
)
.default("true")
.elsewhere(&["state.backend.local-recovery", "execution.state-recovery.from-local"]);
pub(super) static RESTART: Setting<Strategy> =
    Setting::new("restart", "Whether and when a failed job is started again from its last checkpoint.")
        .default("none")
        .elsewhere(&["restart-strategy", "restart-strategy.type"]);
pub(super) static RESTART_ATTEMPTS: Setting<u32> =
    Setting::new("restart-attempts", "With restart fixed-delay: the restarts in all.")
        .unit("restarts")
        .default("3")
        .elsewhere(&["restart-strategy.fixed-delay.attempts"]);
pub(super) static RESTART_DELAY: Setting<Duration> = Setting::new(
    "restart-delay",
    "With restart fixed-delay and failure-rate: the wait before each restart; with exponential-delay: before the first.",
)
.default("1 s")
.elsewhere(&[
    "restart-strategy.fixed-delay.delay",
    "restart-strategy.failure-rate.delay",
    "restart-strategy.exponential-delay.initial-backoff",
]);
pub(super) static RESTART_FAILURES: Setting<u32> = Setting::new(
    "restart-failures",
    "With restart failure-rate: the failures within restart-interval that are borne.",
)
.unit("failures")
.default("1")
.elsewhere(&["restart-strategy.failure-rate.max-failures-per-interval"]);
pub(super) static RESTART_INTERVAL: Setting<Duration> =
    Setting::new("restart-interval", "With restart failure-rate: the time in which failures are counted.")
        .default("1 min")
        .at_least("1 ms")
        .elsewhere(&["restart-strategy.failure-rate.failure-rate-interval"]);
pub(super) static RESTART_MAX_DELAY: Setting<Duration> =
    Setting::new("restart-max-delay", "With restart exponential-delay: the longest wait.")
        .default("1 min")
        .elsewhere(&["restart-strategy.exponential-delay.max-backoff"]);
pub(super) static RESTART_FACTOR: Setting<f64> =
    Setting::new("restart-factor", "With restart exponential-delay: each wait is the one before times this.")
        .default("1.5")
        .at_least("1")
        .elsewhere(&["restart-strategy.exponential-delay.backoff-multiplier"]);
pub(super) static RESTART_RESET_AFTER: Setting<Duration> = Setting::new(
    "restart-reset-after",
    "With restart exponential-delay: after so long without a failure the waits begin anew.",
)
.default("1 h")
.elsewhere(&["restart-strategy.exponential-delay.reset-backoff-threshold"]);
pub(super) static CANCEL_TIMEOUT: Setting<Duration> = Setting::new(
    "cancel-timeout",
    "How long a thread may take to react when the job stops, before the error names it.",
)
.default("30 s")
.elsewhere(&["task.cancellation.timeout"]);

/// What means something only where there is a folder for checkpoints.
pub(super) static NEED_A_FOLDER: SettingsGroup = &[
    &CHECKPOINT_INTERVAL,
    &CHECKPOINT_MODE,
    &CHECKPOINT_TIMEOUT,
    &CHECKPOINT_MIN_PAUSE,
    &CHECKPOINT_TOLERABLE_FAILURES,
    &CHECKPOINT_RETAINED,
    &RESTORE,
    &RESTORE_UNMATCHED,
    &LOCAL_RECOVERY,
];

/// The numbers of the restart strategies; which belong to which is said in [`super::given`].
pub(super) static RESTART_NUMBERS: SettingsGroup = &[
    &RESTART_ATTEMPTS,
    &RESTART_DELAY,
    &RESTART_FAILURES,
    &RESTART_INTERVAL,
    &RESTART_MAX_DELAY,
    &RESTART_FACTOR,
    &RESTART_RESET_AFTER,
];

/// The settings of a job, by the names under which they are given as text.
pub static JOB_SETTINGS: SettingsList = SettingsList::new(
    "job settings",
    &[
        &[
            &PARALLELISM,
            &ADAPTIVE,
            &SPARE_SLOTS,
            &MAX_PARALLELISM,
            &RECORDS_IN_FLIGHT,
            &FLUSH_INTERVAL,
            &NETWORK_COMPRESSION,
            &MODE,
            &CHECKPOINTS,
        ],
        NEED_A_FOLDER,
        &[&RESTART],
        RESTART_NUMBERS,
        &[&CANCEL_TIMEOUT],
    ],
);

/// The strategies of [`super::Restart`], without their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    Never,
    FixedDelay,
    FailureRate,
    ExponentialDelay,
}

impl Choices for Strategy {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("none", Self::Never, "the job fails"),
        ("fixed-delay", Self::FixedDelay, "so many times at most"),
        ("failure-rate", Self::FailureRate, "unless it fails too often"),
        ("exponential-delay", Self::ExponentialDelay, "always, waiting longer each time"),
    ];
}

impl Choices for CheckpointMode {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("exactly-once", Self::ExactlyOnce, "each record counts once"),
        ("at-least-once", Self::AtLeastOnce, "a record may count twice after a restart"),
    ];
}

impl Choices for UnmatchedState {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("refuse", Self::Refuse, "the job does not start"),
        ("ignore", Self::Ignore, "the state is left behind"),
    ];
}

impl SettingValue for RestoreFrom {
    fn read(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::Nothing),
            "latest" => Some(Self::Latest),
            name => name.parse::<CheckpointName>().ok().map(|_| Self::Named(name.to_owned())),
        }
    }

    fn expected() -> String {
        "none, latest, or the name or number of a checkpoint".into()
    }

    fn examples() -> Vec<String> {
        ["latest", "17", "savepoint-000018"].map(str::to_owned).into()
    }
}
