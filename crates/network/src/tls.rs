//! Encrypted connections on which both sides show a certificate.
//!
//! Answers for the certificates, which are read from files and read again when these change. Not for what is said inside.
//! Holds: nobody is talked to whose certificate is not of the authority, on either side; files that are being replaced
//! change nothing until they are whole.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use millstream_model::error::{Failure, Result};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection, version,
};
use serde::{Deserialize, Serialize};

/// Where the certificates are, each a file in PEM. This is what travels between processes of a machine: no key does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFiles {
    /// The certificate of this process, with those between it and the authority's behind it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The certificates of the authorities whose word counts.
    pub authority: PathBuf,
}

/// What a file looked like when it was read.
type Stamp = Option<(SystemTime, u64, u64)>;

struct Loaded {
    stamps: [Stamp; 3],
    server: Arc<ServerConfig>,
    /// For callers of which some have no certificate, but a token.
    lenient: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

/// The certificates of a process.
pub struct Tls {
    files: TlsFiles,
    loaded: Mutex<Loaded>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn unreadable(what: &str, path: &Path) -> impl Fn(rustls::pki_types::pem::Error) -> Failure {
    let what = format!("cannot read the {what} in {}", path.display());
    move |error| {
        Failure::user(what.clone())
            .because(error.to_string())
            .advice("`millstream certs` makes certificates for development")
    }
}

impl TlsFiles {
    /// The files in a folder as `millstream certs` makes it: `certificate.pem`, `key.pem` and `authority.pem`.
    ///
    /// # Errors
    /// If one of them is not there.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let shown = folder.display();
        // A process that is started with these may have another working directory.
        let folder = std::path::absolute(folder)
            .map_err(|error| Failure::user(format!("`{shown}` is no folder")).because(error))?;
        let file = |name: &str| {
            let path = folder.join(name);
            if path.is_file() {
                return Ok(path);
            }
            Err(Failure::user(format!("there is no {name} in {shown}"))
                .advice("a folder for --tls has certificate.pem, key.pem and authority.pem")
                .advice(
                    "for development `millstream certs FOLDER` makes two: FOLDER/cluster and FOLDER/client",
                ))
        };
        Ok(Self {
            certificate: file("certificate.pem")?,
            key: file("key.pem")?,
            authority: file("authority.pem")?,
        })
    }

    /// What a client of another library needs: certificate and those behind it, private key, authorities; all in DER.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn read(
        &self,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, Vec<CertificateDer<'static>>)> {
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(unreadable("private key", &self.key))?;
        let chain = Self::certificates("certificate", &self.certificate)?;
        Ok((chain, key, Self::certificates("authority's certificate", &self.authority)?))
    }

    fn stamps(&self) -> [Stamp; 3] {
        [&self.certificate, &self.key, &self.authority].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        })
    }

    fn certificates(what: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
        let found = CertificateDer::pem_file_iter(path).map_err(unreadable(what, path))?;
        let found = found.collect::<Result<Vec<_>, _>>().map_err(unreadable(what, path))?;
        if found.is_empty() {
            return Err(Failure::user(format!("there is no {what} in {}", path.display())));
        }
        Ok(found)
    }

    fn load(&self) -> Result<Loaded> {
        let stamps = self.stamps();
        let (chain, key, authorities) = self.read()?;
        let unfit = |error: rustls::Error| {
            let (certificate, key) = (self.certificate.display(), self.key.display());
            Failure::user(format!("certificate {certificate} and key {key} cannot be used")).because(error)
        };
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority).map_err(unfit)?;
        }
        let (roots, provider) = (Arc::new(roots), Arc::new(default_provider()));
        let server = |lenient: bool| {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
            let verifier = if lenient { verifier.allow_unauthenticated() } else { verifier };
            let verifier = verifier.build().map_err(|error| {
                Failure::user("the authority's certificates cannot be used").because(error)
            })?;
            let server = ServerConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(&[&version::TLS13])
                .map_err(unfit)?
                .with_client_cert_verifier(verifier)
                .with_single_cert(chain.clone(), key.clone_key())
                .map_err(unfit)?;
            Ok::<_, Failure>(Arc::new(server))
        };
        let (strict, lenient) = (server(false)?, server(true)?);
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .map_err(unfit)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(unfit)?;
        Ok(Loaded { stamps, server: strict, lenient, client: Arc::new(client) })
    }
}

impl Tls {
    /// Reads the certificates.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn new(files: TlsFiles) -> Result<Self> {
        Ok(Self { loaded: Mutex::new(files.load()?), files })
    }

    /// What the files say now; what they said before, where they cannot be used as they are.
    fn current<T>(&self, take: impl FnOnce(&Loaded) -> T) -> T {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.stamps != self.files.stamps() {
            match self.files.load() {
                Ok(fresh) => *loaded = fresh,
                Err(failure) => {
                    tracing::warn!(%failure, "changed certificates cannot be used; the old ones are kept")
                }
            }
        }
        take(&loaded)
    }

    /// Where the certificates are.
    pub fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// For a server that also hears callers without a certificate, and judges them by other means.
    pub fn lenient(&self) -> Arc<ServerConfig> {
        self.current(|loaded| loaded.lenient.clone())
    }

    /// The session of the side that listens.
    pub(crate) fn listening(&self) -> Result<Connection> {
        let session = ServerConnection::new(self.current(|loaded| loaded.server.clone()));
        session.map(Connection::Server).map_err(|error| Failure::internal("no session of TLS").because(error))
    }

    /// The session of the side that connects to `host`, which the other's certificate has to name.
    pub(crate) fn connecting(&self, host: &str) -> Result<Connection> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| Failure::user(format!("`{host}` is no name of a host")).because(error))?;
        let session = ClientConnection::new(self.current(|loaded| loaded.client.clone()), name);
        session.map(Connection::Client).map_err(|error| Failure::internal("no session of TLS").because(error))
    }
}
