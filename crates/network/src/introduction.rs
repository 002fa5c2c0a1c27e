//! The first words of a connection: who calls, and by what right.
//!
//! ```text
//! caller    MARK (8 bytes: the name and the protocol's version), a frame with the introduction
//! receiver  MARK, a frame with `welcome` or with why not
//! ```
//!
//! Answers for telling apart another version, another protocol and another job before anything else is said.
//! Holds: a caller without the right token learns nothing but that it was refused; tokens are compared in constant time and
//! never shown.

use std::fmt;
use std::io::{self, Read, Write};

use millstream_model::error::{Failure, Retry};
use serde::{Deserialize, Serialize};

use crate::frame;

/// What both sides begin with: the protocol and its version.
const MARK: [u8; 8] = *b"MILLS\0\0\x01";
/// The longest introduction, in bytes.
const LIMIT: usize = 16 * 1024;

/// Who calls, and by what right.
#[derive(Clone, Serialize, Deserialize)]
pub struct Introduction {
    /// What the caller is: `worker`, `master`, `executor`, ...
    pub role: String,
    /// Its name, for people and for whoever has to know it again.
    pub name: String,
    /// What it belongs to: a job's name, say; empty where there is no such thing.
    pub job: String,
    /// Which attempt at that: a lower one than the receiver's is over.
    pub term: u64,
    /// The secret that both sides have.
    pub token: String,
}

impl fmt::Debug for Introduction {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, name, job, term, token: _ } = self;
        f.debug_struct("Introduction")
            .field("role", role)
            .field("name", name)
            .field("job", job)
            .field("term", term)
            .finish_non_exhaustive()
    }
}

/// What the receiver says.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Welcome,
    Refused(String),
}

/// Introduces a caller over a fresh connection.
///
/// # Errors
/// If the other side speaks something else, or refuses: its reason is in the failure.
pub fn introduce(connection: &mut (impl Read + Write), own: &Introduction) -> Result<(), Failure> {
    let broken = |error: io::Error| {
        let failure = Failure::external("the other side closed the connection before it said who it is");
        failure.because(error)
    };
    let mut words = MARK.to_vec();
    let text = serde_json::to_vec(own).map_err(|error| Failure::internal(error.to_string()))?;
    frame::append(&mut words, |words| words.extend_from_slice(&text)).map_err(broken)?;
    connection.write_all(&words).map_err(broken)?;
    read_mark(connection)?;
    let mut payload = Vec::new();
    frame::read(connection, &mut payload, LIMIT).map_err(broken)?;
    match serde_json::from_slice(&payload) {
        Ok(Answer::Welcome) => Ok(()),
        Ok(Answer::Refused(why)) => Err(Failure::external(format!("refused: {why}")).retry(Retry::No)),
        Err(_) => Err(foreign()),
    }
}

/// Hears the introduction of a caller.
///
/// # Errors
/// If the caller speaks something else.
pub fn hear(connection: &mut (impl Read + Write)) -> Result<Introduction, Failure> {
    read_mark(connection)?;
    let mut payload = Vec::new();
    frame::read(connection, &mut payload, LIMIT).map_err(|error| foreign().because(error))?;
    serde_json::from_slice(&payload).map_err(|_| foreign())
}

/// Answers a caller: `Err` refuses, with the reason.
///
/// # Errors
/// If the connection fails.
pub fn answer(connection: &mut impl Write, verdict: Result<(), &str>) -> Result<(), Failure> {
    let answer = match verdict {
        Ok(()) => Answer::Welcome,
        Err(why) => Answer::Refused(why.to_owned()),
    };
    let text = serde_json::to_vec(&answer).map_err(|error| Failure::internal(error.to_string()))?;
    let mut words = MARK.to_vec();
    let written = frame::append(&mut words, |words| words.extend_from_slice(&text));
    let sent = written.and_then(|()| connection.write_all(&words));
    sent.map_err(|error| Failure::external("the caller is gone").because(error))
}

/// Whether two secrets are the same, in a time that tells nothing of where they differ.
pub fn same_secret(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let differences = one.iter().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b));
    one.len() == other.len() && differences == 0
}

fn read_mark(connection: &mut impl Read) -> Result<(), Failure> {
    let mut mark = [0; MARK.len()];
    connection.read_exact(&mut mark).map_err(|error| {
        Failure::external("the other side closed the connection before it said what it speaks").because(error)
    })?;
    match (mark[..7] == MARK[..7], mark[7] == MARK[7]) {
        (true, true) => Ok(()),
        (true, false) => Err(Failure::user(format!(
            "the other side speaks version {} of the cluster's protocol, this one version {}",
            mark[7], MARK[7]
        ))
        .advice("run the same version of Millstream on all machines of a cluster")),
        (false, _) => Err(foreign()),
    }
}

fn foreign() -> Failure {
    Failure::user("the other side does not speak the protocol of a Millstream cluster")
        .advice("check the address and the port: is it another program's, or the port of the REST interface?")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection whose other side has said all that it will say.
    struct Said {
        says: io::Cursor<Vec<u8>>,
        heard: Vec<u8>,
    }

    impl Read for Said {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.says.read(into)
        }
    }

    impl Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn said(bytes: Vec<u8>) -> Said {
        Said { says: io::Cursor::new(bytes), heard: Vec::new() }
    }

    fn own() -> Introduction {
        let (role, name, job) = ("worker".into(), "w-1".into(), "j-1".into());
        Introduction { role, name, job, term: 2, token: "whisper".into() }
    }

    #[test]
    fn a_caller_and_a_receiver_understand_each_other() {
        let mut answer_bytes = said(Vec::new());
        answer(&mut answer_bytes, Ok(())).unwrap();
        let mut caller = said(answer_bytes.heard);
        introduce(&mut caller, &own()).unwrap();
        let heard = hear(&mut said(caller.heard)).unwrap();
        assert_eq!((heard.name.as_str(), heard.term), ("w-1", 2));
        assert!(same_secret(&heard.token, "whisper") && !format!("{heard:?}").contains("whisper"));
    }

    #[test]
    fn a_refusal_reaches_the_caller_with_its_reason() {
        let mut answered = said(Vec::new());
        answer(&mut answered, Err("term 2 is over, 3 has begun")).unwrap();
        let failure = introduce(&mut said(answered.heard), &own()).unwrap_err();
        assert!(failure.to_string().contains("term 2 is over"), "{failure}");
    }

    #[test]
    fn another_version_and_another_protocol_are_told_apart() {
        let mut newer = MARK.to_vec();
        newer[7] = 9;
        assert!(hear(&mut said(newer)).unwrap_err().to_string().contains("version 9"));
        let web = b"GET / HTTP/1.1\r\n\r\n".to_vec();
        assert!(hear(&mut said(web)).unwrap_err().to_string().contains("REST"));
        assert!(hear(&mut said(b"MIL".to_vec())).is_err());
    }

    #[test]
    fn secrets_are_the_same_only_if_they_are() {
        assert!(same_secret("abc", "abc"));
        assert!(!same_secret("abc", "abd") && !same_secret("abc", "ab") && !same_secret("", "a"));
    }
}
