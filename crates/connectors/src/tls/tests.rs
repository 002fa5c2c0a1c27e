//! Certificates for tests, and what is said of files that are none.

use std::path::{Path, PathBuf};

use millstream_model::settings::SettingsList;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;
use crate::chosen::Chosen;

static CLIENT_LIST: SettingsList = SettingsList::new("settings of a test's client", &[CLIENT]);
static SERVER_LIST: SettingsList = SettingsList::new("settings of a test's server", &[SERVER]);

/// Somebody who vouches, in a folder that goes with it.
pub(crate) struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    pub(crate) fn ca(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Certificate and key of somebody by this name.
    pub(crate) fn identity(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (path, key_path) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        std::fs::write(&path, certificate.pem()).unwrap();
        std::fs::write(&key_path, key.serialize_pem()).unwrap();
        (path.display().to_string(), key_path.display().to_string())
    }

    /// What a server is told, with a certificate for `localhost`.
    pub(crate) fn server(&self) -> ServerTls {
        let (certificate, key) = self.identity("localhost");
        ServerTls::of(&chosen(
            &SERVER_LIST,
            &[("tls", "on"), ("tls-certificate", &certificate), ("tls-key", &key)],
        ))
        .unwrap()
    }
}

fn chosen(list: &'static SettingsList, settings: &[(&str, &str)]) -> Chosen {
    let mut chosen = Chosen::new(list);
    for (name, value) in settings {
        chosen.set(name, value);
    }
    chosen.check().unwrap();
    chosen
}

fn refused(settings: &[(&str, &str)]) -> String {
    ClientTls::of(&chosen(&CLIENT_LIST, settings), "localhost").unwrap_err().to_string()
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let said = refused(&[("tls-ca", "/x.pem")]);
    assert_eq!(
        said,
        "the setting `tls-ca` is given, but `tls` is off\n  set `tls` to on, or leave out `tls-ca`"
    );
    let authority = Authority::new();
    let (certificate, key) = authority.identity("me");
    let ca = authority.ca();
    let said = refused(&[("tls", "on"), ("tls-ca", &ca), ("tls-certificate", &certificate)]);
    assert!(
        said.starts_with("the setting `tls-certificate` is given, but `tls-key` is not\n  name the"),
        "{said}"
    );
    let said = refused(&[("tls", "on"), ("tls-ca", &ca), ("tls-key", &key)]);
    assert!(said.starts_with("the setting `tls-key` is given, but `tls-certificate` is not\n"), "{said}");
    let said = ServerTls::of(&chosen(&SERVER_LIST, &[("tls", "on")])).unwrap_err().to_string();
    assert!(said.contains("there is no certificate to show to clients\n  name PEM files by"), "{said}");
}

#[test]
fn files_that_hold_something_else_are_named_and_keys_are_not_shown() {
    let authority = Authority::new();
    let (_, key) = authority.identity("me");
    let said = refused(&[("tls", "on"), ("tls-ca", "/no/such/file")]);
    assert!(
        said.starts_with("certificates cannot be read from /no/such/file\n  caused by: ")
            && said.contains("BEGIN CERTIFICATE"),
        "{said}"
    );
    let said = refused(&[("tls", "on"), ("tls-ca", &key)]);
    assert!(said.starts_with(&format!("there is no certificate in {key}\n")), "{said}");
    let ca = authority.ca();
    let said = refused(&[("tls", "on"), ("tls-ca", &ca), ("tls-certificate", &ca), ("tls-key", &ca)]);
    assert!(said.starts_with(&format!("a key cannot be read from {ca}\n")), "{said}");
    let (certificate, _) = authority.identity("you");
    let said =
        refused(&[("tls", "on"), ("tls-ca", &ca), ("tls-certificate", &certificate), ("tls-key", &key)]);
    assert!(
        said.starts_with(&format!("the certificate in {certificate} cannot be used with its key\n")),
        "{said}"
    );
    let secret = std::fs::read_to_string(Path::new(&key)).unwrap();
    assert!(!said.contains(secret.lines().nth(1).unwrap()));
}
