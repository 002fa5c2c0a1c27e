//! Memory between a library's writer, which wants somewhere to write to, and an encoder, which hands bytes on.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Takes in what is written by one of its clones, until another one takes it out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outlet(Arc<Mutex<Vec<u8>>>);

impl Outlet {
    /// Moves what was written so far to the end of `out`.
    pub(crate) fn take(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
