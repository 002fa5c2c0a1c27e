//! A process that submits a job and is its master itself: the driver of a program of data sets in Python.
//!
//! Answers for submitting the job and for everything that this process needs to be its master: secret, certificates,
//! addresses. Not for the conversation with the cluster, which is the engine's.
//! Holds: without certificates it listens beyond this machine only if it was told to; nothing is submitted before that is clear.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use millstream_model::error::{Failure, Result};
use millstream_network::Security;
use millstream_runtime::control::{Charge, Role};
use millstream_runtime::job::DriverCharge;
use millstream_runtime::log::Log;

use crate::client::Client;
use crate::dispatcher::{JobId, Submission};
use crate::worker::own_address;

/// Where a driver is reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reached {
    /// The address to listen at; by default that of this machine on the way to the job manager.
    pub listen: Option<IpAddr>,
    /// The address by which executors reach it, if that is another one.
    pub advertised: Option<IpAddr>,
}

/// Submits a job, and gives its name and what this process needs to be its master. `security` is what it proves and shows.
///
/// # Errors
/// If the job manager cannot be reached or refuses, or the addresses cannot be used.
pub fn drive(
    client: &Client,
    security: &Security,
    submission: &Submission,
    reached: Reached,
) -> Result<(JobId, DriverCharge)> {
    let listen = match reached.listen {
        Some(listen) => listen,
        None => on_the_way(&client.leader())?,
    };
    security.may_listen((listen, 0).into())?;
    let advertised = match reached.advertised {
        None if listen.is_unspecified() => Some(on_the_way(&client.leader())?),
        advertised => advertised,
    };
    let (job, driven, manager) = client.submit_driven(submission)?;
    let charge = Charge {
        job: job.to_string(),
        term: driven.term,
        token: security.token.derive(&driven.seed),
        tls: security.tls.as_ref().map(|tls| tls.files().clone()),
        listen,
        local: None,
        log: Log::default(),
        role: Role::Master { manager: resolved(&manager)? },
    };
    Ok((job, DriverCharge { charge, manager, advertised }))
}

/// The address of this machine on the way to HOST:PORT.
fn on_the_way(address: &str) -> Result<IpAddr> {
    own_address(resolved(address)?)
}

fn resolved(address: &str) -> Result<SocketAddr> {
    let unknown = || Failure::user(format!("the host of `{address}` is not known here"));
    let mut found = address.to_socket_addrs().map_err(|error| unknown().because(error))?;
    found.next().ok_or_else(unknown)
}
