//! The secret that the processes of a cluster share.
//!
//! Answers for making it, for keeping it in a file that only its owner reads, and for proving that one has it without
//! showing it. Holds: it is never printed, nor put into an error or onto the wire; proofs are compared in constant time.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use millstream_model::error::{Failure, Result};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a fresh token, before they are written in hexadecimal digits.
const BYTES: usize = 32;
/// The shortest token that is taken, in characters.
const LEAST: usize = 16;

/// Random bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
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

    /// Makes a token and writes it into a new file that only its owner can read (mode 600).
    ///
    /// # Errors
    /// If there is such a file already, or it cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let mut text = String::with_capacity(2 * BYTES + 1);
        for byte in random::<BYTES>()? {
            text.push_str(&format!("{byte:02x}"));
        }
        let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = opened.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::user(format!("there is a file {} already", path.display()))
                .advice("a token in use is not replaced: name another file, or remove this one first"),
            _ => Failure::external(format!("cannot make the token's file {}", path.display())).because(error),
        })?;
        writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(|error| {
            Failure::external(format!("cannot write the token's file {}", path.display())).because(error)
        })?;
        Self::new(&text)
    }

    /// Reads a token from its file.
    ///
    /// # Errors
    /// If it cannot be read, others than its owner may read it, or it is too short.
    pub fn read(path: &Path) -> Result<Self> {
        let unreadable = |error| {
            Failure::user(format!("cannot read the token's file {}", path.display()))
                .because(error)
                .advice("make one with `millstream token`")
        };
        let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Failure::user(format!(
                "others may read the token's file {} (mode {:03o})",
                path.display(),
                mode & 0o777
            ))
            .advice(format!("chmod 600 {}", path.display())));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::new(&text).map_err(|failure| failure.within(format!("token file {}", path.display())))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_in_a_file_of_its_owner_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let made = Token::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = Token::read(&path).unwrap();
        let proof = made.prove(&[b"hello", b"there"]);
        assert!(read.accepts(&[b"hello", b"there"], &proof));
        assert!(!read.accepts(&[b"hellot", b"here"], &proof));
        assert!(Token::create(&path).unwrap_err().to_string().contains("already"));
    }

    #[test]
    fn a_token_that_others_may_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        Token::create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let text = Token::read(&path).unwrap_err().to_string();
        assert!(text.contains("mode 644") && text.contains("chmod 600"), "{text}");
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::new("a secret of the cluster").unwrap();
        assert_eq!(format!("{token:?}"), "Token(..)");
        let text = Token::new("short secret").unwrap_err().to_string();
        assert!(text.contains("12 characters") && !text.contains("secret"), "{text}");
    }
}
