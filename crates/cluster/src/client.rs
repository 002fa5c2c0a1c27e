//! Asks a job manager over its REST interface.
//!
//! Answers for requests, for answers as values and for refusals as failures, and for finding the one that leads where there
//! are several. Not for what is shown of it. Holds: what changes something is asked of another one only where it is certain
//! that nothing was done.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use millstream_model::error::{Failure, Result, Retry};
use millstream_network::{Tls, TlsFiles};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Response, StatusCode};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Body, RequestBuilder};

use crate::blobs;
use crate::dispatcher::{JobId, JobSummary, JobView, Overview, Submission, WorkerView};
use crate::output::Page;
use crate::rest::{Done, Driven, Refused, RescaleBody, StopBody, Submitted};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer, in bytes.
const LONGEST: u64 = 64 << 20;

/// How long one of several may take to answer a question before another one is asked.
const ANSWER: Duration = Duration::from_secs(5);

/// The addresses of a job manager and of those that stand by, and the right to ask them.
#[derive(Clone)]
pub struct Client {
    /// `http` or `https`.
    scheme: &'static str,
    addresses: Vec<String>,
    /// Which of them answered last.
    leader: Arc<AtomicUsize>,
    token: Option<String>,
    agent: Agent,
}

fn agent(tls: Option<TlsConfig>) -> Agent {
    let config = Agent::config_builder().http_status_as_error(false).timeout_connect(Some(CONNECT));
    match tls {
        Some(tls) => config.tls_config(tls).build().into(),
        None => config.build().into(),
    }
}

impl std::fmt::Debug for Client {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Client {
    /// For the job manager whose REST interface is at `HOST:PORT` (or `millstream://HOST:PORT`), or for several that take
    /// turns, with commas between them.
    ///
    /// # Errors
    /// If this is no such address.
    pub fn new(address: &str, token: Option<String>) -> Result<Self> {
        let addresses: Vec<String> = address.split(',').map(|one| bare(one).to_owned()).collect();
        let is_wrong = |one: &String| {
            let port = one.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
            port.is_none_or(|(host, _)| host.is_empty() || host.contains(['/', '@', ' ']))
        };
        if addresses.iter().any(is_wrong) {
            return Err(Failure::user(format!("`{address}` is no address of a job manager"))
                .advice("HOST:PORT or millstream://HOST:PORT, with the port of its REST interface")
                .advice("several job managers that take turns: HOST:PORT,HOST:PORT"));
        }
        Ok(Self { scheme: "http", addresses, leader: Arc::default(), token, agent: agent(None) })
    }

    /// Asks with a certificate, over connections that are encrypted.
    ///
    /// # Errors
    /// If the certificates cannot be used.
    pub fn encrypted(self, files: &TlsFiles) -> Result<Self> {
        // A key that is not the certificate's is told here, not with the first question.
        Tls::new(files.clone())?;
        let (chain, _, authorities) = files.read()?;
        let der = |chain: &[CertificateDer<'_>]| -> Vec<Certificate<'static>> {
            chain.iter().map(|one| Certificate::from_der(one).to_owned()).collect()
        };
        let unreadable = |error: String| {
            Failure::user(format!("cannot read the private key in {}", files.key.display())).because(error)
        };
        let key = std::fs::read(&files.key).map_err(|error| unreadable(error.to_string()))?;
        let key = PrivateKey::from_pem(&key).map_err(|error| unreadable(error.to_string()))?;
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
            .root_certs(RootCerts::new_with_certs(&der(&authorities)))
            .client_cert(Some(ClientCert::new_with_certs(&der(&chain), key)));
        Ok(Self { scheme: "https", agent: agent(Some(tls.build())), ..self })
    }

    /// HOST:PORT of the job manager that answered last.
    #[must_use]
    pub fn leader(&self) -> String {
        let address =
            self.addresses.get(self.leader.load(Ordering::Relaxed)).or_else(|| self.addresses.first());
        address.cloned().unwrap_or_default()
    }

    /// The cluster in a few numbers.
    ///
    /// # Errors
    /// This and all that follows: if the job manager is not there, or refuses.
    pub fn overview(&self) -> Result<Overview> {
        self.get("/v1/overview")
    }

    /// Its workers.
    ///
    /// # Errors
    /// As above.
    pub fn workers(&self) -> Result<Vec<WorkerView>> {
        self.get("/v1/workers")
    }

    /// All jobs that it knows.
    ///
    /// # Errors
    /// As above.
    pub fn jobs(&self) -> Result<Vec<JobSummary>> {
        self.get("/v1/jobs")
    }

    /// All about one.
    ///
    /// # Errors
    /// As above.
    pub fn job(&self, job: JobId) -> Result<JobView> {
        self.get(&format!("/v1/jobs/{job}"))
    }

    /// What it printed, from this place on; waits for a line for up to so long.
    ///
    /// # Errors
    /// As above.
    pub fn output(&self, job: JobId, from: u64, wait: Duration) -> Result<Page> {
        self.get_within(&format!("/v1/jobs/{job}/output?from={from}&wait={}", wait.as_millis()), wait)
    }

    /// Makes sure that a program is there, and is its hash.
    ///
    /// # Errors
    /// As above; and if the file cannot be read.
    pub fn upload(&self, program: &Path) -> Result<String> {
        let hash = blobs::hash_of(program)?;
        let way = format!("/v1/programs/{hash}");
        if self.get::<serde_json::Value>(&way).is_ok() {
            return Ok(hash);
        }
        let unreadable =
            |error| Failure::external(format!("{} cannot be read", program.display())).because(error);
        self.asked(true, |agent, address| {
            let file = File::open(program).map_err(unreadable)?;
            Ok(self.with_token(agent.put(self.url(address, &way))).send(&file))
        })?;
        Ok(hash)
    }

    /// Has a program run that was uploaded.
    ///
    /// # Errors
    /// As above.
    pub fn submit(&self, submission: &Submission) -> Result<JobId> {
        let Submitted { id, .. } = self.post("/v1/jobs", submission)?;
        Ok(id)
    }

    /// Submits a job whose master this process is going to be. The answer is its name, what it takes to be that, and HOST:PORT of
    /// where masters call.
    ///
    /// # Errors
    /// As above.
    pub fn submit_driven(&self, submission: &Submission) -> Result<(JobId, Driven, String)> {
        let Submitted { id, driven } = self.post("/v1/jobs", submission)?;
        let driven = driven.ok_or_else(|| self.foreign())?;
        let leader = self.leader();
        let host = leader.rsplit_once(':').map_or("", |(host, _)| host);
        let manager = format!("{host}:{}", driven.port);
        Ok((id, driven, manager))
    }

    /// Ends a job at once.
    ///
    /// # Errors
    /// As above.
    pub fn cancel(&self, job: JobId) -> Result<String> {
        self.done(&format!("/v1/jobs/{job}/cancel"), &serde_json::json!({}))
    }

    /// Ends a job in order.
    ///
    /// # Errors
    /// As above.
    pub fn stop(&self, job: JobId, savepoint: bool) -> Result<String> {
        self.done(&format!("/v1/jobs/{job}/stop"), &StopBody { savepoint })
    }

    /// Takes a savepoint, and is its name.
    ///
    /// # Errors
    /// As above.
    pub fn savepoint(&self, job: JobId) -> Result<String> {
        self.done(&format!("/v1/jobs/{job}/savepoint"), &serde_json::json!({}))
    }

    /// Has a job go on with another parallelism.
    ///
    /// # Errors
    /// As above.
    pub fn rescale(&self, job: JobId, parallelism: u32) -> Result<String> {
        self.done(&format!("/v1/jobs/{job}/rescale"), &RescaleBody { parallelism })
    }

    fn done(&self, way: &str, body: &impl Serialize) -> Result<String> {
        let Done { answer } = self.post(way, body)?;
        Ok(answer)
    }

    fn url(&self, address: &str, way: &str) -> String {
        format!("{}://{address}{way}", self.scheme)
    }

    fn with_token<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn get<T: DeserializeOwned>(&self, way: &str) -> Result<T> {
        self.get_within(way, Duration::ZERO)
    }

    /// An answer that waits for something may take so much longer.
    fn get_within<T: DeserializeOwned>(&self, way: &str, wait: Duration) -> Result<T> {
        // Of several, one may be stopped: another is asked then. Of one, the answer is waited for.
        let limit = (self.addresses.len() > 1).then_some(ANSWER + wait);
        let body = self.asked(true, |agent, address| {
            let request = agent.get(self.url(address, way)).config().timeout_global(limit).build();
            Ok(self.with_token(request).call())
        })?;
        self.read(&body)
    }

    fn post<T: DeserializeOwned>(&self, way: &str, body: &impl Serialize) -> Result<T> {
        let text = serde_json::to_vec(body)
            .map_err(|error| Failure::internal("a request cannot be written").because(error))?;
        let body = self.asked(false, |agent, address| {
            let request = agent.post(self.url(address, way)).header("Content-Type", "application/json");
            Ok(self.with_token(request).send(&text[..]))
        })?;
        self.read(&body)
    }

    /// Asks the one that answered last, and then the others. The body of a success.
    fn asked(&self, repeatable: bool, ask: impl Fn(&Agent, &str) -> Result<Answered>) -> Result<String> {
        let (first, count) = (self.leader.load(Ordering::Relaxed), self.addresses.len());
        let mut last = None;
        for place in (first..first + count).map(|place| place % count) {
            let Some(address) = self.addresses.get(place) else { continue };
            let (failure, nothing_done) = match ask(&self.agent, address)? {
                Ok(answer) if answer.status() == StatusCode::MISDIRECTED_REQUEST => {
                    match self.accept(address, answer) {
                        Ok(_) => (self.foreign(), true),
                        Err(failure) => (failure.retry(Retry::Yes), true),
                    }
                }
                Ok(answer) => {
                    self.leader.store(place, Ordering::Relaxed);
                    return self.accept(address, answer);
                }
                Err(error) => {
                    let nothing_done = never_arrived(&error);
                    (self.lost(error), nothing_done)
                }
            };
            if !repeatable && !nothing_done {
                return Err(failure.advice("whether it was done is not known: see millstream list"));
            }
            last = Some(failure);
        }
        Err(last.unwrap_or_else(|| self.foreign()))
    }

    fn lost(&self, error: ureq::Error) -> Failure {
        Failure::external(format!("no job manager answers at {}", self.addresses.join(", ")))
            .because(error)
            .advice("is it running, and is this the port of its REST interface? millstream jobmanager")
            .advice(match self.scheme {
                "https" => "has it certificates (--tls) of the same authority, that name this host?",
                _ => "if it has certificates, ask with one: --tls FOLDER",
            })
    }

    /// The body of a success.
    fn accept(&self, address: &str, mut answer: Response<Body>) -> Result<String> {
        let body = answer.body_mut().with_config().limit(LONGEST).read_to_string();
        let body = body.map_err(|error| {
            Failure::external(format!("the answer of the job manager at {address} was cut off"))
                .because(error)
        })?;
        if answer.status().is_success() {
            return Ok(body);
        }
        let Ok(Refused { error, advice }) = serde_json::from_str(&body) else {
            return Err(self.foreign());
        };
        let retry = if answer.status().is_server_error() { Retry::Yes } else { Retry::No };
        Err(advice.into_iter().fold(Failure::user(error).retry(retry), Failure::advice))
    }

    fn read<T: DeserializeOwned>(&self, body: &str) -> Result<T> {
        serde_json::from_str(body).map_err(|error| self.foreign().because(error))
    }

    fn foreign(&self) -> Failure {
        let address = self.addresses.join(", ");
        Failure::user(format!("{address} answers, but not as a job manager of this version does"))
            .advice("check the address; run the same version of Millstream everywhere")
    }
}

/// What came of a request.
type Answered = std::result::Result<Response<Body>, ureq::Error>;

fn bare(address: &str) -> &str {
    let address = address.trim();
    let bare =
        ["millstream://", "http://", "https://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    bare.unwrap_or(address).trim_end_matches('/')
}

/// Whether nobody can have heard the request.
fn never_arrived(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for right in [
            "localhost:7070",
            "millstream://10.0.0.7:1",
            "http://a.example:7070/",
            "[::1]:7070",
            "a:1,b:2, c:3",
        ] {
            assert!(Client::new(right, None).is_ok(), "{right}");
        }
        for wrong in
            ["", "localhost", "localhost:x", ":7070", "spark://h:70000", "a/b:1", "u@h:1", "a:1,b", "a:1,"]
        {
            let text = Client::new(wrong, None).unwrap_err().to_string();
            assert!(text.starts_with(&format!("`{wrong}` is no address of a job manager")), "{text}");
        }
    }

    #[test]
    fn where_nobody_answers_it_says_so() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let text = Client::new(&free.to_string(), None).unwrap().overview().unwrap_err().to_string();
        assert!(text.starts_with(&format!("no job manager answers at {free}")), "{text}");
    }
}
