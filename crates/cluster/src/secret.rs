//! Secrets that are made here: of a job, of a cluster.

use std::fs::File;
use std::io::Read;

use millstream_model::error::{Failure, Result};

/// A secret nobody can guess: 64 hexadecimal digits.
///
/// # Errors
/// If the system has no random numbers to give.
pub fn fresh() -> Result<String> {
    let mut bytes = [0; 32];
    let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(|error| Failure::external("/dev/urandom cannot be read").because(error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_made_twice() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert_eq!((one.len(), other.len()), (64, 64));
        assert_ne!(one, other);
    }
}
