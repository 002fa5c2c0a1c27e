//! The end of this process of all channels between processes.

use std::net::SocketAddr;
use std::sync::Arc;

use millstream_model::error::{Failure, Result};

use super::{Channels, Gauge};
use crate::control::{Charge, Deployment, ExecutorId, TaskId};
use crate::plan::Plan;

/// See the module.
pub(crate) struct Exchange {
    address: SocketAddr,
}

impl Exchange {
    /// Listens for the other executors of the job.
    ///
    /// # Errors
    /// If no port can be had.
    pub(crate) fn open(_own: ExecutorId, charge: &Charge) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { address: (charge.listen, 0).into() }))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lays the channels of an attempt into the subtasks that run here; `on_loss` is told of a peer that is gone.
    ///
    /// # Errors
    /// If records of an edge between processes have no encoding.
    pub(crate) fn lay(
        &self,
        plan: &Plan,
        deployment: &Deployment,
        tasks: &[TaskId],
        gauge: &Arc<Gauge>,
        _on_loss: impl Fn(Failure) + Send + Sync + 'static,
    ) -> Result<Arc<Channels>> {
        if deployment.peers.len() > 1 {
            return Err(Failure::internal("channels between processes are not laid yet"));
        }
        Ok(Channels::within(plan, tasks, gauge))
    }
}
