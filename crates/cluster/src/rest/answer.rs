//! Answers that are no success.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use millstream_model::error::{Failure, Fault};
use serde::{Deserialize, Serialize};

/// What was wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// What was wrong.
    pub(crate) error: String,
    /// What to do.
    pub(crate) advice: Vec<String>,
}

/// A refusal and its status.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    body: Refused,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>, advice: &str) -> Self {
        Self { status, body: Refused { error: error.into(), advice: vec![advice.into()] } }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let status = match failure.fault() {
            Fault::User if failure.what().starts_with("there is no job") => StatusCode::NOT_FOUND,
            Fault::User => StatusCode::BAD_REQUEST,
            Fault::External => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        // A failure reads: what, what it was caused by, and then advice line by line.
        let text = failure.to_string();
        let (mut error, mut advice) = (Vec::new(), Vec::new());
        for (number, line) in text.lines().enumerate() {
            let is_advice =
                number > 0 && !line.starts_with("    ") && !line.trim_start().starts_with("caused by:");
            if is_advice { advice.push(line.trim_start().to_owned()) } else { error.push(line) }
        }
        Self { status, body: Refused { error: error.join("\n"), advice } }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
