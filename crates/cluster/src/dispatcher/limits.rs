//! The waits and bounds of a job manager.

/// In milliseconds, where it is a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a started program may say nothing before it is taken for none of Millstream's.
    pub first_words: u64,
    /// How long a job may wait for slots; without it for ever.
    pub slots: Option<u64>,
    /// How long a cancelled job may take to end before its master is killed.
    pub leaving: u64,
    /// How long a master's process may outlive its connection before it is killed.
    pub parting: u64,
    /// The wait before the third start in a row of a master or an executor; doubled for each further one.
    pub first_pause: u64,
    /// The longest wait.
    pub longest_pause: u64,
    /// A process that lived this long did not die in a row with those before it.
    pub calm: u64,
    /// How many masters of a job may die in a row.
    pub masters_in_a_row: u32,
    /// How many ended jobs are listed.
    pub history: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_words: 30_000,
            slots: None,
            leaving: 30_000,
            parting: 1_000,
            first_pause: 500,
            longest_pause: 30_000,
            calm: 60_000,
            masters_in_a_row: 10,
            history: 100,
        }
    }
}
