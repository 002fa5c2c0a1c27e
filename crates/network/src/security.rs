//! What a process shows to others, and asks of them.

use std::net::SocketAddr;
use std::sync::Arc;

use millstream_model::error::{Failure, Result};

use crate::tls::Tls;
use crate::token::Token;

/// The token and the certificates of a process.
#[derive(Clone, Debug)]
pub struct Security {
    /// What everybody has to prove.
    pub token: Token,
    /// Certificates, if connections are to be encrypted.
    pub tls: Option<Arc<Tls>>,
    /// Whether to listen beyond loopback without encryption.
    pub insecure: bool,
}

impl Security {
    /// With a token only: on loopback that is enough.
    pub fn of(token: Token) -> Self {
        Self { token, tls: None, insecure: false }
    }

    /// Without a token: what was not agreed on, anybody can prove.
    pub fn open() -> Self {
        Self::of(Token::none())
    }

    /// Refuses to listen where anybody could listen in.
    ///
    /// # Errors
    /// If the address is not on loopback, there are no certificates, and that was not asked for.
    pub fn may_listen(&self, address: SocketAddr) -> Result<()> {
        if address.ip().is_loopback() || self.tls.is_some() {
            return Ok(());
        }
        if self.insecure {
            tracing::warn!(%address, "INSECURE: listens beyond this machine without encryption, as it was asked to");
            return Ok(());
        }
        Err(Failure::user(format!(
            "{address} is beyond this machine, and connections there are not encrypted"
        ))
        .advice("give certificates: --tls FOLDER (millstream certs FOLDER makes some for development)")
        .advice("or say that the network is trusted: --insecure"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_it_takes_certificates_or_an_explicit_word() {
        let mut security = Security::of(Token::new("a token of some length").unwrap());
        security.may_listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let text = security.may_listen("0.0.0.0:7077".parse().unwrap()).unwrap_err().to_string();
        assert!(text.contains("0.0.0.0:7077") && text.contains("insecure"), "{text}");
        security.insecure = true;
        security.may_listen("0.0.0.0:7077".parse().unwrap()).unwrap();
    }
}
