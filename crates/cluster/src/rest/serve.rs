//! The connections of the REST interface: who is accepted, and how far strangers get.
//!
//! Answers for sockets, TLS and for bearing strangers: connections of which no request was answered to anybody known. Not
//! for who is answered (`door`).
//! Holds: there are never more strangers than the bound, the oldest makes room; one that does not finish the handshake or a
//! request's head in time is closed; certificates are those of the files as they are when a connection is made.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use millstream_network::Tls;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

/// How long a handshake of TLS may take, and the head of a request; also how long a connection may rest between two.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many strangers there may be.
const STRANGERS: usize = 256;
/// How a connection begins that speaks TLS.
const HANDSHAKE: u8 = 0x16;
/// What one is told that should speak TLS.
const SPEAK_TLS: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n\
    {\"error\":\"this port speaks TLS\",\"advice\":[\"ask with certificates: --tls FOLDER\"]}";

/// Who is at the other end of a connection; every request of it has this.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// It has shown a certificate of the authority.
    pub(super) certified: bool,
    /// It is no stranger any more.
    pub(super) known: Arc<AtomicBool>,
}

/// The connections whose caller is not known, the oldest first.
#[derive(Default)]
struct Strangers {
    here: VecDeque<(Arc<AtomicBool>, AbortHandle)>,
    spoke: Option<Instant>,
}

impl Strangers {
    /// Ends as many as are needed for no more than `most` to be left.
    fn make_room(&mut self, most: usize, why: &str) {
        self.here.retain(|(known, task)| !known.load(Ordering::Acquire) && !task.is_finished());
        let over = self.here.len().saturating_sub(most);
        self.here.drain(..over).for_each(|(_, task)| task.abort());
        if over > 0 && self.spoke.is_none_or(|spoke| spoke.elapsed() >= Duration::from_secs(1)) {
            tracing::warn!(why, "strangers at the REST interface were put out");
            self.spoke = Some(Instant::now());
        }
    }
}

/// Answers until the runtime ends.
pub(super) async fn serve(listener: TcpListener, router: Router, tls: Option<Arc<Tls>>) {
    let mut strangers = Strangers::default();
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                strangers.make_room(STRANGERS - 1, "there are too many");
                let known = Arc::new(AtomicBool::new(false));
                let task = attend(stream, address, router.clone(), tls.clone(), known.clone());
                strangers.here.push_back((known, tokio::spawn(task).abort_handle()));
            }
            Err(error) => {
                // Most likely there are no descriptors left: those of strangers are the first to be given back.
                strangers
                    .make_room(strangers.here.len() / 2, &format!("no connection can be accepted: {error}"));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn attend(
    mut stream: TcpStream,
    address: SocketAddr,
    router: Router,
    tls: Option<Arc<Tls>>,
    known: Arc<AtomicBool>,
) {
    let _slower = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return answer(stream, router, Caller { certified: false, known }).await;
    };
    let mut first = [0];
    let Ok(Ok(1)) = timeout(PATIENCE, stream.peek(&mut first)).await else { return };
    if first[0] != HANDSHAKE {
        tracing::warn!(%address, "a connection to the REST interface was refused: it does not speak TLS");
        let _gone = stream.write_all(SPEAK_TLS.as_bytes()).await;
        return;
    }
    match timeout(PATIENCE, TlsAcceptor::from(tls.lenient()).accept(stream)).await {
        Ok(Ok(stream)) => {
            let certified = stream.get_ref().1.peer_certificates().is_some();
            answer(stream, router, Caller { certified, known }).await;
        }
        Ok(Err(error)) => tracing::warn!(%address, %error, "a connection to the REST interface was refused"),
        Err(_late) => {}
    }
}

/// Answers what comes over one connection.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    caller: Caller,
) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(caller.clone());
        router.clone().call(request)
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the REST interface has ended");
    }
}
