//! The settings of TLS.

use std::path::PathBuf;

use millstream_model::settings::{Choices, Setting, SettingsGroup};

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// Off.
    Off,
    /// On.
    On,
}

impl Choices for Switch {
    const ALL: &'static [(&'static str, Self, &'static str)] =
        &[("off", Self::Off, "not used"), ("on", Self::On, "used")];
}

pub(crate) static TLS: Setting<Switch> =
    Setting::new("tls", "Whether connections are encrypted.").default("off").elsewhere(&["ssl"]);
pub(crate) static CLIENT_CA: Setting<PathBuf> = Setting::new(
    "tls-ca",
    "A PEM file of the certificates that vouch for the server. Without it those of this machine's system do.",
)
.elsewhere(&["ca", "cafile"]);
pub(crate) static SERVER_CA: Setting<PathBuf> = Setting::new(
    "tls-ca",
    "A PEM file of the certificates that vouch for clients: only clients with a certificate of theirs are let in. Without it \
     clients are not asked for one.",
)
.elsewhere(&["ca", "cafile"]);
pub(crate) static SERVER_NAME: Setting<String> = Setting::new(
    "tls-server-name",
    "The name that the server's certificate must have, where it is not the host that is connected to.",
)
.elsewhere(&["sni", "servername"]);
pub(crate) static CERTIFICATE: Setting<PathBuf> = Setting::new(
    "tls-certificate",
    "A PEM file with this side's own certificate, and those between it and one that the other side trusts.",
)
.elsewhere(&["cert", "certfile"]);
pub(crate) static KEY: Setting<PathBuf> =
    Setting::new("tls-key", "A PEM file with the key of that certificate.").elsewhere(&["keyfile"]);

/// Of what connects.
pub(crate) const CLIENT: SettingsGroup = &[&TLS, &CLIENT_CA, &SERVER_NAME, &CERTIFICATE, &KEY];
/// Of what listens.
pub(crate) const SERVER: SettingsGroup = &[&TLS, &CERTIFICATE, &KEY, &SERVER_CA];
/// Of what connects by an address that begins with `https://`.
pub(crate) const CLIENT_OF_HTTPS: SettingsGroup = &[&CLIENT_CA, &SERVER_NAME, &CERTIFICATE, &KEY];
