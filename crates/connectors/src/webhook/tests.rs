//! Against an HTTP server over real sockets, that answers as it is told.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Cancelled, Wakeup};
use millstream_dataflow::sink::{Sink, WriterContext, WriterOf};
use millstream_model::error::Result;
use millstream_model::id::Subtask;
use millstream_testkit::conformance::{check_sink, open_writer};

use super::*;
use crate::tls::ServerTls;
use crate::tls::tests::Authority;

/// A request as it came.
#[derive(Clone, Debug)]
struct Request {
    first: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What to answer; nothing (`""`) cuts the connection.
type Script = Arc<Mutex<VecDeque<&'static str>>>;

struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

const OK: &str = "200 OK\r\n";

fn serve(script: &[&'static str]) -> Server {
    serve_over(script, None)
}

/// A server that answers as the script says, then always with a success.
fn serve_over(script: &[&'static str], tls: Option<ServerTls>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
    let requests = Arc::<Mutex<Vec<Request>>>::default();
    let (own, script): (_, Script) =
        (requests.clone(), Arc::new(Mutex::new(script.iter().copied().collect())));
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (own, script, tls, socket) = (own.clone(), script.clone(), tls.clone(), socket.unwrap());
            std::thread::spawn(move || match tls {
                None => answer(BufReader::new(socket.try_clone().unwrap()), socket, &own, &script),
                Some(tls) => {
                    let stream = Shared(Arc::new(Mutex::new(tls.over(socket).unwrap())));
                    answer(BufReader::new(stream.clone()), stream, &own, &script);
                }
            });
        }
    });
    Server { address, requests }
}

/// One stream for reading and writing in turn.
#[derive(Clone)]
struct Shared(Arc<Mutex<crate::tls::Stream>>);

impl Read for Shared {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().read(bytes)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.lock().unwrap().flush()
    }
}

fn answer(mut input: impl BufRead, mut output: impl Write, requests: &Mutex<Vec<Request>>, script: &Script) {
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let header = |line: &String| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_lowercase(), value.trim().to_owned())
        };
        let mut request = Request {
            first: lines[0].clone(),
            headers: lines[1..].iter().map(header).collect(),
            body: String::new(),
        };
        let length: u64 = request.header("content-length").parse().unwrap();
        input.by_ref().take(length).read_to_string(&mut request.body).unwrap();
        let head = script.lock().unwrap().pop_front().unwrap_or(OK);
        requests.lock().unwrap().push(request);
        if head.is_empty() {
            return;
        }
        let _gone =
            write!(output, "HTTP/1.1 {head}content-length: 4\r\n\r\ntext").and_then(|()| output.flush());
    }
}

fn hook(server: &Server) -> Webhook<u32> {
    Webhook::json(format!("{}/path/secret-path?key=secret-key", server.address))
        .set("retry-first-delay", "1 ms")
}

fn write(sink: &Webhook<u32>, numbers: impl Into<Vec<u32>>) -> Result<()> {
    let mut writer = open_writer(sink, Vec::new())?;
    writer.write(&mut Batch::from(numbers.into()))?;
    writer.flush()
}

fn bodies(server: &Server) -> Vec<String> {
    server.requests.lock().unwrap().iter().map(|request| request.body.clone()).collect()
}

#[test]
fn batches_are_arrays_or_lines_or_what_a_function_makes() {
    let server = serve(&[]);
    write(&hook(&server).set("batch-records", "2").header("X-Token", "t"), [1, 2, 3]).unwrap();
    write(
        &hook(&server).set("batch-bytes", "4 B").set("method", "put").set("format", "json-lines"),
        [11, 22, 3],
    )
    .unwrap();
    let made =
        Webhook::body(&server.address, "text/csv", |numbers: &[u32]| Ok(format!("{numbers:?}").into_bytes()));
    write(&made.header("content-type", "text/plain"), [1, 2]).unwrap();
    assert_eq!(bodies(&server), ["[1,2]", "[3]", "11\n", "22\n3\n", "[1, 2]"]);
    let requests = server.requests.lock().unwrap();
    assert_eq!(requests[0].first, "POST /path/secret-path?key=secret-key HTTP/1.1");
    assert_eq!(
        (requests[0].header("content-type"), requests[0].header("x-token")),
        ("application/json", "t")
    );
    assert!(requests[2].first.starts_with("PUT "));
    assert_eq!(requests[2].header("content-type"), "application/x-ndjson");
    assert_eq!(requests[4].header("content-type"), "text/plain");
}

#[test]
fn what_may_pass_is_sent_again_under_the_same_key_until_it_is_taken() {
    let script = ["503 Busy\r\n", "", "429 Slow\r\nRetry-After: 0\r\n", "500 No\r\n", OK, "502 Bad\r\n"];
    let server = serve(&script);
    write(&hook(&server).set("batch-records", "2"), [1, 2, 3, 4]).unwrap();
    assert_eq!(bodies(&server), ["[1,2]", "[1,2]", "[1,2]", "[1,2]", "[1,2]", "[3,4]", "[3,4]"]);
    let keys: Vec<String> = server
        .requests
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.header("idempotency-key").to_owned())
        .collect();
    assert!(
        keys[..5].iter().all(|key| *key == keys[0]) && keys[5] == keys[6] && keys[0] != keys[5],
        "{keys:?}"
    );
    write(&hook(&server).set("idempotency-header", "X-Once"), [5]).unwrap();
    let once = server.requests.lock().unwrap().last().unwrap().header("x-once").to_owned();
    assert!(once.len() > 32 && !keys.contains(&once), "{once}");
}

#[test]
fn a_server_is_left_alone_for_as_long_as_it_asks() {
    let server = serve(&["429 Slow\r\nRetry-After: 1\r\n"]);
    let begun = Instant::now();
    write(&hook(&server), [1]).unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "it was asked again after {:?}", begun.elapsed());
}

#[test]
fn a_server_that_never_takes_a_batch_is_given_up_with_what_it_said() {
    let server = serve(&["503 Busy\r\n"; 1000]);
    let error = write(&hook(&server).set("give-up-after", "50 ms"), [1]).unwrap_err().to_string();
    let begin = format!("{} did not take a batch within 50 ms, in ", server.address);
    assert!(
        error.starts_with(&begin)
            && error.contains(" attempts\n  caused by: status 503: text\n  see that the server"),
        "{error}"
    );
    let server = serve(&["429 Slow\r\nRetry-After: 3600\r\n"]);
    let error = write(&hook(&server), [1]).unwrap_err().to_string();
    assert!(error.contains("in 1 attempts, and asks for 1 h of rest\n"), "{error}");
}

#[test]
fn what_will_not_pass_fails_at_once_and_shows_no_secret() {
    let secrets = ["secret-path", "secret-key", "secret-token"];
    for (head, advice) in [
        ("401 Who\r\n", "see the credentials"),
        ("404 None\r\n", "see the path"),
        ("302 There\r\nLocation: http://localhost:1/\r\n", "the server is elsewhere"),
    ] {
        let server = serve(&[head]);
        let sink = hook(&server).header("Authorization", "secret-token");
        let error = write(&sink, [1]).unwrap_err().to_string();
        let shown = format!("{error} {sink:?}");
        assert!(error.contains(advice) && secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
        assert_eq!(bodies(&server).len(), 1);
    }
}

#[test]
fn addresses_headers_and_settings_that_are_wrong_are_refused_before_anything_is_sent() {
    let said = |sink: Webhook<u32>| open_writer(&sink, Vec::new()).err().unwrap().to_string();
    for (address, begin) in [
        ("hooks.example/path", "the address of a webhook"),
        (
            "ftp://hooks.example/",
            "the address of a webhook begins with ftp://, which is not spoken here\n  such as https://",
        ),
        ("http://me:secret@hooks.example/", "the address of a webhook has a user in it\n"),
    ] {
        let error = said(Webhook::json(address));
        assert!(error.starts_with(begin) && !error.contains("secret"), "{error}");
    }
    let good = || Webhook::<u32>::json("http://localhost:9/");
    let error = said(good().header("a b", "secret"));
    assert!(error.starts_with("`a b` is no name of a header\n") && !error.contains("secret"), "{error}");
    let error = said(good().header("Authorization", "secret\n"));
    assert!(
        error.starts_with("the value of the header `authorization` cannot") && !error.contains("secret"),
        "{error}"
    );
    let error = said(good().set("retries", "3"));
    assert!(
        error.starts_with("there is no setting `retries` (in the program); did you mean `give-up-after`?"),
        "{error}"
    );
    let error = said(good().set("tls-ca", "/x.pem"));
    assert!(
        error.starts_with("the setting `tls-ca` is given, but the address begins with http://\n"),
        "{error}"
    );
    let error = said(
        Webhook::body("http://localhost:9/", "text/plain", |_: &[u32]| Ok(Vec::new()))
            .set("format", "json-lines"),
    );
    assert!(
        error.starts_with("the setting `format` is given, but the program makes bodies itself\n"),
        "{error}"
    );
}

#[test]
fn a_port_that_nobody_listens_at_or_that_speaks_no_http_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let sink = Webhook::<u32>::json(&address).set("retry-first-delay", "1 ms").set("give-up-after", "20 ms");
    let error = write(&sink, [1]).unwrap_err().to_string();
    assert!(error.starts_with(&address) && error.contains("Connection refused"), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut socket = listener.accept().unwrap().0;
        socket.write_all(b"220 mail.example ESMTP ready\r\n").unwrap();
        let _until_closed = socket.read_to_end(&mut Vec::new());
    });
    let error = write(&Webhook::json(&address), [1]).unwrap_err().to_string();
    assert!(
        error.contains("the answer is no HTTP/1.1") && error.contains("or begin the address with https://"),
        "{error}"
    );
}

#[test]
fn batches_go_over_tls_to_whom_is_trusted_only() {
    let authority = Authority::new();
    let server = serve_over(&[], Some(authority.server()));
    write(&hook(&server).set("tls-ca", &authority.ca()), [1, 2]).unwrap();
    assert_eq!(bodies(&server), ["[1,2]"]);
    let error = write(&hook(&server).set("tls-ca", &Authority::new().ca()), [3]).unwrap_err().to_string();
    assert!(
        error.contains("by the setting tls-ca") && error.starts_with("nothing can be sent to https://"),
        "{error}"
    );
    let plain = Webhook::json(server.address.replace("https", "http")).set("give-up-after", "20 ms");
    write(&plain, [3]).unwrap_err();
    assert_eq!(bodies(&server).len(), 1);
}

fn cancellable(sink: &Webhook<u32>, cancelled: Cancelled) -> WriterOf<Webhook<u32>> {
    let context =
        WriterContext { subtask: Subtask { index: 0, of: 1 }, wakeup: Wakeup::default(), cancelled };
    sink.writer(context, Vec::new()).unwrap()
}

#[test]
fn a_job_is_cancelled_while_its_server_is_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sink = Webhook::<u32>::json(format!("http://{}", listener.local_addr().unwrap()));
    let begun = Instant::now();
    // Cancelled once the server has the request and says nothing.
    let at = Arc::new(Mutex::new(None));
    let noted = at.clone();
    std::thread::spawn(move || {
        let mut socket = listener.accept().unwrap().0;
        socket.read_exact(&mut [0; 10]).unwrap();
        *noted.lock().unwrap() = Some(Instant::now());
        let _until_closed = socket.read_to_end(&mut Vec::new());
    });
    let seen = at.clone();
    let mut writer = cancellable(&sink, Cancelled::when(move || seen.lock().unwrap().is_some()));
    let error = writer.write(&mut Batch::from(vec![1])).and_then(|()| writer.flush()).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    let took = at.lock().unwrap().unwrap().elapsed();
    assert!(took < Duration::from_secs(1), "{took:?} of {:?}", begun.elapsed());
}

#[test]
fn the_webhook_keeps_what_it_promises() {
    let make = || {
        let server = serve(&["503 Busy\r\n"]);
        let sink = hook(&server).set("batch-records", "1");
        let visible: Box<dyn Fn() -> Vec<String>> = Box::new(move || {
            // The first was refused; nothing was sent again that was taken.
            bodies(&server).into_iter().skip(1).collect()
        });
        (sink, visible)
    };
    check_sink(make, &[1, 2, 3, 4], |number| format!("[{number}]"));
}
