//! The REST interface: `/v1/...`, in JSON, and `/metrics`.
//!
//! Answers for what comes in over HTTP and for how answers look. What is asked for is decided by the dispatcher.
//! [`openapi`] describes it, and a test holds the two equal.
//!
//! Holds: an answer that is no success is `{"error": ..., "advice": [...]}`; where a token or certificates
//! are set nothing is answered without one of them; a web page of another origin can neither ask nor change anything.

mod answer;
mod door;
mod jobs;
mod metrics;
pub mod openapi;
mod programs;
mod serve;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use millstream_model::error::{Failure, Result};
use millstream_network::Security;
use tokio::runtime::Runtime;

use self::answer::Refusal;
pub(crate) use self::answer::Refused;
pub use self::jobs::Driven;
pub(crate) use self::jobs::{Done, RescaleBody, StopBody, Submitted};
use crate::manager::{Manager, Shared};

/// The threads that answer.
const THREADS: usize = 2;
/// The largest submission, in bytes; programs have no bound of their own.
const LARGEST_TEXT: usize = 1 << 20;

/// The interface of a job manager, until it is dropped.
#[derive(Debug)]
pub struct Rest {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

/// What every answer needs.
#[derive(Clone)]
pub(crate) struct Desk {
    manager: Arc<Shared>,
    token: Option<Arc<str>>,
    encrypted: bool,
}

impl Rest {
    /// Answers for a job manager at this address; port 0: a free one. With a token, or certificates, only to those who have
    /// the one or the other.
    ///
    /// # Errors
    /// If the port is taken, the address is not this machine's, or it is beyond it and neither encrypted nor meant so.
    pub fn start(
        manager: &Manager,
        address: SocketAddr,
        token: Option<&str>,
        security: &Security,
    ) -> Result<Self> {
        security.may_listen(address)?;
        let refused = |error: std::io::Error| {
            Failure::user(format!("the REST interface cannot listen at {address}")).because(error).advice(
                "stop the process that listens there, or take another port: --rest-port PORT (0: a free one)",
            )
        };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("rest")
            .enable_all()
            .build()
            .map_err(|error| Failure::external("no threads for the REST interface").because(error))?;
        let listener = {
            let _within = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(refused)?
        };
        let (encrypted, tls) = (security.tls.is_some(), security.tls.clone());
        let desk = Desk { manager: manager.shared(), token: token.map(Arc::from), encrypted };
        runtime.spawn(serve::serve(listener, router(desk), tls));
        Ok(Self { address, runtime: Some(runtime) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // An answer that waits for a job would keep it.
            runtime.shutdown_background();
        }
    }
}

/// What there is. [`openapi`] has the same list.
fn router(desk: Desk) -> Router {
    Router::new()
        .route("/v1/overview", get(overview))
        .route("/v1/workers", get(workers))
        .route("/v1/jobs", get(jobs::list).post(jobs::submit))
        .route("/v1/jobs/{job}", get(jobs::one))
        .route("/v1/jobs/{job}/graph", get(jobs::graph))
        .route("/v1/jobs/{job}/operators", get(jobs::operators))
        .route("/v1/jobs/{job}/checkpoints", get(jobs::checkpoints))
        .route("/v1/jobs/{job}/exceptions", get(jobs::exceptions))
        .route("/v1/jobs/{job}/output", get(jobs::output))
        .route("/v1/jobs/{job}/cancel", post(jobs::cancel))
        .route("/v1/jobs/{job}/stop", post(jobs::stop))
        .route("/v1/jobs/{job}/savepoint", post(jobs::savepoint))
        .route("/v1/jobs/{job}/rescale", post(jobs::rescale))
        .layer(axum::extract::DefaultBodyLimit::max(LARGEST_TEXT))
        .route("/v1/programs/{hash}", put(programs::put).get(programs::known))
        .route("/v1/openapi.json", get(openapi::document))
        .route("/metrics", get(metrics::text))
        .fallback(nothing)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::from_fn_with_state(desk.clone(), door::guard))
        .with_state(desk)
}

async fn overview(State(desk): State<Desk>) -> Response {
    Json(desk.manager.overview()).into_response()
}

async fn workers(State(desk): State<Desk>) -> Response {
    Json(desk.manager.workers()).into_response()
}

async fn nothing(request: Request) -> Refusal {
    let what = format!("there is nothing at {}", request.uri().path());
    Refusal::new(StatusCode::NOT_FOUND, what, "what there is: GET /v1/openapi.json")
}

async fn not_so(request: Request) -> Refusal {
    let what = format!("{} is not answered at {}", request.method(), request.uri().path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, what, "what is: GET /v1/openapi.json")
}

/// A part of the way that names a job.
type JobPath = Path<String>;

#[cfg(test)]
mod tests;
