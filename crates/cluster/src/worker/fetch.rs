//! Gets a program's bytes from the job manager.
//!
//! Holds: a program is fetched once, however many executors want it at the same time.

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_network::conversation::reach;
use millstream_network::socket::set_times;

use super::Worker;
use crate::wire::role;

/// A job manager that sends nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// One at a time.
static TURN: Mutex<()> = Mutex::new(());

impl Worker {
    /// Where the program with this hash is.
    pub(super) fn program(&self, hash: &str) -> Result<PathBuf> {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        match self.programs.find(hash)? {
            Some(path) => Ok(path),
            None => self.fetch(hash),
        }
    }

    fn fetch(&self, hash: &str) -> Result<PathBuf> {
        let manager = self.manager_name()?;
        let cut = |error| {
            Failure::external(format!("the program {hash} did not come whole from {manager}")).because(error)
        };
        let own = self.introduction(role::PROGRAM, hash);
        let mut stream = reach(manager, &own, &self.settings.security, self.settings.pulse)?;
        set_times(stream.stream(), PATIENCE, PATIENCE).map_err(cut)?;
        let mut length = [0; 8];
        stream.read_exact(&mut length).map_err(cut)?;
        let mut rest = stream.take(u64::from_le_bytes(length));
        let mut incoming = self.programs.begin(hash)?;
        let mut piece = vec![0; 256 << 10];
        loop {
            match rest.read(&mut piece).map_err(cut)? {
                // What is missing shows in the hash.
                0 => return incoming.end(),
                length => incoming.take(&piece[..length])?,
            }
        }
    }
}
