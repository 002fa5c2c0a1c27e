//! How the small requests of `wire` get in where connections are secured: TLS, and a user with a password.
//!
//! Answers for connections that are encrypted and let in before the first request. Not for requests, but for the two that
//! let a user in; nor for SCRAM's sums (`scram`).
//! Holds: a broker is believed only with a certificate for its name; a password is in no message.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use millstream_model::error::{Failure, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::patience::Patience;
use super::scram::{Hash, Scram};
use super::wire::Shown;
use crate::kafka::settings::Credentials;

/// Where the certificates that vouch for brokers are, where the setting `tls-ca` does not say.
const SYSTEM: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// What is needed to get in.
#[derive(Clone)]
pub(super) struct Door {
    tls: Option<Arc<ClientConfig>>,
    login: Option<Login>,
}

#[derive(Clone)]
struct Login {
    mechanism: Mechanism,
    user: String,
    password: String,
}

#[derive(Clone, Copy)]
enum Mechanism {
    Plain,
    Scram(Hash),
}

impl Door {
    /// Reads the certificates.
    ///
    /// # Errors
    /// A file cannot be read or is none of certificates, or a way to show the password that these requests do not know.
    pub(super) fn of(credentials: Credentials) -> Result<Self> {
        let tls = if credentials.is_encrypted { Some(Arc::new(config(&credentials)?)) } else { None };
        let login = match credentials.login {
            None => None,
            Some((mechanism, user, password)) => {
                let mechanism = match mechanism.to_ascii_uppercase().as_str() {
                    "PLAIN" => Mechanism::Plain,
                    "SCRAM-SHA-256" => Mechanism::Scram(Hash::Sha256),
                    "SCRAM-SHA-512" => Mechanism::Scram(Hash::Sha512),
                    other => {
                        return Err(Failure::user(format!(
                            "exactly once into Kafka is not to be had with the sasl-mechanism {other}"
                        ))
                        .advice(
                            "PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are; or leave out .exactly_once(...)",
                        ));
                    }
                };
                Some(Login { mechanism, user, password })
            }
        };
        Ok(Self { tls, login })
    }

    /// Encrypts a connection, if that is asked for.
    pub(super) fn through(&self, stream: TcpStream, server: &str, patience: &Patience<'_>) -> Result<Stream> {
        let Some(config) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .map_err(|error| Failure::user(format!("{host} is no name of a host")).because(error))?;
        let mut connection = ClientConnection::new(config.clone(), name)
            .map_err(|error| Failure::user("TLS cannot be begun").because(error))?;
        let mut stream = stream;
        while connection.is_handshaking() {
            match connection.complete_io(&mut stream) {
                Ok(_) => {}
                Err(error) if patience.may_wait(&error) => patience.wait()?,
                Err(error) => {
                    return Err(
                        Failure::external(format!("no TLS with Kafka broker {server}")).because(error)
                    );
                }
            }
        }
        Ok(Stream::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Shows the password, if there is one: the name of the way to do so goes to `ask` first, alone, then what is to be
    /// shown.
    pub(super) fn log_in(&self, mut ask: impl FnMut(Shown<'_>) -> Result<Vec<u8>>) -> Result<()> {
        let Some(Login { mechanism, user, password }) = &self.login else { return Ok(()) };
        match mechanism {
            Mechanism::Plain => {
                ask(Shown::Mechanism("PLAIN"))?;
                ask(Shown::Token(format!("\0{user}\0{password}").as_bytes())).map(drop)
            }
            Mechanism::Scram(hash) => {
                ask(Shown::Mechanism(hash.mechanism()))?;
                let scram = Scram::begin(*hash, user, password)?;
                let challenge = ask(Shown::Token(scram.first().as_bytes()))?;
                let (answer, proof) = scram.answer(&challenge)?;
                proof.check(&ask(Shown::Token(answer.as_bytes()))?)
            }
        }
    }
}

fn config(credentials: &Credentials) -> Result<ClientConfig> {
    let failed = |what: String| move |error| Failure::user(what).because(std::io::Error::other(error));
    let ca = match &credentials.ca {
        Some(path) => path.clone(),
        None => SYSTEM.iter().map(std::path::PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
            Failure::user("nothing says which certificates vouch for Kafka's brokers")
                .advice("name a PEM file by the setting `tls-ca`")
        })?,
    };
    let shown = ca.display();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&ca)
        .map_err(|error| failed(format!("the certificates {shown} cannot be read"))(error.to_string()))?
    {
        let certificate = certificate
            .map_err(|error| failed(format!("{shown} is no PEM file of certificates"))(error.to_string()))?;
        // One that is odd does not keep the others from vouching.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(Failure::user(format!("there is no certificate in {shown}")));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::internal("TLS cannot be set up").because(error))?
        .with_root_certificates(roots);
    let (Some(certificate), Some(key)) = (&credentials.certificate, &credentials.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let (shown, shown_key) = (certificate.display(), key.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(|all| all.collect())
        .map_err(|error| failed(format!("the certificate {shown} cannot be read"))(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| failed(format!("the key {shown_key} cannot be read"))(error.to_string()))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| {
        Failure::user(format!("the certificate {shown} cannot be used with the key {shown_key}"))
            .because(error)
    })
}

/// A connection to a broker.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
