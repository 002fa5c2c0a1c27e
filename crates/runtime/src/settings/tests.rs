//! Settings that are given as text, over those of a program.

use millstream_model::settings::{Origin, Values};

use super::*;

fn given(settings: &[(&str, &str)]) -> Values {
    let mut values = Values::of(&JOB_SETTINGS);
    for (name, text) in settings {
        values.set(name, text, Origin::Argument(format!("--{name}"))).unwrap();
    }
    values
}

#[test]
fn the_defaults_that_are_described_are_those_of_a_job() {
    let described: Vec<(&str, &str)> = JOB_SETTINGS
        .settings()
        .filter(|setting| !setting.name().starts_with("restart"))
        .filter_map(|setting| Some((setting.name(), setting.default()?)))
        .chain([("checkpoints", "folder")])
        .collect();
    let with_all = JobSettings::default().with(&given(&described)).unwrap();
    let in_folder = CheckpointSettings::in_folder("folder");
    let expected = JobSettings { checkpoints: Some(in_folder), ..JobSettings::default() };
    assert_eq!(format!("{with_all:?}"), format!("{expected:?}"));
}

#[test]
fn each_setting_that_is_given_replaces_the_programs() {
    let settings = given(&[
        ("parallelism", "2"),
        ("adaptive", "true"),
        ("spare-slots", "2"),
        ("max-parallelism", "256"),
        ("records-in-flight", "1000"),
        ("flush-interval", "0"),
        ("network-compression", "lz4"),
        ("mode", "batch"),
        ("checkpoints", "out"),
        ("checkpoint-interval", "100 ms"),
        ("checkpoint-mode", "at-least-once"),
        ("checkpoint-timeout", "1 min"),
        ("checkpoint-min-pause", "50 ms"),
        ("checkpoint-tolerable-failures", "4"),
        ("checkpoint-retained", "7"),
        ("restore", "savepoint-000018"),
        ("restore-unmatched", "ignore"),
        ("local-recovery", "false"),
        ("restart", "failure-rate"),
        ("restart-failures", "5"),
        ("restart-interval", "2 min"),
        ("restart-delay", "3 s"),
        ("cancel-timeout", "9 s"),
    ]);
    let job = JobSettings::default().with(&settings).unwrap();
    let seconds = Duration::from_secs;
    assert_eq!((job.parallelism, job.max_parallelism.get(), job.records_in_flight), (2, 256, 1_000));
    assert!(job.adaptive);
    assert_eq!(job.spare_slots, 2);
    assert_eq!(job.compression, Compression::Lz4);
    assert_eq!((job.flush_interval, job.mode, job.cancel_timeout), (Duration::ZERO, Mode::Batch, seconds(9)));
    let checkpoints = job.checkpoints.unwrap();
    assert_eq!(checkpoints.folder, PathBuf::from("out"));
    assert!(!checkpoints.local_recovery);
    assert_eq!(checkpoints.interval, Duration::from_millis(100));
    assert_eq!(checkpoints.mode, CheckpointMode::AtLeastOnce);
    assert_eq!((checkpoints.timeout, checkpoints.min_pause), (seconds(60), Duration::from_millis(50)));
    assert_eq!((checkpoints.tolerable_failures, checkpoints.retained), (4, 7));
    assert_eq!(checkpoints.unmatched, UnmatchedState::Ignore);
    assert_eq!(checkpoints.restore, RestoreFrom::Named("savepoint-000018".into()));
    assert_eq!(job.restart, Restart::FailureRate { failures: 5, interval: seconds(120), delay: seconds(3) });
}

#[test]
fn numbers_alone_change_the_strategy_that_the_program_has() {
    let seconds = Duration::from_secs;
    let fixed = |attempts, delay| Restart::FixedDelay { attempts, delay };
    let program = || JobSettings { restart: fixed(9, seconds(9)), ..JobSettings::default() };
    let restart = |settings: &[(&str, &str)]| program().with(&given(settings)).map(|job| job.restart);
    assert_eq!(restart(&[("restart-delay", "2 s")]).unwrap(), fixed(9, seconds(2)));
    assert_eq!(
        restart(&[("restart", "fixed-delay"), ("restart-attempts", "1")]).unwrap(),
        fixed(1, seconds(9))
    );
    assert_eq!(restart(&[("restart", "none")]).unwrap(), Restart::Never);
    assert_eq!(
        restart(&[("restart", "exponential-delay"), ("restart-factor", "2")]).unwrap(),
        Restart::ExponentialDelay {
            initial: seconds(1),
            max: seconds(60),
            factor: 2.0,
            reset_after: seconds(3_600)
        }
    );
}

#[test]
fn a_setting_without_the_one_it_needs_is_refused() {
    let refusal =
        |settings: &[(&str, &str)]| JobSettings::default().with(&given(settings)).unwrap_err().to_string();
    assert_eq!(
        refusal(&[("restore", "latest")]),
        "setting `restore` is given (command line, --restore), but there is no folder for checkpoints\n  \
         give a folder as well: --checkpoints FOLDER"
    );
    assert_eq!(
        refusal(&[("restart", "fixed-delay"), ("restart-factor", "2")]),
        "setting `restart-factor` is given (command line, --restart-factor), but has no meaning with the restart \
         strategy `fixed-delay`\n  give the strategy it belongs to as well, such as --restart fixed-delay"
    );
    assert!(refusal(&[("restart-attempts", "2")]).contains("with the restart strategy `none`"));
}

#[test]
fn settings_that_cannot_be_are_refused_with_what_could() {
    let refusal = |change: fn(&mut JobSettings)| {
        let mut settings = JobSettings {
            checkpoints: Some(CheckpointSettings::in_folder("folder")),
            ..JobSettings::default()
        };
        settings.check().unwrap();
        change(&mut settings);
        settings.check().unwrap_err().to_string()
    };
    for parallelism in [0, 129] {
        let error = check_parallelism("the job", parallelism, 128).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "the parallelism of the job is {parallelism}, but must be from 1 to the max parallelism, 128\n  \
                 if you need more, raise it: set_max_parallelism(n) in the program, --max-parallelism n on the command \
                 line; checkpoints written with another one cannot be restored then"
            )
        );
    }
    assert_eq!(
        refusal(|settings| settings.records_in_flight = 0),
        "records_in_flight is 0, but a channel must hold one record at least"
    );
    let without = |change: fn(&mut CheckpointSettings)| {
        let mut settings = CheckpointSettings::in_folder("folder");
        change(&mut settings);
        let settings = JobSettings { checkpoints: Some(settings), ..JobSettings::default() };
        settings.check().unwrap_err().to_string()
    };
    assert_eq!(
        without(|checkpoints| checkpoints.interval = Duration::ZERO),
        "the checkpoint interval is 0; give it at least 1 ms"
    );
    assert_eq!(
        without(|checkpoints| checkpoints.retained = 0),
        "retained checkpoints are 0; keep 1 at least, or nothing could be restored"
    );
}
