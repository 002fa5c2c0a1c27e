//! What a cluster is shown by those who belong to it: a token, certificates.
//!
//! Answers for the arguments and for reading what they name. Holds: no secret is an argument.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use millstream_cluster::client::Client;
use millstream_model::error::Result;
use millstream_network::{Security, Tls, TlsFiles, Token};

use crate::service::token;

/// Token and certificates.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The file of the cluster's token (made by `millstream token FILE`).
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Encrypt, with the certificate.pem, key.pem and authority.pem of this folder (for development: `millstream certs`).
    #[arg(long, value_name = "FOLDER")]
    pub tls: Option<PathBuf>,
}

impl Access {
    /// The token's text, if there is one.
    ///
    /// # Errors
    /// If its file cannot be used.
    pub(crate) fn token(&self) -> Result<Option<String>> {
        self.token_file.as_deref().map(token::read).transpose()
    }

    /// What a process of the cluster proves and shows.
    ///
    /// # Errors
    /// If token or certificates cannot be used.
    pub fn security(&self, insecure: bool) -> Result<Security> {
        let token = self.token()?.map_or_else(|| Ok(Token::none()), |text| Token::new(&text))?;
        let files = self.tls.as_deref().map(TlsFiles::in_folder).transpose()?;
        let tls = files.map(Tls::new).transpose()?.map(Arc::new);
        Ok(Security { token, tls, insecure })
    }

    /// Who asks the job manager at this address.
    ///
    /// # Errors
    /// If token or certificates cannot be used, or this is no address.
    pub fn client(&self, master: &str) -> Result<Client> {
        let client = Client::new(master, self.token()?)?;
        match &self.tls {
            Some(folder) => client.encrypted(&TlsFiles::in_folder(folder)?),
            None => Ok(client),
        }
    }
}
