//! The secret that the processes of a cluster share.
//!
//! Answers for proving that one has it without showing it. Not for its file, which is the command's.
//! Holds: it is never printed, nor put into an error or onto the wire; proofs are compared in constant time.

use std::fmt;

use millstream_model::error::{Failure, Result};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// The shortest token that is taken, in characters.
const LEAST: usize = 16;

/// Random bytes that nobody can guess.
///
/// # Errors
/// If the operating system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Failure::external("the operating system gives no random numbers"))?;
    Ok(bytes)
}

/// A shared secret. Its `Debug` does not show it.
#[derive(Clone)]
pub struct Token(hmac::Key);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// A token of this text, such as one of the environment of a child process.
    ///
    /// # Errors
    /// If it is shorter than 16 characters.
    pub fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() < LEAST {
            return Err(Failure::user(format!("a token of {} characters is too short", text.len()))
                .advice("make one with `millstream token`"));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes())))
    }

    /// What is proved where no token was agreed on: everybody can.
    pub fn none() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, b""))
    }

    /// Proves to who has the same token that `parts` were said by one who has it.
    pub(crate) fn prove(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut proof = [0; 32];
        // A SHA-256 is 32 bytes long.
        proof.copy_from_slice(&context.sign().as_ref()[..32]);
        proof
    }

    /// Whether `proof` is that of `parts`; takes as long either way.
    pub(crate) fn accepts(&self, parts: &[&[u8]], proof: &[u8; 32]) -> bool {
        let right = self.prove(parts);
        right.iter().zip(proof).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

/// Whether two secrets are the same, in a time that tells nothing of where they differ.
pub fn same_secret(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let differences = one.iter().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b));
    one.len() == other.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_same_token_accepts_the_proof_of_what_was_said_and_of_nothing_else() {
        let (made, read) = (
            Token::new("a secret of the cluster").unwrap(),
            Token::new("a secret of the cluster\n").unwrap(),
        );
        let proof = made.prove(&[b"hello", b"there"]);
        assert!(read.accepts(&[b"hello", b"there"], &proof));
        assert!(!read.accepts(&[b"hellot", b"here"], &proof));
    }

    #[test]
    fn secrets_are_the_same_only_if_they_are() {
        assert!(same_secret("abc", "abc"));
        assert!(!same_secret("abc", "abd") && !same_secret("abc", "ab") && !same_secret("", "a"));
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::new("a secret of the cluster").unwrap();
        assert_eq!(format!("{token:?}"), "Token(..)");
        let text = Token::new("short secret").unwrap_err().to_string();
        assert!(text.contains("12 characters") && !text.contains("secret"), "{text}");
    }
}
