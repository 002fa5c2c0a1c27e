//! Who is answered.
//!
//! Holds: by a job manager that does not lead any more, nobody; with a token set, nobody without it; without one, no web page of another origin: it could send what a browser
//! sends without asking (its `Origin` tells), or have its own name lead here (the `Host` tells).

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use millstream_model::error::Failure;
use millstream_network::introduction::same_secret;

use super::Desk;
use super::answer::Refusal;

pub(super) async fn guard(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    match judge(request.headers(), desk.token.as_deref()) {
        Ok(()) => {
            if let Err(failure) = desk.manager.check() {
                return elsewhere(&failure).into_response();
            }
            let answer = next.run(request).await;
            // It may have been lost meanwhile.
            match desk.manager.check() {
                Ok(()) => answer,
                Err(failure) => elsewhere(&failure).into_response(),
            }
        }
        Err(refusal) => {
            tracing::warn!(path = request.uri().path(), "a request was turned away");
            refusal.into_response()
        }
    }
}

/// Another job manager is the one to ask.
fn elsewhere(failure: &Failure) -> Refusal {
    let advice = "ask the other one: give the addresses of all to --master, with commas between them";
    Refusal::new(StatusCode::MISDIRECTED_REQUEST, failure.what(), advice)
}

fn judge(headers: &HeaderMap, token: Option<&str>) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST).unwrap_or_default();
    if let Some(origin) = text(ORIGIN)
        && origin.split_once("://").is_none_or(|(_, from)| from != host)
    {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            format!("web pages of {origin} have no say here"),
            "ask from the command line, or from a page of this address",
        ));
    }
    match token {
        Some(token) => {
            let shown = text(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
            if shown.is_some_and(|shown| same_secret(shown, token)) {
                return Ok(());
            }
            Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "the request does not have the cluster's token",
                "give the file that the job manager was started with: --token-file FILE (as a header: Authorization: \
                 Bearer TOKEN)",
            ))
        }
        None if is_local(host) => Ok(()),
        None => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            format!("the name {host} is not known to lead here"),
            "use the address in numbers, or localhost; or start the job manager with --token-file FILE",
        )),
    }
}

/// Whether this is an address in numbers, or the name that every machine has for itself.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(headers: &[(&'static str, &str)], token: Option<&str>) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        judge(&map, token).err().map(|refusal| refusal.into_response().status().as_u16())
    }

    #[test]
    fn web_pages_of_others_have_no_say() {
        let host = ("host", "127.0.0.1:7070");
        assert_eq!(judged(&[host], None), None);
        assert_eq!(judged(&[("host", "localhost")], None), None);
        assert_eq!(judged(&[("host", "[::1]:7070")], None), None);
        assert_eq!(judged(&[host, ("origin", "http://127.0.0.1:7070")], None), None);
        assert_eq!(judged(&[host, ("origin", "https://evil.example")], None), Some(403));
        assert_eq!(judged(&[host, ("origin", "null")], None), Some(403));
        assert_eq!(judged(&[("host", "evil.example:7070")], None), Some(403));
    }

    #[test]
    fn where_there_is_a_token_it_is_asked_for() {
        let host = ("host", "cluster.example");
        assert_eq!(judged(&[host], Some("secret")), Some(401));
        assert_eq!(judged(&[host, ("authorization", "Bearer wrong")], Some("secret")), Some(401));
        assert_eq!(judged(&[host, ("authorization", "Bearer secret")], Some("secret")), None);
    }
}
