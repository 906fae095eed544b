//! One client for one server: connections that are kept, requests that are authorized, repeated and bounded in number.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;

use super::answer::Answer;
use super::body::CountedBody;
use super::counted::Counted;
use super::error::{HttpError, Outcome};
use super::lost::{lost, not_connected};
use super::request::Request;
use super::retry::Retry;
use super::settings::{HttpSettings, Proxy};
use super::tls;
use crate::stop::Stop;

/// What is to be done about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// Another try may succeed: the server is busy or stumbled.
    Repeat,
    /// The service has put right what was wrong with the request (its clock, its credentials): one more try at once.
    Mended,
    Failed,
}

/// A store behind a client: how its requests are authorized and its answers understood.
pub(crate) trait Service: Send + Sync {
    /// Adds what each try needs anew: date, signature, credentials that may have been renewed.
    fn authorize(
        &self,
        request: &Request,
    ) -> impl Future<Output = Result<Request, HttpError>> + Send;

    /// What is to be done about the answer to a request, as it was sent.
    fn verdict(&self, request: &Request, answer: &Answer) -> Verdict;
}

/// The verdict by status alone.
pub(crate) fn verdict_by_status(status: StatusCode) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Good,
        // What is not implemented will not be a moment later.
        501 => Verdict::Failed,
        408 | 429 | 500..=599 => Verdict::Repeat,
        _ => Verdict::Failed,
    }
}

type Connections<C> = hyper_util::client::legacy::Client<HttpsConnector<C>, CountedBody>;

#[derive(Debug, Clone)]
enum Transport {
    Direct(Connections<Counted>),
    Tunnelled(Connections<Tunnel<Counted>>),
}

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    transport: Transport,
    /// `https://name:port`.
    base: String,
    io_timeout: Duration,
    under_way: Semaphore,
    stop: Stop,
    tries: AtomicUsize,
    connections: Arc<AtomicUsize>,
}

/// Connections that nothing uses are closed after this; servers and what stands before them often wait a minute.
const IDLE: Duration = Duration::from_secs(30);

impl Client {
    /// Makes a client; the server is reached with the first request.
    pub(crate) fn new(settings: &HttpSettings, stop: Stop) -> Result<Self, String> {
        let tls = tls::config(settings)?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(Duration::from_secs(60)));
        http.set_connect_timeout(Some(settings.io_timeout));
        let connections = Arc::new(AtomicUsize::new(0));
        let http = Counted::new(http, Arc::clone(&connections));
        let mut pool = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        pool.pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(settings.requests)
            .set_host(false);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1();
        let transport = match &settings.proxy {
            None => Transport::Direct(pool.build(https.wrap_connector(http))),
            Some(proxy) => {
                Transport::Tunnelled(pool.build(https.wrap_connector(tunnel(proxy, http)?)))
            }
        };
        Ok(Self {
            transport,
            base: settings.server.url(),
            io_timeout: settings.io_timeout,
            under_way: Semaphore::new(settings.requests.max(1)),
            stop,
            tries: AtomicUsize::new(0),
            connections,
        })
    }

    /// Requests sent so far, repetitions included.
    pub(crate) fn tries(&self) -> usize {
        self.tries.load(Ordering::Relaxed)
    }

    /// Connections made so far, lost ones included.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Sends a request until it is answered well, or another try is of no use.
    pub(crate) async fn send(
        &self,
        service: &impl Service,
        request: &Request,
    ) -> Result<Answer, HttpError> {
        let _permit = self
            .under_way
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let mut retry = Retry::new(self.io_timeout);
        let mut mended = false;
        loop {
            // A program that gives credentials may hang as a server may.
            let Some(ready) = self.stop.or(service.authorize(request)).await else {
                return Err(HttpError::new(request, Outcome::Cancelled));
            };
            let ready = ready?;
            let error = match self.stop.or(self.once(&ready)).await {
                None => return Err(HttpError::new(&ready, Outcome::Cancelled)),
                Some(Ok(answer)) => match service.verdict(&ready, &answer) {
                    Verdict::Good => return Ok(answer),
                    Verdict::Mended if !mended => {
                        mended = true;
                        continue;
                    }
                    verdict => {
                        let error = HttpError::new(&ready, Outcome::Refused(Box::new(answer)));
                        if verdict != Verdict::Repeat {
                            return Err(with_lines(error, &retry));
                        }
                        error
                    }
                },
                Some(Err(outcome @ Outcome::Untrusted(_))) => {
                    return Err(HttpError::new(&ready, outcome));
                }
                Some(Err(outcome)) => HttpError::new(&ready, outcome),
            };
            let wait = match request.once {
                true => None,
                false => retry.next_wait(&error.short()),
            };
            let Some(wait) = wait else {
                return Err(with_lines(error, &retry));
            };
            log::debug!("{request:?}: {}, trying again", error.short());
            if self.stop.or(tokio::time::sleep(wait)).await.is_none() {
                return Err(HttpError::new(&ready, Outcome::Cancelled));
            }
        }
    }

    /// One try: sends the request and reads the whole answer.
    async fn once(&self, request: &Request) -> Result<Answer, Outcome> {
        self.tries.fetch_add(1, Ordering::Relaxed);
        let taken = Arc::new(AtomicU64::new(0));
        let ready = self
            .build(request, Arc::clone(&taken))
            .map_err(|reason| Outcome::NotMade(reason.into()))?;
        let answering = async {
            match &self.transport {
                Transport::Direct(client) => client.request(ready).await,
                Transport::Tunnelled(client) => client.request(ready).await,
            }
        };
        let response = self
            .while_moving(&taken, answering)
            .await
            .ok_or_else(|| self.timeout("for an answer"))?
            .map_err(|error| match error.is_connect() {
                true => not_connected(&error, &self.base),
                false => lost(&error),
            })?;
        let (parts, mut body) = response.into_parts();
        let mut answer = Answer {
            status: parts.status,
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                })
                .collect(),
            body: Bytes::new(),
        };
        // The usual answer is one frame or a few; a large one has its length in a header. HEAD has only the header.
        let expected = answer
            .header("content-length")
            .filter(|_| request.method != "HEAD")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0)
            .min(request.answer_limit);
        let mut collected = BytesMut::with_capacity(expected);
        loop {
            let frame = tokio::time::timeout(self.io_timeout, body.frame())
                .await
                .map_err(|_| self.timeout("for the rest of an answer"))?;
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|error| lost(&error))?;
            if let Ok(data) = frame.into_data() {
                if collected.len() + data.len() > request.answer_limit {
                    let text = format!("the answer is longer than {} bytes", request.answer_limit);
                    return Err(Outcome::Lost(text));
                }
                collected.extend_from_slice(&data);
            }
        }
        answer.body = collected.freeze();
        Ok(answer)
    }

    fn build(
        &self,
        request: &Request,
        taken: Arc<AtomicU64>,
    ) -> Result<hyper::Request<CountedBody>, String> {
        let uri: Uri = format!("{}{}", self.base, request.target())
            .parse()
            .map_err(|error| format!("'{}' is not a valid address: {error}", self.base))?;
        let mut ready = hyper::Request::new(CountedBody::new(request.body.clone(), taken));
        *ready.method_mut() = request
            .method
            .parse()
            .map_err(|error| format!("{}: {error}", request.method))?;
        *ready.uri_mut() = uri;
        for (name, value) in &request.headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| format!("the value of header '{name}' cannot be sent"))?;
            ready
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
        // Servers want to know that nothing comes; hyper says nothing of an empty body.
        if request.body.is_empty() && matches!(request.method, "PUT" | "POST") {
            let nothing = HeaderValue::from_static("0");
            let headers = ready.headers_mut();
            headers.insert(http::header::CONTENT_LENGTH, nothing);
        }
        let agent = concat!("pgkeep/", env!("CARGO_PKG_VERSION"));
        ready
            .headers_mut()
            .insert(http::header::USER_AGENT, HeaderValue::from_static(agent));
        Ok(ready)
    }

    /// Waits before the caller's own repetition of a request; false: the run was asked to stop.
    pub(crate) async fn pause(&self, wait: Duration) -> bool {
        self.stop.or(tokio::time::sleep(wait)).await.is_some()
    }

    /// Repetitions that the caller makes itself, with the patience of this client.
    pub(crate) fn repetitions(&self) -> Retry {
        Retry::new(self.io_timeout)
    }

    /// What `work` comes to, unless nothing has moved for the timeout.
    async fn while_moving<T>(&self, taken: &AtomicU64, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let mut seen = taken.load(Ordering::Relaxed);
        loop {
            match tokio::time::timeout(self.io_timeout, &mut work).await {
                Ok(done) => return Some(done),
                Err(_) => {
                    let now = taken.load(Ordering::Relaxed);
                    if now == seen {
                        return None;
                    }
                    seen = now;
                }
            }
        }
    }

    fn timeout(&self, what: &str) -> Outcome {
        Outcome::Lost(format!(
            "timeout after {} s of waiting {what}",
            self.io_timeout.as_secs()
        ))
    }
}

fn with_lines(mut error: HttpError, retry: &Retry) -> HttpError {
    error.repetitions = retry.lines();
    error
}

fn tunnel(proxy: &Proxy, http: Counted) -> Result<Tunnel<Counted>, String> {
    let address = proxy.address.url();
    let uri: Uri = address
        .parse()
        .map_err(|error| format!("'{address}' is not a valid proxy: {error}"))?;
    let tunnel = Tunnel::new(uri, http);
    let Some((name, password)) = &proxy.login else {
        return Ok(tunnel);
    };
    let login = STANDARD.encode(format!("{name}:{}", password.expose_secret()));
    let login = HeaderValue::from_str(&format!("Basic {login}"))
        .map_err(|error| format!("the proxy's login cannot be sent: {error}"))?;
    Ok(tunnel.with_auth(login))
}
