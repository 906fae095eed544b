//! Where keys come from.

#[cfg(test)]
mod tests;

use secrecy::{ExposeSecret, SecretString};

use crate::http::{
    Answer, Client, HttpError, NoKeys, Outcome, Renewed, Request, Temporary, Unsigned,
};
use crate::object::xml::Element;
use crate::s3::settings::{KeySource, S3Settings};
use crate::s3::sign::Keys;
use crate::stop::Stop;
use crate::{ErrorKind, NoCredentials};

/// Path of the roles of the machine.
const ROLES: &str = "/latest/meta-data/iam/security-credentials";

/// What can be done where the machine gives no keys.
const MACHINE: &str = "repo-s3-key-type=auto works on a machine of Amazon's that has a role.";

/// What can be done where the token service gives no keys.
const WEB_ID: &str = "does the role of AWS_ROLE_ARN trust the token in AWS_WEB_IDENTITY_TOKEN_FILE, and is repo-s3-sts-host right?";

/// What can be done where the agent of a pod gives no keys.
const POD_ID: &str = "is a role associated with the pod, and does its agent answer at AWS_CONTAINER_CREDENTIALS_FULL_URI?";

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
                // The option is for the bucket, as with pgBackRest: who gives keys must prove who it is.
                http.verify_tls = true;
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
    pub(super) async fn keys(&self, now: i64) -> Result<Keys, NoKeys> {
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

    async fn ask(&self) -> Result<Temporary<Keys>, NoKeys> {
        match &self.source {
            KeySource::Shared { .. } => Err("shared keys do not end".to_owned().into()),
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
                from_sts(&self.send(request, WEB_ID).await?)
            }
            KeySource::PodId {
                path, token_file, ..
            } => {
                let token = read_token(token_file)?;
                let request =
                    Request::new("GET", path).header("authorization", token.expose_secret());
                from_json(&self.send(request, POD_ID).await?.body, "Token")
            }
            KeySource::Process { command } => {
                let command = command.clone();
                let output = tokio::task::spawn_blocking(move || run(&command))
                    .await
                    .map_err(|error| NoKeys::from(error.to_string()))??;
                from_json(&output, "SessionToken")
            }
        }
    }

    async fn send(&self, request: Request, hint: &str) -> Result<Answer, NoKeys> {
        self.try_to(request)
            .await?
            .map_err(|error| no_answer(&error, hint))
    }

    async fn try_to(&self, request: Request) -> Result<Result<Answer, HttpError>, NoKeys> {
        let nobody = || NoKeys::from("there is nobody to ask".to_owned());
        let client = self.client.as_ref().ok_or_else(nobody)?;
        let request = request.header("host", &self.host);
        Ok(client.send(&Unsigned, &request).await)
    }

    /// Keys of the role that the machine has.
    async fn of_machine(&self, role: Option<&str>) -> Result<Temporary<Keys>, NoKeys> {
        let token = Request::new("PUT", "/latest/api/token")
            .header("x-aws-ec2-metadata-token-ttl-seconds", "180");
        // Old machines have no tokens, and need none.
        let token = match self.try_to(token).await? {
            Ok(answer) => Some(String::from_utf8_lossy(&answer.body).trim().to_owned()),
            Err(error) if error.answer().is_some() => None,
            Err(error) => return Err(no_answer(&error, MACHINE)),
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
                        .to_owned()
                        .into(),
                    false => no_answer(&error, MACHINE),
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
                )
                .into(),
                false => no_answer(&error, MACHINE),
            })?;
        let found = json(&answer.body)?;
        match found.get("Code").and_then(serde_json::Value::as_str) {
            Some("Success") => from_json(&answer.body, "Token"),
            code => Err(wrong(format!(
                "unable to retrieve temporary credentials: {}",
                code.unwrap_or("code field is missing")
            ))),
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
fn read_token(file: &std::path::Path) -> Result<SecretString, NoKeys> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().to_owned().into()),
        Err(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => NoCredentials::FileMissing,
                _ => NoCredentials::FileOpen,
            };
            let reason = format!(
                "unable to read token '{}': {error}\n\
                 HINT: the platform names this file in the environment of what it starts: is pgkeep started there?",
                file.display()
            );
            Err(NoKeys::new(ErrorKind::Credentials(why), reason))
        }
    }
}

/// Runs a program that prints keys; its words are not taken apart by a shell.
fn run(command: &[String]) -> Result<Vec<u8>, NoKeys> {
    let none = |why, reason: String| {
        let hint = "run the command of repo-s3-process-cmd by hand, as the user that runs this.";
        NoKeys::new(
            ErrorKind::Credentials(why),
            format!("{reason}\nHINT: {hint}"),
        )
    };
    let nothing = || none(NoCredentials::Execute, "no program is named".to_owned());
    let (program, arguments) = command.split_first().ok_or_else(nothing)?;
    let output = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| {
            let reason = format!("unable to run '{program}' for credentials: {error}");
            none(NoCredentials::Execute, reason)
        })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let code = output
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok());
    // What it printed as output may be a secret.
    let said = String::from_utf8_lossy(&output.stderr);
    Err(none(
        code.map_or(NoCredentials::Execute, NoCredentials::Exit),
        format!(
            "'{program}' gave no credentials: {}: {}",
            output.status,
            said.trim()
        ),
    ))
}

/// Who gives keys did not answer, or refused. `hint`: what the user can do then.
fn no_answer(error: &HttpError, hint: &str) -> NoKeys {
    let kind = match &error.outcome {
        Outcome::Refused(answer) => match answer.status.as_u16() {
            // Repeated for as long as there was time.
            408 | 429 | 500..=599 => ErrorKind::Busy,
            _ => ErrorKind::Identity,
        },
        Outcome::Lost(_) => ErrorKind::Connect,
        Outcome::Untrusted(_) => ErrorKind::Untrusted,
        Outcome::Cancelled => ErrorKind::Cancelled,
        Outcome::NotMade(none) => none.kind,
    };
    NoKeys::new(
        kind,
        format!("unable to get credentials: {error}\nHINT: {hint}"),
    )
}

/// An answer that holds no keys.
fn wrong(reason: impl Into<String>) -> NoKeys {
    NoKeys::new(ErrorKind::Credentials(NoCredentials::Format), reason)
}

/// A document of JSON. The parser's words could hold some of it.
fn json(body: &[u8]) -> Result<serde_json::Value, NoKeys> {
    let kind = ErrorKind::Credentials(NoCredentials::Json);
    serde_json::from_slice(body)
        .map_err(|_| NoKeys::new(kind, "the answer with credentials is no JSON"))
}

/// Keys of a document of JSON; the token's name differs.
fn from_json(body: &[u8], token: &str) -> Result<Temporary<Keys>, NoKeys> {
    let found = json(body)?;
    temporary(token, |name| found.get(name)?.as_str().map(str::to_owned))
}

/// Keys of an answer of the security token service.
fn from_sts(answer: &Answer) -> Result<Temporary<Keys>, NoKeys> {
    // The parser's words could hold some of it.
    let root =
        Element::parse(&answer.body).map_err(|_| wrong("the answer with credentials is no XML"))?;
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
) -> Result<Temporary<Keys>, NoKeys> {
    let must = |name: &str| {
        value(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| wrong(format!("the answer with credentials has no {name}")))
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
            .map_err(|_| wrong(format!("'{ends}' is no time for credentials to end")))?
            .as_second(),
    })
}
