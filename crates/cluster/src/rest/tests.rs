//! The interface of a real job manager, over real sockets.

use std::io::{Read, Write};
use std::net::TcpStream;

use millstream_network::{Pulse, Security};
use millstream_runtime::log::Log;
use serde_json::Value;

use super::serve::Caller;
use super::*;
use crate::dispatcher::Limits;
use crate::manager::Settings;

struct Server {
    rest: Rest,
    _manager: Manager,
    _folder: tempfile::TempDir,
}

fn server(token: Option<&str>) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        folder: folder.path().into(),
        listen: [127, 0, 0, 1].into(),
        port: 0,
        security: Security::open(),
        python: "python3".into(),
        limits: Limits::default(),
        pulse: Pulse::default(),
        log: Log::default(),
    };
    let manager = Manager::start(&settings, None).unwrap();
    let rest = Rest::start(&manager, ([127, 0, 0, 1], 0).into(), token, &Security::open()).unwrap();
    Server { rest, _manager: manager, _folder: folder }
}

impl Server {
    /// Status and body, of a request as it stands on the line.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.rest.address()).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n",
            self.rest.address()
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer[9..12].parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        (status, body.to_owned())
    }

    fn refused(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let (status, body) = self.ask(method, path, "", body.as_bytes());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(!body["advice"].as_array().unwrap().is_empty(), "{body}");
        (status, body["error"].as_str().unwrap().to_owned())
    }
}

#[test]
fn each_way_of_the_document_is_answered_and_has_the_fields_that_it_says() {
    let server = server(None);
    let document: Value = serde_json::from_str(openapi::DOCUMENT).unwrap();
    let (status, body) = server.ask("GET", "/v1/overview", "", b"");
    assert_eq!(status, 200);
    let overview: Value = serde_json::from_str(&body).unwrap();
    let fields = document["components"]["schemas"]["Overview"]["properties"].as_object().unwrap();
    assert_eq!(overview.as_object().unwrap().keys().collect::<Vec<_>>(), fields.keys().collect::<Vec<_>>());
    let mut ways = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{job}", "job-9").replace("{hash}", "nothing");
        for method in ["get", "put", "post", "delete"] {
            let (status, body) = server.ask(&method.to_uppercase(), &path, "", b"");
            let known = methods.get(method).is_some();
            ways += usize::from(known);
            assert_eq!(status != 405, known, "{method} {path}: {status} {body}");
            assert!(!body.contains("there is nothing at"), "{method} {path}");
        }
    }
    let source = include_str!("mod.rs");
    let routes = source.lines().filter(|line| line.trim().starts_with(".route("));
    let routed: usize = routes
        .map(|line| ["get(", "post(", "put("].iter().map(|m| line.matches(m).count()).sum::<usize>())
        .sum();
    assert_eq!(ways, routed, "a route is not in the document");
}

#[test]
fn bad_input_is_told_what_would_be_right() {
    let server = server(None);
    let cases = [
        ("GET", "/nowhere", "", 404, "there is nothing at /nowhere"),
        ("DELETE", "/v1/jobs", "", 405, "DELETE is not answered at /v1/jobs"),
        ("GET", "/v1/jobs/7", "", 404, "`7` is no name of a job (expected job-1, job-2, ...)"),
        ("GET", "/v1/jobs/job-7", "", 404, "there is no job job-7"),
        ("POST", "/v1/jobs/job-7/cancel", "", 404, "there is no job job-7"),
        ("POST", "/v1/jobs/job-7/rescale", "{\"parallelism\":0}", 400, "parallelism is 0"),
        ("POST", "/v1/jobs/job-7/rescale", "{\"parallelism\":-1}", 400, "the body is not what is asked for"),
        ("POST", "/v1/jobs/job-7/stop", "{\"savepiont\":true}", 400, "unknown field `savepiont`"),
        ("POST", "/v1/jobs", "", 400, "the body is not what is asked for"),
        ("POST", "/v1/jobs", "{\"program\":\"x\",\"file_name\":\"a/b\"}", 400, "`a/b` is no name of a file"),
        ("POST", "/v1/jobs", "{\"program\":\"x\",\"file_name\":\"b\"}", 400, "`x` is no SHA-256"),
        ("GET", "/v1/jobs/job-1/output?from=x", "", 400, "invalid digit"),
        ("PUT", "/v1/programs/x", "bytes", 400, "`x` is no SHA-256"),
    ];
    for (method, path, body, status, error) in cases {
        let (actual, text) = server.refused(method, path, body);
        assert_eq!(actual, status, "{method} {path}: {text}");
        assert!(text.contains(error), "{method} {path}: {text}");
    }
    let hash = "0".repeat(64);
    let submission = format!("{{\"program\":\"{hash}\",\"file_name\":\"b\"}}");
    let (status, text) = server.refused("POST", "/v1/jobs", &submission);
    assert_eq!((status, text), (400, format!("the program {hash} was not uploaded")));
    let (status, text) = server.refused("PUT", &format!("/v1/programs/{hash}"), "other bytes");
    assert_eq!(status, 503);
    assert!(text.contains("came with the hash"), "{text}");
    let (status, _) = server.ask("POST", "/v1/jobs", "", &vec![b'x'; LARGEST_TEXT + 1]);
    assert_eq!(status, 413);
}

#[test]
fn without_the_token_nothing_is_answered() {
    let server = server(Some("secret"));
    for path in ["/v1/overview", "/metrics", "/nowhere"] {
        assert_eq!(server.refused("GET", path, "").0, 401);
    }
    let (status, _) = server.ask("GET", "/v1/overview", "Authorization: Bearer secret\r\n", b"");
    assert_eq!(status, 200);
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let (status, text) = server(None).ask("GET", "/metrics", "", b"");
    assert_eq!(status, 200);
    assert!(text.contains("# TYPE millstream_slots_free gauge\nmillstream_slots_free 0\n"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let server = server(None);
    let failure = Rest::start(&server._manager, server.rest.address(), None, &Security::open()).unwrap_err();
    assert!(failure.to_string().contains("take another port: --rest-port PORT"), "{failure}");
}

/// A bounded run of random requests, without a socket between.
#[test]
fn whatever_is_asked_is_answered_or_refused_with_advice() {
    let server = server(None);
    let desk = Desk { manager: server._manager.shared(), token: None, encrypted: false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Each request has a router of its own.
    let given = std::panic::AssertUnwindSafe((router(desk), runtime));
    let ways = [
        "/v1/jobs",
        "/v1/jobs/{}",
        "/v1/jobs/{}/stop",
        "/v1/jobs/{}/rescale",
        "/v1/jobs/{}/output?from={}",
        "/v1/programs/{}",
        "/{}",
    ];
    bolero::check!().with_type::<(u8, u8, String, Vec<u8>)>().for_each(|(way, method, part, body)| {
        let (router, runtime) = &*given;
        let part: String = part.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let way =
            ways[usize::from(*way) % ways.len()].replace("{}", if part.is_empty() { "job-1" } else { &part });
        let method = ["GET", "POST", "PUT", "DELETE"][usize::from(*method) % 4];
        let caller = Caller { certified: false, known: Default::default() };
        let request = axum::http::Request::builder().method(method).uri(way).header("host", "127.0.0.1");
        let request = request.extension(caller).body(axum::body::Body::from(body.clone())).unwrap();
        let answer = runtime.block_on(tower_service::Service::call(&mut router.clone(), request)).unwrap();
        let status = answer.status();
        assert!(status != 500, "{method} {status}");
        if !status.is_success() {
            let body = runtime.block_on(axum::body::to_bytes(answer.into_body(), 1 << 20)).unwrap();
            let refused: Refused = serde_json::from_slice(&body).unwrap();
            assert!(!refused.error.is_empty() && !refused.advice.is_empty(), "{refused:?}");
        }
    });
}
