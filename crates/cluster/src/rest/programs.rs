//! Programs over REST: uploaded once, known by their hash.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use millstream_model::error::Result as Done;

use super::Desk;
use super::answer::Refusal;

/// Takes a program's bytes in.
pub(super) async fn put(
    State(desk): State<Desk>,
    Path(hash): Path<String>,
    body: Body,
) -> Result<Response, Refusal> {
    if has(&desk, &hash).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut incoming = desk.manager.programs().begin(&hash)?;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                format!("the program was cut off: {error}"),
                "send it again",
            )
        })?;
        incoming.take(&piece)?;
    }
    incoming.end()?;
    desk.manager.blocking(move |manager| manager.share_program(&hash)).await?;
    Ok(StatusCode::CREATED.into_response())
}

/// Whether a program is there.
pub(super) async fn known(State(desk): State<Desk>, Path(hash): Path<String>) -> Result<Response, Refusal> {
    match has(&desk, &hash).await? {
        true => Ok(Json(serde_json::json!({ "program": hash })).into_response()),
        false => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("the program {hash} was not uploaded"),
            "upload it: PUT /v1/programs/SHA256",
        )),
    }
}

async fn has(desk: &Desk, hash: &str) -> Done<bool> {
    let hash = hash.to_owned();
    desk.manager.blocking(move |manager| manager.has_program(&hash)).await
}
