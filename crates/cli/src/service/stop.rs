//! When a service is to end: Ctrl-C, SIGTERM, or the end of who started it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millstream_model::error::{Failure, Result};

/// Set when it is to end.
pub(crate) fn signal() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    ctrlc::set_handler(move || set.store(true, Ordering::Release))
        .map_err(|error| Failure::external("signals cannot be handled").because(error))?;
    Ok(stop)
}

/// It is to end, too, when the standard input does: whoever holds its other end is gone.
pub(crate) fn with_standard_input(stop: &Arc<AtomicBool>) {
    let set = Arc::clone(stop);
    std::thread::spawn(move || {
        let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        set.store(true, Ordering::Release);
    });
}
