//! How an introduction is made and proved: what two processes say to each other before anything else.
//!
//! Answers for the bytes, as functions over bytes and values. Not for sockets (`listener`, `caller`).
//! Holds: the token never travels; who has not proved it learns nothing but the protocol's version; a proof is good for one
//! connection, one side and one message, and where the connection is encrypted for this one session.
//!
//! 1. Both sides send a preface: magic, version, 32 random bytes. Whoever sees another magic or version ends it.
//! 2. Who connects sends its [`Purpose`](crate::Purpose), and a proof that it has the token, over both prefaces, the
//!    session of TLS if there is one, and the message.
//! 3. Who listens answers with an [`Answer`](crate::Answer), with a proof likewise.

use std::io::{self, Read};

use millstream_model::error::{Failure, Result};
use serde::{Deserialize, Serialize};

use crate::introduction::Refusal;
use crate::token::{Token, random};

/// The version of everything that processes say to each other. Changes with any change of it.
pub const VERSION: u16 = 2;
/// The length of a preface.
pub const PREFACE: usize = 38;
/// The longest message of a handshake.
pub const MAX_MESSAGE: usize = 4096;

const MAGIC: [u8; 4] = *b"MSNX";
const PROOF: usize = 32;
/// How a record of TLS begins that says what is wrong.
const ALERT: [u8; 2] = [0x15, 0x03];
/// How the first record of TLS begins.
const CLIENT_HELLO: [u8; 2] = [0x16, 0x03];

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
/// If it is no process of Millstream's, or of another version, or one side has certificates and the other has none.
pub fn check_preface(theirs: &Preface) -> Result<()> {
    if theirs[..4] != MAGIC {
        return Err(foreign(theirs));
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

fn foreign(start: &[u8]) -> Failure {
    if start.starts_with(&ALERT) || start.starts_with(&CLIENT_HELLO) {
        return Failure::user("the other side speaks TLS, this one does not")
            .advice("give all processes of the cluster certificates, or none: --tls FOLDER");
    }
    Failure::user("the other side does not speak the protocol of a Millstream cluster")
        .advice("check the address and the port: is it another program's, or the port of the REST interface?")
        .advice("if one side is given certificates, the other needs them too: --tls FOLDER")
}

/// Reads and checks the preface of the other side.
pub(crate) fn read_preface(from: &mut impl Read) -> Result<Preface> {
    let (mut theirs, mut came) = ([0; PREFACE], 0);
    while came < PREFACE {
        match from.read(&mut theirs[came..]) {
            // One that refuses TLS in few words has gone before a preface is full.
            Ok(0) if came > 0 && !MAGIC.starts_with(&theirs[..came.min(4)]) => {
                return Err(foreign(&theirs[..came]));
            }
            Ok(0) => return Err(unfinished(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => came += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unfinished(error)),
        }
    }
    Ok(theirs)
}

/// A message with its proof, whose length comes first.
pub(crate) fn read_message(from: &mut impl Read) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).map_err(unfinished)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_MESSAGE {
        return Err(Failure::external(format!(
            "a message of {length} bytes where {MAX_MESSAGE} is the limit"
        )));
    }
    let mut message = vec![0; length];
    from.read_exact(&mut message).map_err(unfinished)?;
    Ok(message)
}

/// What an error of the connection amounts to before the handshake is over.
pub(crate) fn unfinished(error: io::Error) -> Failure {
    use rustls::Error::{AlertReceived, InvalidCertificate, NoCertificatesPresented};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(inner) = inner else {
        return Failure::external("the handshake was not finished").because(error);
    };
    let advice = match inner {
        InvalidCertificate(_) => "certificates have to be of one authority, and name the host that is called",
        NoCertificatesPresented => "the caller needs a certificate of the cluster: --tls FOLDER",
        AlertReceived(_) => {
            "the other side takes no certificate of this one: are they of the same authority?"
        }
        _ => "give all processes of the cluster certificates of one authority, or none: --tls FOLDER",
    };
    Failure::user(format!("no encrypted connection: {inner}")).advice(advice)
}

/// Which side a message comes from; a proof of one is none of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Connecting,
    Listening,
}

/// What both sides know of a handshake: both prefaces, that of the connecting side first, and what is known of the session
/// of TLS at its two ends only (zeros where there is none).
pub(crate) struct Meeting {
    pub(crate) prefaces: [Preface; 2],
    pub(crate) session: [u8; 32],
}

impl Meeting {
    fn parts<'b>(&'b self, side: Side, body: &'b [u8]) -> [&'b [u8]; 5] {
        let side: &[u8] = if side == Side::Connecting { b"connecting" } else { b"listening" };
        [side, &self.prefaces[0], &self.prefaces[1], &self.session, body]
    }

    /// The bytes of a message, its proof first, its length in front of both.
    pub(crate) fn seal(&self, token: &Token, side: Side, message: &impl Serialize) -> Result<Vec<u8>> {
        let body = serde_json::to_vec(message).map_err(|error| {
            Failure::internal("a message of the handshake cannot be written").because(error)
        })?;
        let length = PROOF + body.len();
        if length > MAX_MESSAGE {
            return Err(Failure::user(format!("what this process says of itself takes {length} bytes"))
                .advice("a shorter name of the job; all may take about 4,000 bytes"));
        }
        let mut bytes = (length as u32).to_le_bytes().to_vec();
        bytes.extend(token.prove(&self.parts(side, &body)));
        bytes.extend(body);
        Ok(bytes)
    }

    /// The message that the bytes behind the length are; `token` says which token that one has to prove, if any can be.
    pub(crate) fn open<T: for<'de> Deserialize<'de>>(
        &self,
        side: Side,
        bytes: &[u8],
        token: impl FnOnce(&T) -> Option<Token>,
    ) -> Result<T, Refusal> {
        let (proof, body) = bytes.split_first_chunk::<PROOF>().ok_or(Refusal::Malformed)?;
        let message: T = serde_json::from_slice(body).map_err(|_| Refusal::Malformed)?;
        let token = token(&message).ok_or(Refusal::WrongToken)?;
        if token.accepts(&self.parts(side, body), proof) { Ok(message) } else { Err(Refusal::WrongToken) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::introduction::{Hello, Purpose};

    fn hello() -> Purpose {
        Purpose::Data(Hello { job: "delays".into(), attempt: 1, process: 3, fingerprint: "abc".into() })
    }

    fn token() -> Token {
        Token::new("a token that is long enough").unwrap()
    }

    #[test]
    fn another_version_another_program_and_another_side_of_tls_are_told_apart() {
        let mut theirs = preface().unwrap();
        check_preface(&theirs).unwrap();
        theirs[4] = 9;
        let text = check_preface(&theirs).unwrap_err().to_string();
        assert!(text.contains("version 9") && text.contains("version 2"), "{text}");
        let text = check_preface(&[b'G'; PREFACE]).unwrap_err().to_string();
        assert!(text.contains("does not speak the protocol") && text.contains("REST"), "{text}");
        let text = read_preface(&mut &[0x15, 3, 3, 0, 2, 2, 40][..]).unwrap_err().to_string();
        assert!(text.contains("the other side speaks TLS") && text.contains("--tls FOLDER"), "{text}");
        let text = read_preface(&mut &MAGIC[..2]).unwrap_err().to_string();
        assert!(text.contains("was not finished"), "{text}");
    }

    #[test]
    fn a_proof_is_good_for_one_connection_one_side_and_one_message() {
        let prefaces = [preface().unwrap(), preface().unwrap()];
        let meeting = Meeting { prefaces, session: [0; 32] };
        let sealed = meeting.seal(&token(), Side::Connecting, &hello()).unwrap();
        let open = |meeting: &Meeting, side, token: Option<Token>| {
            meeting.open::<Purpose>(side, &sealed[4..], |_| token)
        };
        assert_eq!(open(&meeting, Side::Connecting, Some(token())), Ok(hello()));
        assert_eq!(open(&meeting, Side::Listening, Some(token())), Err(Refusal::WrongToken));
        assert_eq!(open(&meeting, Side::Connecting, None), Err(Refusal::WrongToken));
        let again = Meeting { prefaces: [prefaces[0], preface().unwrap()], session: [0; 32] };
        assert_eq!(open(&again, Side::Connecting, Some(token())), Err(Refusal::WrongToken));
        let relayed = Meeting { prefaces, session: [1; 32] };
        assert_eq!(open(&relayed, Side::Connecting, Some(token())), Err(Refusal::WrongToken));
        let other = Token::new("another token, as long as that").unwrap();
        assert_eq!(open(&meeting, Side::Connecting, Some(other)), Err(Refusal::WrongToken));
        assert!(!sealed.windows(10).any(|some| some == b"a token th"), "the token does not travel");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_a_refusal(bytes: Vec<u8>) {
            let meeting = Meeting { prefaces: [[0; PREFACE]; 2], session: [0; 32] };
            prop_assert!(meeting.open::<Purpose>(Side::Connecting, &bytes, |_| Some(token())).is_err());
            let _ = read_preface(&mut &bytes[..]);
            let _ = read_message(&mut &bytes[..]);
        }
    }
}
