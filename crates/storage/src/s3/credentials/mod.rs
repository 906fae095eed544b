//! Where keys come from.

#[cfg(test)]
mod tests;

use secrecy::{ExposeSecret, SecretString};

use crate::http::{Answer, Client, HttpError, Renewed, Request, Temporary, Unsigned};
use crate::object::xml::Element;
use crate::s3::settings::{KeySource, S3Settings};
use crate::s3::sign::Keys;
use crate::stop::Stop;

/// Path of the roles of the machine.
const ROLES: &str = "/latest/meta-data/iam/security-credentials";

/// Keys of one storage.
#[derive(Debug)]
pub(super) struct Credentials {
    source: KeySource,
    /// To whom temporary keys are asked for.
    client: Option<Client>,
    host: String,
    renewed: Renewed<Keys>,
}

impl Credentials {
    pub(super) fn new(settings: &S3Settings, stop: Stop) -> Result<Self, String> {
        let server = match &settings.keys {
            KeySource::Auto { metadata, .. } => Some(metadata),
            KeySource::WebId { sts, .. } => Some(sts),
            KeySource::PodId { server, .. } => Some(server),
            KeySource::Shared { .. } | KeySource::Process { .. } => None,
        };
        let client = match server {
            None => None,
            Some(server) => {
                let mut http = settings.http.clone();
                http.server = server.clone();
                // What is asked for in plain text is on this machine or beside it.
                http.proxy = http.proxy.filter(|_| server.tls);
                Some(Client::new(&http, stop)?)
            }
        };
        Ok(Self {
            source: settings.keys.clone(),
            client,
            host: server.map(|server| server.host.clone()).unwrap_or_default(),
            renewed: Renewed::default(),
        })
    }

    /// Keys to sign with now.
    pub(super) async fn keys(&self, now: i64) -> Result<Keys, String> {
        if let KeySource::Shared { key, secret, token } = &self.source {
            return Ok(Keys {
                key: key.clone(),
                secret: secret.clone(),
                token: token.clone(),
            });
        }
        self.renewed.get(now, self.ask()).await
    }

    /// Says that the server took the keys of that name as ended; false where there are no others.
    pub(super) fn refuse(&self, key: &str) -> bool {
        if matches!(self.source, KeySource::Shared { .. }) {
            return false;
        }
        self.renewed.refuse(key);
        true
    }

    async fn ask(&self) -> Result<Temporary<Keys>, String> {
        match &self.source {
            KeySource::Shared { .. } => Err("shared keys do not end".to_owned()),
            KeySource::Auto { role, .. } => self.of_machine(role.as_deref()).await,
            KeySource::WebId {
                role, token_file, ..
            } => {
                let token = read_token(token_file)?;
                let request = Request::new("GET", "/")
                    .query("Action", "AssumeRoleWithWebIdentity")
                    .query("RoleArn", role)
                    .query("RoleSessionName", "pgBackRest")
                    .query("Version", "2011-06-15")
                    .query("WebIdentityToken", token.expose_secret());
                from_sts(&self.send(request).await?)
            }
            KeySource::PodId {
                path, token_file, ..
            } => {
                let token = read_token(token_file)?;
                let request =
                    Request::new("GET", path).header("authorization", token.expose_secret());
                from_json(&self.send(request).await?.body, "Token")
            }
            KeySource::Process { command } => {
                let command = command.clone();
                let output = tokio::task::spawn_blocking(move || run(&command))
                    .await
                    .map_err(|error| error.to_string())??;
                from_json(&output, "SessionToken")
            }
        }
    }

    async fn send(&self, request: Request) -> Result<Answer, String> {
        self.try_to(request)
            .await?
            .map_err(|error| format!("unable to get credentials: {error}"))
    }

    async fn try_to(&self, request: Request) -> Result<Result<Answer, HttpError>, String> {
        let client = self.client.as_ref().ok_or("there is nobody to ask")?;
        let request = request.header("host", &self.host);
        Ok(client.send(&Unsigned, &request).await)
    }

    /// Keys of the role that the machine has.
    async fn of_machine(&self, role: Option<&str>) -> Result<Temporary<Keys>, String> {
        let token = Request::new("PUT", "/latest/api/token")
            .header("x-aws-ec2-metadata-token-ttl-seconds", "180");
        // Old machines have no tokens, and need none.
        let token = match self.try_to(token).await? {
            Ok(answer) => Some(String::from_utf8_lossy(&answer.body).trim().to_owned()),
            Err(error) if error.answer().is_some() => None,
            Err(error) => return Err(format!("unable to get credentials: {error}")),
        };
        let with_token = |request: Request| match &token {
            Some(token) => request.header("x-aws-ec2-metadata-token", token),
            None => request,
        };
        let role = match role {
            Some(role) => role.to_owned(),
            None => {
                let answer = self.try_to(with_token(Request::new("GET", ROLES))).await?;
                let answer = answer.map_err(|error| match is_missing(&error) {
                    true => "role to retrieve temporary credentials not found\n\
                        HINT: is a valid IAM role associated with this instance?"
                        .to_owned(),
                    false => format!("unable to get credentials: {error}"),
                })?;
                let roles = String::from_utf8_lossy(&answer.body).into_owned();
                roles.lines().next().unwrap_or_default().trim().to_owned()
            }
        };
        let request = with_token(Request::new("GET", format!("{ROLES}/{role}")));
        let answer = self
            .try_to(request)
            .await?
            .map_err(|error| match is_missing(&error) {
                true => format!(
                    "role '{role}' not found\n\
                    HINT: is '{role}' a valid IAM role associated with this instance?"
                ),
                false => format!("unable to get credentials: {error}"),
            })?;
        let found: serde_json::Value = serde_json::from_slice(&answer.body)
            .map_err(|_| "the answer with credentials is no JSON".to_owned())?;
        match found.get("Code").and_then(serde_json::Value::as_str) {
            Some("Success") => from_json(&answer.body, "Token"),
            code => Err(format!(
                "unable to retrieve temporary credentials: {}",
                code.unwrap_or("code field is missing")
            )),
        }
    }
}

fn is_missing(error: &HttpError) -> bool {
    error
        .answer()
        .is_some_and(|answer| answer.status.as_u16() == 404)
}

/// A token is read each time: who gives it replaces the file.
#[allow(clippy::disallowed_methods)] // the file is of this machine, whatever storage it is for
fn read_token(file: &std::path::Path) -> Result<SecretString, String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().to_owned().into()),
        Err(error) => Err(format!(
            "unable to read token '{}': {error}",
            file.display()
        )),
    }
}

/// Runs a program that prints keys; its words are not taken apart by a shell.
fn run(command: &[String]) -> Result<Vec<u8>, String> {
    let (program, arguments) = command.split_first().ok_or("no program is named")?;
    let output = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("unable to run '{program}' for credentials: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    // What it printed as output may be a secret.
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "'{program}' gave no credentials: {}: {}",
        output.status,
        said.trim()
    ))
}

/// Keys of a document of JSON; the token's name differs.
fn from_json(body: &[u8], token: &str) -> Result<Temporary<Keys>, String> {
    let found: serde_json::Value = serde_json::from_slice(body)
        .map_err(|_| "the answer with credentials is no JSON".to_owned())?;
    temporary(token, |name| found.get(name)?.as_str().map(str::to_owned))
}

/// Keys of an answer of the security token service.
fn from_sts(answer: &Answer) -> Result<Temporary<Keys>, String> {
    // The parser's words could hold some of it.
    let root = Element::parse(&answer.body)
        .map_err(|_| "the answer with credentials is no XML".to_owned())?;
    let keys = root
        .child("AssumeRoleWithWebIdentityResult")
        .and_then(|result| result.child("Credentials"));
    temporary("SessionToken", |name| {
        Some(keys?.child(name)?.text.trim().to_owned())
    })
}

fn temporary(
    token: &str,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Temporary<Keys>, String> {
    let must = |name: &str| {
        value(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| format!("the answer with credentials has no {name}"))
    };
    let ends = must("Expiration")?;
    let key = must("AccessKeyId")?;
    Ok(Temporary {
        name: key.as_str().into(),
        value: Keys {
            key: key.into(),
            secret: must("SecretAccessKey")?.into(),
            token: Some(must(token)?.into()),
        },
        ends: ends
            .parse::<jiff::Timestamp>()
            .map_err(|_| format!("'{ends}' is no time for credentials to end"))?
            .as_second(),
    })
}
