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

use super::TlsFiles;

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
        let mut parameters = parameters(Vec::new(), "Millstream development authority")?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(failed)?;
        Ok(Self(CertifiedIssuer::self_signed(parameters, key).map_err(failed)?))
    }

    /// Its own certificate, in PEM.
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate for both sides of a connection, for a process that is reached under any of `hosts`.
    ///
    /// # Errors
    /// If a host can be no name.
    pub fn certify(&self, name: &str, hosts: &[String]) -> Result<Certified> {
        let mut parameters = parameters(hosts.to_vec(), name)?;
        parameters.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = parameters.signed_by(&key, &self.0).map_err(failed)?;
        Ok(Certified { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// Makes an authority and one certificate for each name, all of them good for `hosts` and for this machine, and writes
/// them into `folder`: `authority.pem`, and `NAME.pem` with `NAME.key` for each.
///
/// # Errors
/// If there are such files already, or they cannot be written.
pub fn create_development(folder: &Path, names: &[String], hosts: &[String]) -> Result<Vec<TlsFiles>> {
    let unwritable = |error| {
        Failure::external(format!("cannot write certificates below {}", folder.display())).because(error)
    };
    fs::create_dir_all(folder).map_err(unwritable)?;
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    all.extend(hosts.iter().filter(|host| !all.contains(host)).cloned().collect::<Vec<_>>());
    let authority = Authority::new()?;
    let authority_file = folder.join("authority.pem");
    write_new(&authority_file, &authority.certificate(), 0o644)?;
    let mut made = Vec::new();
    for name in names {
        let certified = authority.certify(name, &all)?;
        let files = TlsFiles {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
            authority: authority_file.clone(),
        };
        write_new(&files.certificate, &certified.certificate, 0o644)?;
        write_new(&files.key, &certified.key, 0o600)?;
        made.push(files);
    }
    Ok(made)
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
    use crate::network::Tls;

    #[test]
    fn certificates_are_written_with_private_keys_and_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["jobmanager".to_owned(), "worker".to_owned()];
        let made = create_development(folder.path(), &names, &["example.org".to_owned()]).unwrap();
        assert_eq!(made.len(), 2);
        for files in made {
            assert_eq!(fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
            Tls::new(files).unwrap();
        }
        let again = create_development(folder.path(), &names, &[]).unwrap_err().to_string();
        assert!(again.contains("authority.pem") && again.contains("empty folder"), "{again}");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let made = create_development(folder.path(), &["a".to_owned(), "b".to_owned()], &[]).unwrap();
        let mixed = TlsFiles { key: made[1].key.clone(), ..made[0].clone() };
        let text = Tls::new(mixed).unwrap_err().to_string();
        assert!(text.contains("a.pem") && text.contains("b.key"), "{text}");
    }
}
