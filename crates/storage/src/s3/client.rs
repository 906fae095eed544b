//! The way to one bucket: how requests name it, are signed, and how answers are understood.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use super::credentials::Credentials;
use super::failure::{error_of, failure};
use super::lock_header::with_lock;
use super::settings::{S3Settings, UriStyle};
use super::sign::{DATE, Scope, sha256, sign, signed_seconds};
use crate::http::{
    Answer, Client, HttpError, Request, ServerClock, Service, Unsigned, Verdict, lets_everybody_in,
    percent_encode, verdict_by_status,
};
use crate::object::store::Outcome;
use crate::stop::Stop;
use crate::{Error, ErrorKind, Operation, Result};

/// Codes of refusals that another try may not get: the body was damaged on its way, or two requests were in each other's way.
const REPEATED: &[&str] = &[
    "BadDigest",
    "ConditionalRequestConflict",
    "IncompleteBody",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "XAmzContentSHA256Mismatch",
];

/// Hashes of a body that the server compares: the signed one, and one that servers check that do not look at signatures.
#[derive(Debug, Clone)]
pub(super) struct Hashes {
    pub(super) sha256: String,
    pub(super) md5: String,
}

impl Hashes {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            sha256: sha256(bytes),
            md5: STANDARD.encode(*md5::compute(bytes)),
        }
    }
}

/// What a request has to do with how objects are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The bucket, or an object's name only.
    Bucket,
    /// Content of an object that is there.
    Content,
    /// A new object, or the beginning of an upload.
    New,
}

#[derive(Debug)]
pub(super) struct S3Client {
    client: Client,
    settings: S3Settings,
    credentials: Credentials,
    host: String,
    /// Before every key in paths.
    base: String,
    /// Key in base64, and the MD5 of it.
    customer_key: Option<(SecretString, SecretString)>,
    clock: ServerClock,
}

impl S3Client {
    /// Nothing is asked any more once `stop` is.
    pub(super) fn new(settings: S3Settings, stop: &Stop) -> Result<Self> {
        let wrong = |reason: String| {
            Error::new(
                ErrorKind::Unsupported,
                Operation::Connect,
                settings.http.server.url(),
                reason,
            )
        };
        let customer_key = match &settings.customer_key {
            None => None,
            Some(key) => {
                let bytes = STANDARD
                    .decode(key.expose_secret())
                    .ok()
                    .filter(|bytes| bytes.len() == 32)
                    .ok_or_else(|| {
                        wrong("repo-s3-sse-customer-key must be 32 bytes in base64".to_owned())
                    })?;
                let md5 = STANDARD.encode(*md5::compute(bytes));
                Some((key.clone(), SecretString::from(md5)))
            }
        };
        let untrusted = |reason| {
            let mut error = wrong(reason);
            error.kind = ErrorKind::Untrusted;
            error
        };
        let client = Client::new(&settings.http, stop.clone()).map_err(untrusted)?;
        let credentials = Credentials::new(&settings, stop.clone()).map_err(untrusted)?;
        let clock = ServerClock::new(settings.now.clone());
        let (host, base) = match settings.uri_style {
            UriStyle::Host => (
                format!("{}.{}", settings.bucket, settings.endpoint.host),
                "/".to_owned(),
            ),
            UriStyle::Path => (
                settings.endpoint.host.clone(),
                format!("/{}/", percent_encode(&settings.bucket, false)),
            ),
        };
        Ok(Self {
            client,
            settings,
            credentials,
            host,
            base,
            customer_key,
            clock,
        })
    }

    pub(super) fn settings(&self) -> &S3Settings {
        &self.settings
    }

    /// Connections made so far.
    pub(super) fn connections(&self) -> usize {
        self.client.connections()
    }

    /// The server's time in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.clock.seconds()
    }

    /// A request about a key; an empty one is the bucket itself.
    pub(super) fn request(&self, method: &'static str, key: &str, about: About) -> Request {
        let path = if key.is_empty() && self.base != "/" {
            self.base.trim_end_matches('/').to_owned()
        } else {
            format!("{}{}", self.base, percent_encode(key, true))
        };
        let mut request = Request::new(method, path);
        if self.settings.requester_pays {
            request = request.header("x-amz-request-payer", "requester");
        }
        if about != About::Bucket
            && let Some((key, md5)) = &self.customer_key
        {
            request = request
                .header("x-amz-server-side-encryption-customer-algorithm", "AES256")
                .header(
                    "x-amz-server-side-encryption-customer-key",
                    key.expose_secret(),
                )
                .header(
                    "x-amz-server-side-encryption-customer-key-md5",
                    md5.expose_secret(),
                );
        }
        if about == About::New {
            if let Some(lock) = self.settings.objects.lock {
                request = with_lock(request, lock, self.now());
            }
            if let Some(key) = &self.settings.kms_key_id {
                request = request
                    .header("x-amz-server-side-encryption", "aws:kms")
                    .header("x-amz-server-side-encryption-aws-kms-key-id", key);
            }
            if !self.settings.tags.is_empty() {
                let tags: Vec<String> = self
                    .settings
                    .tags
                    .iter()
                    .map(|(key, value)| {
                        format!(
                            "{}={}",
                            percent_encode(key, false),
                            percent_encode(value, false)
                        )
                    })
                    .collect();
                request = request.header("x-amz-tagging", tags.join("&"));
            }
        }
        request
    }

    /// Sends a request; every refusal is a failure.
    pub(super) async fn send(&self, request: &Request) -> Outcome<Answer> {
        self.try_to(request).await.map_err(|error| failure(&error))
    }

    /// Whether somebody without credentials can read an object.
    pub(super) async fn is_public(&self, key: &str) -> Outcome<bool> {
        let request = self
            .request("GET", key, About::Bucket)
            .header("range", "bytes=0-0")
            .header("host", &self.host);
        let asked = self.client.send(&Unsigned, &request).await;
        lets_everybody_in(asked).map_err(|error| failure(&error))
    }

    /// Sends a request; refusals may be looked at.
    pub(super) async fn try_to(&self, request: &Request) -> std::result::Result<Answer, HttpError> {
        self.client.send(self, request).await
    }

    /// Whether there are other keys than those that the request was signed with.
    fn renews(&self, request: &Request) -> bool {
        let header = request
            .headers
            .iter()
            .find(|(name, _)| *name == "authorization");
        let key = header
            .and_then(|(_, value)| value.split_once("Credential="))
            .and_then(|(_, rest)| rest.split_once('/'));
        key.is_some_and(|(key, _)| self.credentials.refuse(key))
    }

    /// Whether the request was refused for its time, which is right from now on.
    fn learns_time(&self, request: &Request, answer: &Answer) -> bool {
        let header = request.headers.iter().find(|(name, _)| *name == DATE);
        let signed = header.and_then(|(_, value)| signed_seconds(value));
        self.clock.learns(signed, answer)
    }
}

/// Adds a body with its hashes.
pub(super) fn with_body(request: Request, body: Bytes, hashes: &Hashes) -> Request {
    request
        .header("content-md5", &hashes.md5)
        .header("x-amz-content-sha256", &hashes.sha256)
        .body(body)
}

impl Service for S3Client {
    async fn authorize(&self, request: &Request) -> std::result::Result<Request, HttpError> {
        let now = self.settings.now.seconds();
        let keys = self
            .credentials
            .keys(now)
            .await
            .map_err(|reason| HttpError::new(request, crate::http::Outcome::NotMade(reason)))?;
        let scope = Scope {
            region: self.settings.region.clone(),
            service: self.settings.service.clone(),
        };
        Ok(sign(
            request,
            &self.host,
            &keys,
            &scope,
            self.clock.seconds(),
        ))
    }

    fn verdict(&self, request: &Request, answer: &Answer) -> Verdict {
        let by_status = verdict_by_status(answer.status);
        match (by_status, answer.status.as_u16()) {
            // These answer before they are done, so that an error may come after a good status.
            (Verdict::Good, _) if request.method == "POST" => match error_of(answer) {
                None => Verdict::Good,
                Some((code, _)) if REPEATED.contains(&code.as_str()) => Verdict::Repeat,
                Some(_) => Verdict::Failed,
            },
            (Verdict::Failed, 403) if self.learns_time(request, answer) => Verdict::Mended,
            (Verdict::Failed, 400 | 403 | 409) => match error_of(answer) {
                Some((code, _)) if code == "ExpiredToken" && self.renews(request) => {
                    Verdict::Mended
                }
                Some((code, _)) if REPEATED.contains(&code.as_str()) => Verdict::Repeat,
                _ => Verdict::Failed,
            },
            _ => by_status,
        }
    }
}

impl Drop for S3Client {
    fn drop(&mut self) {
        log::debug!("{}: {} requests", self.host, self.client.tries());
    }
}
