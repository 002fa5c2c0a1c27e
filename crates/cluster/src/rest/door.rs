//! Who is answered.
//!
//! Holds: by a job manager that does not lead any more, nobody; with a token set, or certificates, nobody without the one or the other; without any, no web page of another origin: it could send what a browser
//! sends without asking (its `Origin` tells), or have its own name lead here (the `Host` tells).

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use axum::extract::{Extension, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use millstream_model::error::Failure;
use millstream_network::token::same_secret;

use super::Desk;
use super::answer::Refusal;
use super::serve::Caller;

pub(super) async fn guard(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let has_to_show = desk.encrypted || desk.token.is_some();
    let judged = match caller.certified {
        true => from_here(request.headers()),
        false => judge(request.headers(), desk.token.as_deref(), desk.encrypted),
    };
    match judged {
        Ok(()) => {
            // Where nothing is shown, one is known only by a request that came whole.
            if has_to_show {
                caller.known.store(true, Ordering::Release);
            }
            if let Err(failure) = desk.manager.check() {
                return elsewhere(&failure).into_response();
            }
            let response = next.run(request).await;
            caller.known.store(true, Ordering::Release);
            // It may have been lost meanwhile.
            match desk.manager.check() {
                Ok(()) => response,
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

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Refuses web pages of another origin.
fn from_here(headers: &HeaderMap) -> Result<(), Refusal> {
    let host = text(headers, HOST).unwrap_or_default();
    if let Some(origin) = text(headers, ORIGIN)
        && origin.split_once("://").is_none_or(|(_, from)| from != host)
    {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            format!("web pages of {origin} have no say here"),
            "ask from the command line, or from a page of this address",
        ));
    }
    Ok(())
}

/// Judges one without a certificate.
fn judge(headers: &HeaderMap, token: Option<&str>, encrypted: bool) -> Result<(), Refusal> {
    from_here(headers)?;
    let host = text(headers, HOST).unwrap_or_default();
    match token {
        Some(token) => {
            let shown = text(headers, AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
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
        None if encrypted => Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "the request comes without a certificate of the cluster's authority",
            "ask with one: --tls FOLDER (the folder `client` that `millstream certs` makes)",
        )),
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
        judge(&map, token, false).err().map(|refusal| refusal.into_response().status().as_u16())
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
