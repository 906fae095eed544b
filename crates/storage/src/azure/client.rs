//! The way to one container: how requests name it, are authorized, and how answers are understood.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use super::failure::{code_of, failure};
use super::lock_header::with_lock;
use super::secrets::{key_bytes, signature_query};
use super::settings::{Access, AzureSettings, UriStyle};
use super::sign::{DATE, authorization, date, signed_seconds};
use super::token::Identity;
use crate::http::{
    Answer, Client, HttpError, Request, ServerClock, Service, Unsigned, Verdict, lets_everybody_in,
    percent_encode, verdict_by_status,
};
use crate::object::store::{Failure, Outcome};
use crate::stop::Stop;
use crate::{Error, ErrorKind, Operation, Result};

/// The version of the protocol, the one that pgBackRest speaks.
const VERSION: &str = "2024-08-04";

/// Codes of refusals that another try may not get: the body was damaged on its way.
const REPEATED: &[&str] = &["Md5Mismatch", "Crc64Mismatch", "OperationTimedOut"];

/// What requests are authorized with, made ready.
#[derive(Debug)]
enum Authority {
    Shared(Box<hmac::Key>),
    /// Keys and values of the query.
    Sas(Vec<(String, SecretString)>),
    Auto(Box<Identity>),
}

#[derive(Debug)]
pub(super) struct AzureClient {
    client: Client,
    settings: AzureSettings,
    authority: Authority,
    host: String,
    /// Path of the container.
    container: String,
    clock: ServerClock,
    /// Names requests in the server's log, with a number for each.
    name: String,
    number: AtomicU64,
}

impl AzureClient {
    /// Nothing is asked any more once `stop` is.
    pub(super) fn new(settings: AzureSettings, stop: &Stop) -> Result<Self> {
        let wrong = |reason: String| {
            let server = settings.http.server.url();
            Error::new(ErrorKind::Unsupported, Operation::Connect, server, reason)
        };
        let (host, container) = match settings.uri_style {
            UriStyle::Host => (
                format!("{}.{}", settings.account, settings.endpoint.host),
                format!("/{}", percent_encode(&settings.container, false)),
            ),
            UriStyle::Path => (
                settings.endpoint.host.clone(),
                format!(
                    "/{}/{}",
                    percent_encode(&settings.account, false),
                    percent_encode(&settings.container, false)
                ),
            ),
        };
        let authority = match &settings.access {
            Access::Shared(key) => {
                let key = key_bytes(key).map_err(wrong)?;
                Authority::Shared(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &key)))
            }
            Access::Sas(signature) => Authority::Sas(signature_query(signature).map_err(wrong)?),
            Access::Auto { metadata } => {
                let identity = Identity::new(&settings, metadata, &host, stop.clone());
                Authority::Auto(Box::new(identity.map_err(wrong)?))
            }
        };
        let client = Client::new(&settings.http, stop.clone()).map_err(|reason| {
            let mut error = wrong(reason);
            error.kind = ErrorKind::Untrusted;
            error
        })?;
        Ok(Self {
            client,
            authority,
            host,
            container,
            clock: ServerClock::new(settings.now.clone()),
            name: random_name(),
            number: AtomicU64::new(0),
            settings,
        })
    }

    pub(super) fn settings(&self) -> &AzureSettings {
        &self.settings
    }

    /// Connections made so far.
    pub(super) fn connections(&self) -> usize {
        self.client.connections()
    }

    /// A request about a blob; without a key about the container.
    pub(super) fn request(&self, method: &'static str, key: &str) -> Request {
        if key.is_empty() {
            return Request::new(method, self.container.clone()).query("restype", "container");
        }
        let key = percent_encode(key, true);
        Request::new(method, format!("{}/{key}", self.container))
    }

    /// The server's time in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.clock.seconds()
    }

    /// A request that makes a blob, with the tags and the lock that all have.
    pub(super) fn for_new(&self, mut request: Request) -> Request {
        if let Some(lock) = self.settings.objects.lock {
            request = with_lock(request, lock, self.now());
        }
        if self.settings.tags.is_empty() {
            return request;
        }
        let encoded = self.settings.tags.iter().map(|(key, value)| {
            let (key, value) = (percent_encode(key, false), percent_encode(value, false));
            format!("{key}={value}")
        });
        request.header("x-ms-tags", encoded.collect::<Vec<_>>().join("&"))
    }

    /// Sends a request; every refusal is a failure.
    pub(super) async fn send(&self, request: &Request) -> Outcome<Answer> {
        self.try_to(request)
            .await
            .map_err(|error| failure(&error, &self.settings.access))
    }

    /// Why a blob was not made.
    pub(super) fn not_made(&self, error: &HttpError) -> Failure {
        let mut failure = failure(error, &self.settings.access);
        // The service refuses a lock that it does not give in several ways.
        let odd = error.answer().is_some() && failure.kind == ErrorKind::Broken;
        if odd && self.settings.objects.lock.is_some() && failure.hints.is_empty() {
            failure.hints.push(
                "repo-storage-lock needs a container with support for version-level immutability: use such a \
                 container, or remove the option."
                    .to_owned(),
            );
        }
        failure
    }

    /// Whether somebody without credentials can read an object.
    pub(super) async fn is_public(&self, key: &str) -> Outcome<bool> {
        let request = self
            .request("GET", key)
            .header("range", "bytes=0-0")
            .header("host", &self.host)
            .header("x-ms-version", VERSION);
        let asked = self.client.send(&Unsigned, &request).await;
        lets_everybody_in(asked).map_err(|error| failure(&error, &self.settings.access))
    }

    /// Sends a request; refusals may be looked at.
    pub(super) async fn try_to(&self, request: &Request) -> std::result::Result<Answer, HttpError> {
        self.client.send(self, request).await
    }

    /// The request with what it is authorized with. One inside a batch has the batch's version and name.
    pub(super) async fn authorized(
        &self,
        request: &Request,
        inside: bool,
    ) -> std::result::Result<Request, String> {
        let mut ready = request.clone();
        if !inside {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            ready = ready
                .header("host", &self.host)
                .header("x-ms-version", VERSION)
                .header("x-ms-client-request-id", format!("{}-{number}", self.name));
        }
        match &self.authority {
            Authority::Shared(key) => {
                ready = ready.header(DATE, date(self.clock.seconds()));
                let value = authorization(&ready, &self.settings.account, key);
                Ok(ready.header("authorization", value))
            }
            Authority::Sas(query) => {
                for (key, value) in query {
                    ready = ready.query(key, value.expose_secret());
                }
                Ok(ready)
            }
            Authority::Auto(identity) => {
                let token = identity.token(self.settings.now.seconds()).await?;
                let value = format!("Bearer {}", token.expose_secret());
                Ok(ready.header("authorization", value))
            }
        }
    }

    /// Whether there is another token than the one that was sent.
    fn renews(&self, request: &Request) -> bool {
        let mut headers = request.headers.iter();
        let sent = headers
            .find(|(name, _)| *name == "authorization")
            .and_then(|(_, value)| value.strip_prefix("Bearer "));
        match (&self.authority, sent) {
            (Authority::Auto(identity), Some(token)) => {
                identity.refuse(token);
                true
            }
            _ => false,
        }
    }
}

/// MD5 of a body, which the server compares.
pub(super) fn md5(bytes: &[u8]) -> String {
    STANDARD.encode(*md5::compute(bytes))
}

/// Adds a body with its hash.
pub(super) fn with_body(request: Request, body: Bytes, md5: &str) -> Request {
    request.header("content-md5", md5).body(body)
}

/// A name that nobody else has.
pub(super) fn random_name() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Service for AzureClient {
    async fn authorize(&self, request: &Request) -> std::result::Result<Request, HttpError> {
        self.authorized(request, false)
            .await
            .map_err(|reason| HttpError::new(request, crate::http::Outcome::NotMade(reason.into())))
    }

    fn verdict(&self, request: &Request, answer: &Answer) -> Verdict {
        let by_status = verdict_by_status(answer.status);
        match (by_status, answer.status.as_u16()) {
            (Verdict::Failed, 403) if self.clock.learns(signed_seconds(request), answer) => {
                Verdict::Mended
            }
            (Verdict::Failed, 401) if self.renews(request) => Verdict::Mended,
            (Verdict::Failed, _) if REPEATED.contains(&code_of(answer).as_str()) => Verdict::Repeat,
            _ => by_status,
        }
    }
}

impl Drop for AzureClient {
    fn drop(&mut self) {
        log::debug!("{}: {} requests", self.host, self.client.tries());
    }
}
