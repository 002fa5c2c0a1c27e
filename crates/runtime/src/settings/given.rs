//! Settings that were given as text, put over those that a program has.

use millstream_model::error::{Failure, Result};
use millstream_model::settings::{Described, Setting, SettingValue, Values};

use super::list::{
    ADAPTIVE, CANCEL_TIMEOUT, CHECKPOINT_INTERVAL, CHECKPOINT_MIN_PAUSE, CHECKPOINT_MODE,
    CHECKPOINT_RETAINED, CHECKPOINT_TIMEOUT, CHECKPOINT_TOLERABLE_FAILURES, CHECKPOINTS, FLUSH_INTERVAL,
    JOB_SETTINGS, LOCAL_RECOVERY, MAX_PARALLELISM, MODE, NEED_A_FOLDER, NETWORK_COMPRESSION, PARALLELISM,
    RECORDS_IN_FLIGHT, RESTART, RESTART_ATTEMPTS, RESTART_DELAY, RESTART_FACTOR, RESTART_FAILURES,
    RESTART_INTERVAL, RESTART_MAX_DELAY, RESTART_NUMBERS, RESTART_RESET_AFTER, RESTORE, RESTORE_UNMATCHED,
    SPARE_SLOTS, Strategy,
};
use super::{CheckpointSettings, JobSettings, Restart};

impl JobSettings {
    /// These settings, with what was given in place of what they had.
    ///
    /// # Errors
    /// If a setting was given that has no meaning without another one, such as an interval of checkpoints without a
    /// folder for them.
    pub fn with(mut self, given: &Values) -> Result<Self> {
        put(given, &PARALLELISM, &mut self.parallelism)?;
        put(given, &ADAPTIVE, &mut self.adaptive)?;
        put(given, &SPARE_SLOTS, &mut self.spare_slots)?;
        put(given, &MAX_PARALLELISM, &mut self.max_parallelism)?;
        if let Some(records) = given.given(&RECORDS_IN_FLIGHT)? {
            self.records_in_flight = records.get();
        }
        put(given, &FLUSH_INTERVAL, &mut self.flush_interval)?;
        put(given, &NETWORK_COMPRESSION, &mut self.compression)?;
        put(given, &MODE, &mut self.mode)?;
        put(given, &CANCEL_TIMEOUT, &mut self.cancel_timeout)?;
        self.checkpoints = checkpoints(self.checkpoints, given)?;
        self.restart = restart(self.restart, given)?;
        Ok(self)
    }
}

fn put<T: SettingValue>(given: &Values, setting: &Setting<T>, place: &mut T) -> Result<()> {
    if let Some(value) = given.given(setting)? {
        *place = value;
    }
    Ok(())
}

/// Refuses the first of `settings` that was given, for `reason`.
fn refuse(given: &Values, settings: &[&dyn Described], reason: &str, advice: &str) -> Result<()> {
    let found = settings.iter().find_map(|setting| Some((setting.name(), given.origin(setting.name())?)));
    match found {
        None => Ok(()),
        Some((name, origin)) => {
            Err(Failure::user(format!("setting `{name}` is given ({origin}), but {reason}")).advice(advice))
        }
    }
}

fn checkpoints(programs: Option<CheckpointSettings>, given: &Values) -> Result<Option<CheckpointSettings>> {
    let mut settings = match (given.given(&CHECKPOINTS)?, programs) {
        (Some(folder), Some(programs)) => CheckpointSettings { folder, ..programs },
        (Some(folder), None) => CheckpointSettings::in_folder(folder),
        (None, Some(programs)) => programs,
        (None, None) => {
            let advice = "give a folder as well: --checkpoints FOLDER";
            return refuse(given, NEED_A_FOLDER, "there is no folder for checkpoints", advice).map(|()| None);
        }
    };
    put(given, &CHECKPOINT_INTERVAL, &mut settings.interval)?;
    put(given, &CHECKPOINT_MODE, &mut settings.mode)?;
    put(given, &CHECKPOINT_TIMEOUT, &mut settings.timeout)?;
    put(given, &CHECKPOINT_MIN_PAUSE, &mut settings.min_pause)?;
    put(given, &CHECKPOINT_TOLERABLE_FAILURES, &mut settings.tolerable_failures)?;
    if let Some(retained) = given.given(&CHECKPOINT_RETAINED)? {
        settings.retained = retained.get();
    }
    put(given, &RESTORE, &mut settings.restore)?;
    put(given, &RESTORE_UNMATCHED, &mut settings.unmatched)?;
    put(given, &LOCAL_RECOVERY, &mut settings.local_recovery)?;
    Ok(Some(settings))
}

/// A strategy that is given comes with default numbers, unless it is the program's; numbers that are given change either.
fn restart(programs: Restart, given: &Values) -> Result<Restart> {
    let mut restart = match given.given(&RESTART)? {
        Some(strategy) if strategy != strategy_of(&programs) => with_defaults(strategy)?,
        _ => programs,
    };
    match &mut restart {
        Restart::Never => only(given, "none", &[])?,
        Restart::FixedDelay { attempts, delay } => {
            only(given, "fixed-delay", &[&RESTART_ATTEMPTS, &RESTART_DELAY])?;
            put(given, &RESTART_ATTEMPTS, attempts)?;
            put(given, &RESTART_DELAY, delay)?;
        }
        Restart::FailureRate { failures, interval, delay } => {
            only(given, "failure-rate", &[&RESTART_FAILURES, &RESTART_INTERVAL, &RESTART_DELAY])?;
            put(given, &RESTART_FAILURES, failures)?;
            put(given, &RESTART_INTERVAL, interval)?;
            put(given, &RESTART_DELAY, delay)?;
        }
        Restart::ExponentialDelay { initial, max, factor, reset_after } => {
            let mine: [&dyn Described; 4] =
                [&RESTART_DELAY, &RESTART_MAX_DELAY, &RESTART_FACTOR, &RESTART_RESET_AFTER];
            only(given, "exponential-delay", &mine)?;
            put(given, &RESTART_DELAY, initial)?;
            put(given, &RESTART_MAX_DELAY, max)?;
            put(given, &RESTART_FACTOR, factor)?;
            put(given, &RESTART_RESET_AFTER, reset_after)?;
        }
    }
    Ok(restart)
}

/// Refuses numbers of other strategies than this one, whose are `mine`.
fn only(given: &Values, strategy: &str, mine: &[&dyn Described]) -> Result<()> {
    let is_mine = |one: &&dyn Described| mine.iter().any(|mine| mine.name() == one.name());
    let others: Vec<&dyn Described> = RESTART_NUMBERS.iter().copied().filter(|one| !is_mine(one)).collect();
    let reason = format!("has no meaning with the restart strategy `{strategy}`");
    refuse(given, &others, &reason, "give the strategy it belongs to as well, such as --restart fixed-delay")
}

fn strategy_of(restart: &Restart) -> Strategy {
    match restart {
        Restart::Never => Strategy::Never,
        Restart::FixedDelay { .. } => Strategy::FixedDelay,
        Restart::FailureRate { .. } => Strategy::FailureRate,
        Restart::ExponentialDelay { .. } => Strategy::ExponentialDelay,
    }
}

fn with_defaults(strategy: Strategy) -> Result<Restart> {
    Ok(match strategy {
        Strategy::Never => Restart::Never,
        Strategy::FixedDelay => {
            Restart::FixedDelay { attempts: default(&RESTART_ATTEMPTS)?, delay: default(&RESTART_DELAY)? }
        }
        Strategy::FailureRate => Restart::FailureRate {
            failures: default(&RESTART_FAILURES)?,
            interval: default(&RESTART_INTERVAL)?,
            delay: default(&RESTART_DELAY)?,
        },
        Strategy::ExponentialDelay => Restart::ExponentialDelay {
            initial: default(&RESTART_DELAY)?,
            max: default(&RESTART_MAX_DELAY)?,
            factor: default(&RESTART_FACTOR)?,
            reset_after: default(&RESTART_RESET_AFTER)?,
        },
    })
}

fn default<T: SettingValue>(setting: &Setting<T>) -> Result<T> {
    let value = Values::of(&JOB_SETTINGS).get(setting)?;
    value.ok_or_else(|| Failure::internal(format!("`{}` has no default", setting.name())))
}
