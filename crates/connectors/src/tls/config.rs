//! What is needed to encrypt, read from files.

use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use millstream_model::error::{Failure, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::list::{CERTIFICATE, CLIENT_CA, CLIENT_OF_HTTPS, KEY, SERVER_CA, SERVER_NAME, Switch, TLS};
use super::stream::Stream;
use crate::chosen::Chosen;

/// Where systems keep the certificates that they trust.
const SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// How a connection to a server is encrypted, if it is.
#[derive(Clone, Debug)]
pub(crate) struct ClientTls(Option<(Arc<ClientConfig>, ServerName<'static>)>);

impl ClientTls {
    /// As the settings have it, for connections to `host`.
    ///
    /// # Errors
    /// Settings that contradict each other, files that cannot be read or hold something else.
    pub(crate) fn of(chosen: &Chosen, host: &str) -> Result<Self> {
        if chosen.get(&TLS)? == Switch::On {
            return Self::encrypted(chosen, host);
        }
        refuse_without_tls(chosen, &["tls-ca", "tls-server-name", "tls-certificate", "tls-key"])?;
        Ok(Self(None))
    }

    /// As the scheme of an address has it, `https` or not.
    ///
    /// # Errors
    /// As [`ClientTls::of`].
    pub(crate) fn by_scheme(chosen: &Chosen, is_https: bool, host: &str) -> Result<Self> {
        if is_https {
            return Self::encrypted(chosen, host);
        }
        match CLIENT_OF_HTTPS.iter().find(|setting| chosen.is_given(setting.name())) {
            None => Ok(Self(None)),
            Some(setting) => {
                let name = setting.name();
                Err(Failure::user(format!(
                    "the setting `{name}` is given, but the address begins with http://"
                ))
                .advice(format!("let it begin with https://, or leave out `{name}`")))
            }
        }
    }

    fn encrypted(chosen: &Chosen, host: &str) -> Result<Self> {
        let name = chosen.given(&SERVER_NAME)?.unwrap_or_else(|| host.trim_matches(['[', ']']).to_owned());
        let server = ServerName::try_from(name.clone()).map_err(|error| {
            Failure::user(format!("`{name}` is no name that a certificate can have"))
                .because(error)
                .advice("give the name in the server's certificate by the setting tls-server-name")
        })?;
        let roots = match chosen.given(&CLIENT_CA)? {
            Some(path) => roots(&path)?,
            None => {
                roots(SYSTEM.map(Path::new).into_iter().find(|path| path.exists()).ok_or_else(|| {
                    Failure::user("this system has no file of trusted certificates")
                        .advice("name a PEM file of them by the setting tls-ca")
                })?)?
            }
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::internal("TLS cannot be set up").because(error))?
            .with_root_certificates(roots);
        let config = match identity(chosen)? {
            None => builder.with_no_client_auth(),
            Some(own) => builder.with_client_auth_cert(own.chain, own.key).map_err(|error| {
                Failure::user(format!("the certificate in {} cannot be used with its key", own.shown))
                    .because(error)
            })?,
        };
        Ok(Self(Some((Arc::new(config), server))))
    }

    /// The connection over a socket; the handshake is made by what is read and written.
    pub(crate) fn over(&self, socket: TcpStream) -> io::Result<Stream> {
        let Some((config, server)) = &self.0 else { return Ok(Stream::Plain(socket)) };
        let connection = ClientConnection::new(config.clone(), server.clone()).map_err(io::Error::other)?;
        Ok(Stream::Client(Box::new(StreamOwned::new(connection, socket))))
    }
}

/// How connections that clients open are encrypted, if they are.
#[derive(Clone, Debug)]
pub(crate) struct ServerTls(Option<Arc<ServerConfig>>);

impl ServerTls {
    /// As the settings have it.
    ///
    /// # Errors
    /// As [`ClientTls::of`].
    pub(crate) fn of(chosen: &Chosen) -> Result<Self> {
        if chosen.get(&TLS)? == Switch::Off {
            refuse_without_tls(chosen, &["tls-ca", "tls-certificate", "tls-key"])?;
            return Ok(Self(None));
        }
        let own = identity(chosen)?.ok_or_else(|| {
            Failure::user("the setting `tls` is on, but there is no certificate to show to clients")
                .advice("name PEM files by the settings tls-certificate and tls-key")
        })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::internal("TLS cannot be set up").because(error))?;
        let builder = match chosen.given(&SERVER_CA)? {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&path)?), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| {
                    Failure::user(format!("the certificates in {} cannot vouch for clients", path.display()))
                        .because(error)
                })?)
            }
        };
        let config = builder.with_single_cert(own.chain, own.key).map_err(|error| {
            Failure::user(format!("the certificate in {} cannot be used with its key", own.shown))
                .because(error)
        })?;
        Ok(Self(Some(Arc::new(config))))
    }

    /// As [`ClientTls::over`].
    pub(crate) fn over(&self, socket: TcpStream) -> io::Result<Stream> {
        let Some(config) = &self.0 else { return Ok(Stream::Plain(socket)) };
        let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        Ok(Stream::Server(Box::new(StreamOwned::new(connection, socket))))
    }
}

fn refuse_without_tls(chosen: &Chosen, names: &[&str]) -> Result<()> {
    match names.iter().find(|name| chosen.is_given(name)) {
        None => Ok(()),
        Some(name) => Err(Failure::user(format!("the setting `{name}` is given, but `tls` is off"))
            .advice(format!("set `tls` to on, or leave out `{name}`"))),
    }
}

/// Those who are trusted.
fn roots(path: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        // One that is odd does not keep the others from vouching.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(Failure::user(format!("no certificate in {} can be used", path.display())));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| {
        Failure::user(format!("certificates cannot be read from {}", path.display()))
            .because(io::Error::other(error.to_string()))
            .advice("give a PEM file: it has lines `-----BEGIN CERTIFICATE-----`")
    })?;
    if all.is_empty() {
        return Err(Failure::user(format!("there is no certificate in {}", path.display()))
            .advice("give a PEM file: it has lines `-----BEGIN CERTIFICATE-----`"));
    }
    Ok(all)
}

/// A certificate of one's own.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    shown: String,
}

fn identity(chosen: &Chosen) -> Result<Option<Identity>> {
    let (path, key) = match (chosen.given(&CERTIFICATE)?, chosen.given(&KEY)?) {
        (None, None) => return Ok(None),
        (Some(path), Some(key)) => (path, key),
        (Some(_), None) => {
            return Err(Failure::user("the setting `tls-certificate` is given, but `tls-key` is not")
                .advice("name the PEM file of the certificate's key by the setting tls-key"));
        }
        (None, Some(_)) => {
            return Err(Failure::user("the setting `tls-key` is given, but `tls-certificate` is not")
                .advice("name the PEM file of the key's certificate by the setting tls-certificate"));
        }
    };
    let chain = certificates(&path)?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(|error| {
        Failure::user(format!("a key cannot be read from {}", key.display()))
            .because(io::Error::other(error.to_string()))
            .advice("give a PEM file: it has a line `-----BEGIN PRIVATE KEY-----`")
    })?;
    Ok(Some(Identity { chain, key, shown: path.display().to_string() }))
}
