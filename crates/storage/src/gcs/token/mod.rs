//! Where the token of requests comes from: given, of a service account, or of the machine.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::failure::unusable;
use super::jwt::ServiceKey;
use super::settings::{GcsSettings, TokenSource};
use crate::http::{
    Answer, Client, Endpoint, HttpError, Renewed, Request, Temporary, Unsigned, percent_encode,
};
use crate::stop::Stop;

/// Path of the machine's token.
const MACHINE: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// Longest life of a token that is believed.
const LONGEST: i64 = 24 * 3600;

/// Tokens of one storage: values of the header `authorization`.
#[derive(Debug)]
pub(super) struct Tokens {
    source: Source,
    renewed: Renewed<SecretString>,
}

#[derive(Debug)]
enum Source {
    Given(SecretString),
    Asked(Box<Asked>),
}

/// Who gives tokens, and for what.
#[derive(Debug)]
struct Asked {
    client: Client,
    host: String,
    path: String,
    only_reads: bool,
    /// `None`: the machine's own account.
    key: Option<ServiceKey>,
}

impl Tokens {
    pub(super) fn new(settings: &GcsSettings, stop: Stop) -> crate::Result<Self> {
        let asked = |server: Endpoint, path: String, key| {
            let mut http = settings.http.clone();
            // What is asked for in plain text is on this machine or beside it.
            http.proxy = http.proxy.filter(|_| server.tls);
            http.server = server;
            let client = Client::new(&http, stop.clone());
            crate::Result::Ok(Source::Asked(Box::new(Asked {
                host: http.server.authority(),
                client: client.map_err(|reason| unusable(&http.server, reason))?,
                path,
                only_reads: settings.only_reads,
                key,
            })))
        };
        let source = match &settings.token {
            TokenSource::Given(token) => Source::Given(token.clone()),
            TokenSource::Auto { metadata } => asked(metadata.clone(), MACHINE.to_owned(), None)?,
            TokenSource::Service { key_file } => {
                let key = ServiceKey::read(key_file)?;
                asked(key.server.clone(), key.path.clone(), Some(key))?
            }
        };
        Ok(Self {
            source,
            renewed: Renewed::default(),
        })
    }

    /// The token to send now.
    pub(super) async fn token(&self, now: i64) -> Result<SecretString, String> {
        match &self.source {
            Source::Given(token) => Ok(token.clone()),
            Source::Asked(asked) => self.renewed.get(now, asked.ask(now)).await,
        }
    }

    /// Says that the server took a token as ended; false where there is no other.
    pub(super) fn refuse(&self, token: &str) -> bool {
        let renews = matches!(self.source, Source::Asked(_));
        if renews {
            self.renewed.refuse(token);
        }
        renews
    }
}

impl Asked {
    async fn ask(&self, now: i64) -> Result<Temporary<SecretString>, String> {
        let request = match &self.key {
            None => Request::new("GET", &self.path).header("metadata-flavor", "Google"),
            Some(key) => {
                let statement = key.statement(self.only_reads, now)?;
                let grant = percent_encode("urn:ietf:params:oauth:grant-type:jwt-bearer", false);
                let body = format!("grant_type={grant}&assertion={}", statement.expose_secret());
                Request::new("POST", &self.path)
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(Bytes::from(body))
            }
        };
        let asked = self
            .client
            .send(&Unsigned, &request.header("host", &self.host))
            .await;
        let answer = asked.map_err(|error| refusal(&error, self.key.is_some()))?;
        token_of(&answer, now)
    }
}

/// Why there is no token, in the words of who gives them.
fn refusal(error: &HttpError, service: bool) -> String {
    let told = error.answer().and_then(|answer| {
        let found: Value = serde_json::from_slice(&answer.body).ok()?;
        Some(format!(
            "unable to get authentication token: [{}] {}",
            found.get("error")?.as_str()?,
            found
                .get("error_description")
                .and_then(Value::as_str)
                .unwrap_or_default()
        ))
    });
    match told {
        Some(told) if service => format!(
            "{told}\nHINT: is the key of repo-gcs-key still enabled, and the clock of this host right?"
        ),
        Some(told) => told,
        None if service => format!("unable to get authentication token: {error}"),
        None => format!(
            "unable to get authentication token: {error}\n\
             HINT: does this machine have a service account? repo-gcs-key-type=auto uses it."
        ),
    }
}

/// The token that an answer holds. What it says otherwise is not shown: it could hold the token.
fn token_of(answer: &Answer, now: i64) -> Result<Temporary<SecretString>, String> {
    let wrong = |what: &str| format!("the answer with the authentication token {what}");
    let found: Value = serde_json::from_slice(&answer.body).map_err(|_| wrong("is no JSON"))?;
    let text = |name: &str| {
        let value = found.get(name).and_then(Value::as_str);
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| wrong(&format!("has no '{name}'")))
    };
    let token = format!("{} {}", text("token_type")?, text("access_token")?);
    let lasts = found
        .get("expires_in")
        .and_then(Value::as_i64)
        .filter(|seconds| (0..=LONGEST).contains(seconds))
        .ok_or_else(|| wrong("has no 'expires_in' that makes sense"))?;
    Ok(Temporary {
        value: token.as_str().into(),
        name: token.into(),
        ends: now.saturating_add(lasts),
    })
}
