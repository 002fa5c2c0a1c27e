//! Secrets that are made here: of a job, of a cluster.

use millstream_model::error::Result;
use millstream_network::token::random;

/// A secret nobody can guess: 64 hexadecimal digits.
///
/// # Errors
/// If the system has no random numbers to give.
pub fn fresh() -> Result<String> {
    Ok(random::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect())
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
