//! An authority for development, and the certificates it gives.
//!
//! Answers for making them and for writing them into files. Not for using them (`tls`).
//! Holds: private keys are in files that only their owner can read, and in no message.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use millstream_model::error::{Failure, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::tls::TlsFiles;
use crate::token::random;

/// Who signs the certificates of one cluster. Its key is never written down: a cluster's certificates are made at once.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub struct Certified {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

fn failed(error: rcgen::Error) -> Failure {
    Failure::user("the certificate cannot be made")
        .because(error)
        .advice("hosts are names such as worker-1.example.org or IP addresses")
}

fn parameters(hosts: Vec<String>, name: &str) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(hosts).map_err(failed)?;
    parameters.distinguished_name.push(DnType::CommonName, name);
    Ok(parameters)
}

impl Authority {
    /// A new authority.
    ///
    /// # Errors
    /// If no key can be made.
    pub fn new() -> Result<Self> {
        // Of a name of its own: another one's certificates are of an unknown authority, not badly signed.
        let name = format!("Millstream development authority {:016x}", u64::from_le_bytes(random()?));
        let mut parameters = parameters(Vec::new(), &name)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(failed)?;
        Ok(Self(CertifiedIssuer::self_signed(parameters, key).map_err(failed)?))
    }

    /// Its own certificate, in PEM.
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate for both sides of a connection, for a process that is reached under any of `hosts`; without hosts, for
    /// the side that connects alone.
    ///
    /// # Errors
    /// If a host can be no name.
    pub fn certify(&self, name: &str, hosts: &[String]) -> Result<Certified> {
        let mut parameters = parameters(hosts.to_vec(), name)?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !hosts.is_empty() {
            parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = parameters.signed_by(&key, &self.0).map_err(failed)?;
        Ok(Certified { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// Makes an authority and two certificates, below `folder`: `cluster`, for processes on this machine and on `hosts`, and
/// `client`, for those who ask them. Each is a folder with `certificate.pem`, `key.pem` and `authority.pem`.
///
/// # Errors
/// If there are such files already, a host can be no name, or they cannot be written.
pub fn create_development(folder: &Path, hosts: &[String]) -> Result<[TlsFiles; 2]> {
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    all.extend(hosts.iter().filter(|host| !all.contains(host)).cloned().collect::<Vec<_>>());
    let authority = Authority::new()?;
    let made =
        [("cluster", authority.certify("cluster", &all)?), ("client", authority.certify("client", &[])?)];
    for (name, certified) in &made {
        let own = folder.join(name);
        fs::create_dir_all(&own).map_err(|error| {
            Failure::external(format!("cannot write certificates below {}", folder.display())).because(error)
        })?;
        write_new(&own.join("key.pem"), &certified.key, 0o600)?;
        write_new(&own.join("certificate.pem"), &certified.certificate, 0o644)?;
        write_new(&own.join("authority.pem"), &authority.certificate(), 0o644)?;
    }
    Ok([TlsFiles::in_folder(&folder.join("cluster"))?, TlsFiles::in_folder(&folder.join("client"))?])
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<()> {
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        let failure = Failure::external(format!("cannot write {}", path.display()));
        let failure = match error.kind() {
            std::io::ErrorKind::AlreadyExists => failure.advice("name an empty folder: nothing is replaced"),
            _ => failure,
        };
        failure.because(error)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::tls::Tls;

    #[test]
    fn certificates_are_written_with_private_keys_and_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        for files in create_development(folder.path(), &["example.org".to_owned()]).unwrap() {
            assert_eq!(fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
            Tls::new(files).unwrap();
        }
        let before = fs::read(folder.path().join("cluster/key.pem")).unwrap();
        let again = create_development(folder.path(), &[]).unwrap_err().to_string();
        assert!(again.contains("cluster/key.pem") && again.contains("empty folder"), "{again}");
        assert_eq!(fs::read(folder.path().join("cluster/key.pem")).unwrap(), before);
    }

    #[test]
    fn a_name_that_is_none_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let text = create_development(folder.path(), &["näme".to_owned()]).unwrap_err().to_string();
        assert!(text.contains("hosts are names such as"), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [cluster, client] = create_development(folder.path(), &[]).unwrap();
        let text = Tls::new(TlsFiles { key: client.key, ..cluster }).unwrap_err().to_string();
        assert!(text.contains("cluster/certificate.pem") && text.contains("client/key.pem"), "{text}");
    }

    #[test]
    fn a_folder_without_certificates_says_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let text = TlsFiles::in_folder(folder.path()).unwrap_err().to_string();
        assert!(text.contains("there is no certificate.pem") && text.contains("millstream certs"), "{text}");
    }
}
