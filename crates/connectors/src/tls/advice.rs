//! What is to be done when TLS fails.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// What to do about an error of TLS; `None` where it is none.
pub(crate) fn advice(error: &io::Error) -> Option<&'static str> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidMessage(_) => {
            "what is there does not speak TLS: see that the port is right, or set `tls` to off"
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "connect by the name that the certificate has, or give that name by the setting tls-server-name",
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "name the PEM file of who vouches for the server by the setting tls-ca"
        }
        Error::InvalidCertificate(_) => "see to the server's certificate",
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError,
        ) => {
            "the server asks for a certificate that it trusts: give it by the settings tls-certificate and tls-key"
        }
        _ => "see that both sides speak TLS 1.2 or 1.3",
    })
}
