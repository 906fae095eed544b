//! The way to one bucket: how requests name it and say who asks, and how answers are understood.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::failure::{error_of, failure, unusable};
use super::settings::GcsSettings;
use super::token::Tokens;
use crate::Result;
use crate::http::{
    Answer, Client, HttpError, Request, Retry, Service, Unsigned, Verdict, lets_everybody_in,
    percent_encode, verdict_by_status,
};
use crate::object::store::Outcome;
use crate::stop::Stop;

/// Reasons of refusals with status 403 that another try may not get.
const REPEATED: &[&str] = &[
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "backendError",
    "internalError",
];

/// Names an upload in parts; whoever knows it may write, so such requests bear no token.
pub(super) const UPLOAD_ID: &str = "upload_id";

#[derive(Debug)]
pub(super) struct GcsClient {
    client: Client,
    settings: GcsSettings,
    tokens: Tokens,
    host: String,
    bucket: String,
}

impl GcsClient {
    /// Nothing is asked any more once `stop` is.
    pub(super) fn new(settings: GcsSettings, stop: &Stop) -> Result<Self> {
        let client = Client::new(&settings.http, stop.clone())
            .map_err(|reason| unusable(&settings.http.server, reason))?;
        let tokens = Tokens::new(&settings, stop.clone())?;
        Ok(Self {
            client,
            tokens,
            host: settings.http.server.authority(),
            bucket: percent_encode(&settings.bucket, false),
            settings,
        })
    }

    pub(super) fn settings(&self) -> &GcsSettings {
        &self.settings
    }

    /// Connections made so far.
    pub(super) fn connections(&self) -> usize {
        self.client.connections()
    }

    /// A request about an object; an empty key is the list of them.
    pub(super) fn request(&self, method: &'static str, key: &str) -> Request {
        let mut path = format!("/storage/v1/b/{}/o", self.bucket);
        if !key.is_empty() {
            path.push('/');
            path.push_str(&percent_encode(key, false));
        }
        self.with_project(Request::new(method, path))
    }

    /// A request about the bucket itself.
    pub(super) fn bucket(&self, method: &'static str) -> Request {
        self.with_project(Request::new(
            method,
            format!("/storage/v1/b/{}", self.bucket),
        ))
    }

    /// A request that brings an object of that name.
    pub(super) fn upload(&self, kind: &str, key: &str) -> Request {
        let path = format!("/upload/storage/v1/b/{}/o", self.bucket);
        self.with_project(Request::new("POST", path))
            .query("uploadType", kind)
            .query("name", key)
    }

    fn with_project(&self, request: Request) -> Request {
        match &self.settings.user_project {
            Some(project) => request.query("userProject", project),
            None => request,
        }
    }

    /// Sends a request; every refusal is a failure.
    pub(super) async fn send(&self, request: &Request) -> Outcome<Answer> {
        self.try_to(request).await.map_err(|error| failure(&error))
    }

    /// Whether somebody without credentials can read an object.
    pub(super) async fn is_public(&self, key: &str) -> Outcome<bool> {
        let request = self
            .request("GET", key)
            .query("alt", "media")
            .header("range", "bytes=0-0")
            .header("host", &self.host);
        let asked = self.client.send(&Unsigned, &request).await;
        lets_everybody_in(asked).map_err(|error| failure(&error))
    }

    /// Sends a request; refusals may be looked at.
    pub(super) async fn try_to(&self, request: &Request) -> std::result::Result<Answer, HttpError> {
        self.client.send(self, request).await
    }

    /// Repetitions that an upload makes itself.
    pub(super) fn repetitions(&self) -> Retry {
        self.client.repetitions()
    }

    /// Waits before one of them; false: the run was asked to stop.
    pub(super) async fn pause(&self, wait: Duration) -> bool {
        self.client.pause(wait).await
    }

    /// Whether there is another token than the one that the request bore.
    fn renews(&self, request: &Request) -> bool {
        let header = request
            .headers
            .iter()
            .find(|(name, _)| *name == "authorization");
        header.is_some_and(|(_, token)| self.tokens.refuse(token))
    }
}

impl Service for GcsClient {
    async fn authorize(&self, request: &Request) -> std::result::Result<Request, HttpError> {
        let ready = request.clone().header("host", &self.host);
        if request.query.iter().any(|(key, _)| key == UPLOAD_ID) {
            return Ok(ready);
        }
        let now = self.settings.now.seconds();
        let token = self.tokens.token(now).await.map_err(|reason| {
            HttpError::new(request, crate::http::Outcome::NotMade(reason.into()))
        })?;
        Ok(ready.header("authorization", token.expose_secret()))
    }

    fn verdict(&self, request: &Request, answer: &Answer) -> Verdict {
        let by_status = verdict_by_status(answer.status);
        let in_parts = request.query.iter().any(|(key, _)| key == UPLOAD_ID);
        match answer.status.as_u16() {
            // There is more to come, and: the upload was given up, as was asked.
            308 | 499 if in_parts => Verdict::Good,
            401 if self.renews(request) => Verdict::Mended,
            403 => match error_of(answer) {
                Some(error) if REPEATED.contains(&error.reason.as_str()) => Verdict::Repeat,
                _ => Verdict::Failed,
            },
            _ => by_status,
        }
    }
}

impl Drop for GcsClient {
    fn drop(&mut self) {
        log::debug!("{}: {} requests", self.host, self.client.tries());
    }
}
