//! Who may connect: what two processes say to each other before the first frame.
//!
//! Answers for the messages and for judging them, as pure functions over bytes and values. Not for sockets (`listener`).
//! Holds: who has not proved the token learns nothing but the protocol's version; a refusal has a reason that reaches the
//! other side; only the attempt that is registered gets in.
//!
//! 1. Both sides send a preface: magic, version, 32 random bytes. Whoever sees another magic or version ends it.
//! 2. Who connects sends a [`Hello`], and a proof that it has the token, over both prefaces and the message.
//! 3. Who listens answers with an [`Answer`], with a proof likewise.

use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use serde::{Deserialize, Serialize};

use super::token::{Token, random};

/// The version of everything that processes say to each other. Changes with any change of it.
pub const VERSION: u16 = 1;
/// The length of a preface.
pub const PREFACE: usize = 38;
/// The longest message of a handshake.
pub const MAX_MESSAGE: usize = 4096;

const MAGIC: [u8; 4] = *b"MSNX";
const PROOF: usize = 32;

/// The first bytes of either side.
pub type Preface = [u8; PREFACE];

/// A preface with fresh random bytes.
///
/// # Errors
/// If there are none to be had.
pub fn preface() -> Result<Preface> {
    let mut bytes = [0; PREFACE];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
    bytes[6..].copy_from_slice(&random::<32>()?);
    Ok(bytes)
}

/// Whether one can talk to who sent this preface.
///
/// # Errors
/// If it is no process of Millstream's, or of another version.
pub fn check_preface(theirs: &Preface) -> Result<()> {
    if theirs[..4] != MAGIC {
        return Err(Failure::external("the other side is no process of a Millstream cluster")
            .advice("check address and port; if one side is given certificates, the other needs them too"));
    }
    let version = u16::from_le_bytes([theirs[4], theirs[5]]);
    if version != VERSION {
        return Err(Failure::user(format!(
            "the other process speaks version {version} of the cluster's protocol, this one version {VERSION}"
        ))
        .advice("run the same version of Millstream on all machines"));
    }
    Ok(())
}

/// What the one who connects says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The job.
    pub job: String,
    /// The attempt at the job; a later one has a greater number.
    pub attempt: u64,
    /// The number of the process among those of the attempt.
    pub process: u32,
    /// What program and graph amount to.
    pub fingerprint: String,
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The proof is not that of the token here.
    WrongToken,
    /// The job does not run here, not yet or not any more.
    UnknownJob,
    /// A later attempt runs here: who asks was given up.
    StaleAttempt {
        /// The attempt that runs here.
        current: u64,
    },
    /// This process has not yet begun the attempt.
    NotYet {
        /// The attempt that runs here.
        current: u64,
    },
    /// Another program, or another graph.
    OtherProgram {
        /// What runs here.
        here: String,
    },
    /// The process is connected already.
    Twice,
    /// The message cannot be understood.
    Malformed,
}

impl Refusal {
    /// Whether the same request may be granted a little later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::UnknownJob | Self::NotYet { .. })
    }

    /// The refusal as the error of who was refused.
    pub fn failure(&self, hello: &Hello) -> Failure {
        let Hello { job, attempt, process, fingerprint } = hello;
        match self {
            Self::WrongToken => Failure::user("the token of this process is not that of the other one")
                .advice("give all processes of the cluster the same token file"),
            Self::UnknownJob => Failure::external(format!("job `{job}` does not run on the other process")),
            Self::StaleAttempt { current } => Failure::external(format!(
                "attempt {attempt} at job `{job}` was given up: the other process is at attempt {current}"
            )),
            Self::NotYet { current } => Failure::external(format!(
                "the other process is at attempt {current} of job `{job}`, and not yet at {attempt}"
            )),
            Self::OtherProgram { here } => Failure::user(format!(
                "the other process runs another program or graph under job `{job}`: {here} there, {fingerprint} here"
            ))
            .advice("start every process of a job from the same binary with the same arguments"),
            Self::Twice => Failure::internal(format!("process {process} is connected to the other one already")),
            Self::Malformed => {
                Failure::internal("the other process could not read what this one said of itself")
            }
        }
    }
}

/// What the one who listens says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Come in; the process that says so has this number.
    Welcome {
        /// The number of the listening process.
        process: u32,
    },
    /// Stay out.
    Refused(Refusal),
}

/// What is registered at a listener: whom it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The attempt.
    pub attempt: u64,
    /// What program and graph amount to.
    pub fingerprint: String,
    /// The number of this process.
    pub process: u32,
}

/// Whether one who said `hello`, and has proved the token, may come in; `expected` is what is registered for the job.
pub fn judge(hello: &Hello, expected: Option<&Expected>) -> Answer {
    let Some(expected) = expected else { return Answer::Refused(Refusal::UnknownJob) };
    let current = expected.attempt;
    Answer::Refused(match hello.attempt.cmp(&current) {
        std::cmp::Ordering::Less => Refusal::StaleAttempt { current },
        std::cmp::Ordering::Greater => Refusal::NotYet { current },
        std::cmp::Ordering::Equal if hello.fingerprint != expected.fingerprint => {
            Refusal::OtherProgram { here: expected.fingerprint.clone() }
        }
        std::cmp::Ordering::Equal => return Answer::Welcome { process: expected.process },
    })
}

/// Which side a message comes from; a proof of one is none of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Connecting,
    Listening,
}

/// What both sides know of a handshake: the token and both prefaces, that of the connecting side first.
pub(crate) struct Secret<'a> {
    pub(crate) token: &'a Token,
    pub(crate) prefaces: [Preface; 2],
}

impl Secret<'_> {
    fn parts<'b>(&'b self, side: Side, body: &'b [u8]) -> [&'b [u8]; 4] {
        let side: &[u8] = if side == Side::Connecting { b"connecting" } else { b"listening" };
        [side, &self.prefaces[0], &self.prefaces[1], body]
    }

    /// The bytes of a message, its proof first, its length in front of both.
    pub(crate) fn seal(&self, side: Side, message: &impl Serialize) -> Result<Vec<u8>> {
        let body = to_bytes(message).map_err(|error| {
            Failure::internal("a message of the handshake cannot be written").because(error)
        })?;
        let length = PROOF + body.len();
        if length > MAX_MESSAGE {
            return Err(Failure::user(format!("job name and fingerprint take {length} bytes"))
                .advice("a shorter job name; both may take about 4,000 bytes"));
        }
        let mut bytes = (length as u32).to_le_bytes().to_vec();
        bytes.extend(self.token.prove(&self.parts(side, &body)));
        bytes.extend(body);
        Ok(bytes)
    }

    /// The message that the bytes behind the length are.
    pub(crate) fn open<T: for<'de> Deserialize<'de>>(&self, side: Side, bytes: &[u8]) -> Result<T, Refusal> {
        let (proof, body) = bytes.split_first_chunk::<PROOF>().ok_or(Refusal::Malformed)?;
        if !self.token.accepts(&self.parts(side, body), proof) {
            return Err(Refusal::WrongToken);
        }
        from_bytes(body).map_err(|_| Refusal::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hello(attempt: u64) -> Hello {
        Hello { job: "delays".into(), attempt, process: 3, fingerprint: "abc".into() }
    }

    fn token() -> Token {
        Token::new("a token that is long enough").unwrap()
    }

    fn expected() -> Expected {
        Expected { attempt: 4, fingerprint: "abc".into(), process: 1 }
    }

    #[test]
    fn only_the_registered_attempt_of_the_same_program_gets_in() {
        assert_eq!(judge(&hello(4), Some(&expected())), Answer::Welcome { process: 1 });
        let refused = |hello: &Hello, expected: Option<&Expected>| match judge(hello, expected) {
            Answer::Refused(refusal) => (refusal.may_pass(), refusal.failure(hello).to_string()),
            Answer::Welcome { .. } => panic!("let in"),
        };
        let (may_pass, text) = refused(&hello(3), Some(&expected()));
        assert!(!may_pass && text.contains("attempt 3") && text.contains("at attempt 4"), "{text}");
        assert!(refused(&hello(5), Some(&expected())).0);
        assert!(refused(&hello(4), None).0);
        let other = Hello { fingerprint: "xyz".into(), ..hello(4) };
        let (may_pass, text) = refused(&other, Some(&expected()));
        assert!(!may_pass && text.contains("abc there, xyz here"), "{text}");
    }

    #[test]
    fn another_version_and_another_program_on_the_port_are_told_apart() {
        let mut theirs = preface().unwrap();
        check_preface(&theirs).unwrap();
        theirs[4] = 9;
        let text = check_preface(&theirs).unwrap_err().to_string();
        assert!(text.contains("version 9") && text.contains("version 1"), "{text}");
        let text = check_preface(&[b'G'; PREFACE]).unwrap_err().to_string();
        assert!(text.contains("no process of a Millstream cluster"), "{text}");
    }

    #[test]
    fn a_proof_is_good_for_one_connection_one_side_and_one_message() {
        let token = token();
        let prefaces = [preface().unwrap(), preface().unwrap()];
        let secret = Secret { token: &token, prefaces };
        let sealed = secret.seal(Side::Connecting, &hello(1)).unwrap();
        assert_eq!(secret.open::<Hello>(Side::Connecting, &sealed[4..]), Ok(hello(1)));
        assert_eq!(secret.open::<Hello>(Side::Listening, &sealed[4..]), Err(Refusal::WrongToken));
        let again = Secret { token: &token, prefaces: [prefaces[0], preface().unwrap()] };
        assert_eq!(again.open::<Hello>(Side::Connecting, &sealed[4..]), Err(Refusal::WrongToken));
        let other = Token::new("another token, as long as that").unwrap();
        let other = Secret { token: &other, prefaces };
        assert_eq!(other.open::<Hello>(Side::Connecting, &sealed[4..]), Err(Refusal::WrongToken));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_a_refusal(bytes: Vec<u8>) {
            let token = token();
            let secret = Secret { token: &token, prefaces: [[0; PREFACE]; 2] };
            prop_assert!(secret.open::<Hello>(Side::Connecting, &bytes).is_err());
        }
    }
}
