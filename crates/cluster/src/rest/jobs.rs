//! Jobs over REST.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use millstream_runtime::control::Ask;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::answer::Refusal;
use super::{Desk, JobPath};
use crate::dispatcher::{JobId, JobView, Submission, Wish};

/// The longest that an answer about output waits for some, in milliseconds.
const LONGEST_WAIT: u64 = 30_000;
/// From one look to the next.
const LOOK: Duration = Duration::from_millis(50);
/// Lines of so many bytes are answered at once.
const PAGE: usize = 1 << 20;

type Answer = Result<Response, Refusal>;

/// What was done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    /// In words, or a name.
    pub(crate) answer: String,
}

/// A job that was taken in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Submitted {
    /// Its name.
    pub(crate) id: JobId,
    /// How to be its master, where that is who submitted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) driven: Option<Driven>,
}

/// How whoever submitted a job becomes its master.
#[derive(Clone, Serialize, Deserialize)]
pub struct Driven {
    /// Which master it is.
    pub term: u64,
    /// What the secret of the job's processes follows from, for those who have the cluster's token.
    pub seed: String,
    /// The port of the job manager's machine that masters call.
    pub port: u16,
}

impl std::fmt::Debug for Driven {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driven").field("term", &self.term).field("port", &self.port).finish_non_exhaustive()
    }
}

pub(super) async fn list(State(desk): State<Desk>) -> Response {
    Json(desk.manager.jobs()).into_response()
}

pub(super) async fn submit(State(desk): State<Desk>, body: Bytes) -> Answer {
    let submission: Submission = read(&body)?;
    if submission.file_name.is_empty() || submission.file_name.contains(['/', '\0']) {
        return Err(wrong(
            format!("`{}` is no name of a file", submission.file_name),
            "without folders: job",
        ));
    }
    let text = submission.arguments.iter().chain(submission.environment.values());
    if text.chain(submission.environment.keys()).any(|text| text.contains('\0')) {
        return Err(wrong("arguments and variables have no zero bytes in them".into(), "leave them out"));
    }
    if let Some(name) = submission.environment.keys().find(|name| name.is_empty() || name.contains('=')) {
        return Err(wrong(format!("`{name}` is no name of a variable"), "letters, digits and underscores"));
    }
    let id = desk.manager.submit(submission).await?;
    let id = id
        .parse()
        .map_err(|error: String| Refusal::from(millstream_model::error::Failure::internal(error)))?;
    let driven = desk.manager.driven(id);
    Ok((StatusCode::CREATED, Json(Submitted { id, driven })).into_response())
}

pub(super) async fn one(State(desk): State<Desk>, path: JobPath) -> Answer {
    Ok(Json(view(&desk, &path).await?).into_response())
}

pub(super) async fn graph(State(desk): State<Desk>, path: JobPath) -> Answer {
    Ok(Json(view(&desk, &path).await?.graph).into_response())
}

pub(super) async fn operators(State(desk): State<Desk>, path: JobPath) -> Answer {
    Ok(Json(view(&desk, &path).await?.operators).into_response())
}

pub(super) async fn checkpoints(State(desk): State<Desk>, path: JobPath) -> Answer {
    Ok(Json(view(&desk, &path).await?.checkpoints).into_response())
}

pub(super) async fn exceptions(State(desk): State<Desk>, path: JobPath) -> Answer {
    let view = view(&desk, &path).await?;
    let answer = serde_json::json!({
        "failure": view.failure, "exceptions": view.exceptions, "deaths": view.deaths,
    });
    Ok(Json(answer).into_response())
}

/// From where, and how long to wait for a line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputQuery {
    #[serde(default)]
    from: u64,
    /// In milliseconds.
    #[serde(default)]
    wait: u64,
}

pub(super) async fn output(
    State(desk): State<Desk>,
    path: JobPath,
    query: Result<Query<OutputQuery>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    let Query(OutputQuery { from, wait }) = query
        .map_err(|error| wrong(error.body_text(), "for example /v1/jobs/job-1/output?from=0&wait=1000"))?;
    let job = id(&path)?;
    let until = Instant::now() + Duration::from_millis(wait.min(LONGEST_WAIT));
    loop {
        // Before the log is read: what was printed before the end is in it then.
        let ended = view(&desk, &path).await?.summary.state.is_final();
        let manager = std::sync::Arc::clone(&desk.manager);
        let page = tokio::task::spawn_blocking(move || manager.printed(job, from, PAGE)).await;
        let page = page.map_err(|error| {
            Refusal::from(millstream_model::error::Failure::internal(error.to_string()))
        })??;
        if !page.lines.is_empty() || ended || Instant::now() >= until {
            return Ok(Json(page).into_response());
        }
        tokio::time::sleep(LOOK).await;
    }
}

pub(super) async fn cancel(State(desk): State<Desk>, path: JobPath) -> Answer {
    wish(&desk, &path, Wish::Master(Ask::Cancel)).await
}

/// Whether to take a savepoint.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopBody {
    #[serde(default)]
    pub(crate) savepoint: bool,
}

pub(super) async fn stop(State(desk): State<Desk>, path: JobPath, body: Bytes) -> Answer {
    let StopBody { savepoint } = if body.is_empty() { StopBody::default() } else { read(&body)? };
    let ask = if savepoint { Ask::StopWithSavepoint } else { Ask::Stop };
    wish(&desk, &path, Wish::Master(ask)).await
}

pub(super) async fn savepoint(State(desk): State<Desk>, path: JobPath) -> Answer {
    wish(&desk, &path, Wish::Master(Ask::Savepoint)).await
}

/// To how many subtasks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RescaleBody {
    pub(crate) parallelism: u32,
}

pub(super) async fn rescale(State(desk): State<Desk>, path: JobPath, body: Bytes) -> Answer {
    let RescaleBody { parallelism } = read(&body)?;
    if parallelism == 0 {
        return Err(wrong("parallelism is 0".into(), "at least 1"));
    }
    wish(&desk, &path, Wish::Rescale { parallelism }).await
}

async fn wish(desk: &Desk, path: &Path<String>, wish: Wish) -> Answer {
    let answer = desk.manager.wish(id(path)?, wish).await?;
    Ok(Json(Done { answer }).into_response())
}

fn id(Path(job): &Path<String>) -> Result<JobId, Refusal> {
    job.parse().map_err(|error: String| Refusal::new(StatusCode::NOT_FOUND, error, "all jobs: GET /v1/jobs"))
}

async fn view(desk: &Desk, path: &Path<String>) -> Result<JobView, Refusal> {
    let id = id(path)?;
    desk.manager.job(id).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, format!("there is no job {id}"), "all jobs: GET /v1/jobs")
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        wrong(format!("the body is not what is asked for: {error}"), "see GET /v1/openapi.json")
    })
}

fn wrong(what: String, right: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, what, right)
}
