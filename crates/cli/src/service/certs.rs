//! `millstream certs`: certificates for development.

use std::path::PathBuf;

use clap::Args;
use millstream_model::error::Result;
use millstream_network::certs::create_development;

/// An authority and its certificates.
#[derive(Args, Debug)]
pub(crate) struct Certs {
    /// Where they go: FOLDER/cluster for job manager and workers, FOLDER/client for the commands that ask them.
    folder: PathBuf,
    /// A name or address of a machine of the cluster, beside localhost; may be given several times.
    #[arg(long = "name", value_name = "HOST")]
    names: Vec<String>,
}

/// Makes them, and says what to do with them.
///
/// # Errors
/// If there are some already, or they cannot be written.
pub(crate) fn make(Certs { folder, names }: &Certs) -> Result<String> {
    create_development(folder, names)?;
    let shown = folder.display();
    let hosts = if names.is_empty() { String::new() } else { format!(", {}", names.join(", ")) };
    Ok(format!(
        "made {shown}/cluster and {shown}/client, with a certificate for localhost{hosts}\n\
         next, on every machine of the cluster:\n  \
         millstream jobmanager --tls {shown}/cluster ...\n  \
         millstream worker --tls {shown}/cluster ...\n\
         and where jobs are submitted and asked about:\n  \
         millstream run --tls {shown}/client --master HOST:7070 PROGRAM\n\
         The authority's key was not kept: for more machines make a new folder, and replace the files in the old one.\n\
         Whoever has the files named key.pem belongs to the cluster: copy them by a way that is safe."
    ))
}
