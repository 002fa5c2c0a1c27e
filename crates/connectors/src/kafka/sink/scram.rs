//! SCRAM (RFC 5802): a password is proven without being sent, and the broker proves that it knows it too.
//!
//! Holds: the password leaves this module neither in a request nor in a message.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use millstream_model::error::{Failure, Result};
use ring::rand::SecureRandom;
use ring::{digest, hmac, pbkdf2};

/// More rounds than this, which a server asks for, would hold a job up.
const MOST_ROUNDS: u32 = 1 << 20;

/// The hash that all is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    /// As Kafka calls it.
    pub(super) fn mechanism(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec()
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, data).as_ref().to_vec()
    }

    fn salted(self, password: &str, salt: &[u8], rounds: NonZeroU32) -> Vec<u8> {
        let (algorithm, length) = match self {
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        };
        let mut salted = vec![0; length];
        pbkdf2::derive(algorithm, rounds, salt, password.as_bytes(), &mut salted);
        salted
    }
}

/// A conversation that was begun.
pub(super) struct Scram {
    hash: Hash,
    password: String,
    nonce: String,
    /// The first message without its head.
    bare: String,
}

/// What the broker has to show in the end.
pub(super) struct Proof(Vec<u8>);

fn odd(what: &str) -> Failure {
    Failure::external(format!("a Kafka broker does not speak SCRAM: {what}"))
}

impl Scram {
    pub(super) fn begin(hash: Hash, user: &str, password: &str) -> Result<Self> {
        let mut random = [0; 24];
        let generator = ring::rand::SystemRandom::new();
        generator.fill(&mut random).map_err(|_| Failure::external("the system gives no random numbers"))?;
        Ok(Self::with_nonce(hash, user, password, STANDARD.encode(random)))
    }

    fn with_nonce(hash: Hash, user: &str, password: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={user},r={nonce}");
        Self { hash, password: password.to_owned(), nonce, bare }
    }

    /// The first message.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// The answer to the broker's challenge, and what its own answer has to be.
    pub(super) fn answer(&self, challenge: &[u8]) -> Result<(String, Proof)> {
        let challenge = std::str::from_utf8(challenge).map_err(|_| odd("its challenge is no text"))?;
        let part = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name));
        let (Some(nonce), Some(salt), Some(rounds)) = (part("r="), part("s="), part("i=")) else {
            return Err(odd("its challenge has no nonce, salt or rounds"));
        };
        if !nonce.starts_with(&self.nonce) {
            return Err(odd("it answers another challenge"));
        }
        let salt = STANDARD.decode(salt).map_err(|_| odd("its salt is none"))?;
        let rounds = rounds.parse().ok().filter(|rounds: &NonZeroU32| rounds.get() <= MOST_ROUNDS);
        let rounds = rounds.ok_or_else(|| odd("its number of rounds is none"))?;
        let salted = self.hash.salted(&self.password, &salt, rounds);
        let client = self.hash.hmac(&salted, b"Client Key");
        // `biws` is `n,,`: no channel is bound.
        let without_proof = format!("c=biws,r={nonce}");
        let all = format!("{},{challenge},{without_proof}", self.bare);
        let signature = self.hash.hmac(&self.hash.digest(&client), all.as_bytes());
        let proof: Vec<u8> = client.iter().zip(&signature).map(|(key, sign)| key ^ sign).collect();
        let expected = self.hash.hmac(&self.hash.hmac(&salted, b"Server Key"), all.as_bytes());
        Ok((format!("{without_proof},p={}", STANDARD.encode(proof)), Proof(expected)))
    }
}

impl Proof {
    /// Refuses a broker that does not know the password.
    pub(super) fn check(&self, last: &[u8]) -> Result<()> {
        let shown = std::str::from_utf8(last).ok().and_then(|last| last.strip_prefix("v="));
        let shown = shown.and_then(|shown| STANDARD.decode(shown.split(',').next()?).ok());
        if shown.as_deref() == Some(&self.0) {
            Ok(())
        } else {
            Err(odd("it does not know the password itself"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hash, Scram};

    /// The example of RFC 7677.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let scram = Scram::with_nonce(Hash::Sha256, "user", "pencil", nonce);
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (answer, proof) = scram.answer(challenge.as_bytes()).unwrap();
        assert_eq!(
            answer,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        proof.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(proof.check(b"v=AAAA").is_err());
    }

    #[test]
    fn a_challenge_that_is_none_is_an_error() {
        let scram = Scram::with_nonce(Hash::Sha512, "user", "pencil", "abc".into());
        for wrong in [
            "",
            "r=abcd",
            "r=xyz,s=AAAA,i=1",
            "r=abcd,s=?,i=1",
            "r=abcd,s=AAAA,i=0",
            "r=abcd,s=AAAA,i=99999999",
        ] {
            assert!(scram.answer(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
