//! Tokens of the machine's managed identity: asked for at the first use, and again before they end.

use secrecy::{ExposeSecret, SecretString};

use super::settings::AzureSettings;
use crate::http::{Client, Endpoint, Outcome, Renewed, Request, Temporary, Unsigned};
use crate::stop::Stop;

/// Where the metadata service gives tokens.
const PATH: &str = "/metadata/identity/oauth2/token";

/// Longest life of a token that is believed.
const LONGEST: i64 = 7 * 24 * 3600;

/// What gives tokens for one account.
#[derive(Debug)]
pub(super) struct Identity {
    client: Client,
    host: String,
    /// What the tokens are good for.
    resource: String,
    renewed: Renewed<SecretString>,
}

impl Identity {
    /// Tokens for the service at `host`.
    pub(super) fn new(
        settings: &AzureSettings,
        metadata: &Endpoint,
        host: &str,
        stop: Stop,
    ) -> Result<Self, String> {
        let mut http = settings.http.clone();
        http.server = metadata.clone();
        // What is asked for in plain text is on this machine or beside it.
        http.proxy = http.proxy.filter(|_| metadata.tls);
        Ok(Self {
            client: Client::new(&http, stop)?,
            host: metadata.host.clone(),
            resource: format!("https://{host}"),
            renewed: Renewed::default(),
        })
    }

    /// The token of now.
    pub(super) async fn token(&self, now: i64) -> Result<SecretString, String> {
        self.renewed.get(now, self.ask(now)).await
    }

    /// Says that the service took a token as ended.
    pub(super) fn refuse(&self, token: &str) {
        self.renewed.refuse(token);
    }

    async fn ask(&self, now: i64) -> Result<Temporary<SecretString>, String> {
        let request = Request::new("GET", PATH)
            .query("api-version", "2018-02-01")
            .query("resource", &self.resource)
            .header("metadata", "true")
            .header("host", &self.host);
        let answer = self
            .client
            .send(&Unsigned, &request)
            .await
            .map_err(|error| match &error.outcome {
                Outcome::Refused(_) | Outcome::Lost(_) => format!(
                    "unable to get a token: {error}\n\
                     HINT: repo-azure-key-type=auto works on a machine in Azure that has a managed identity."
                ),
                _ => format!("unable to get a token: {error}"),
            })?;
        read(&answer.body, now)
    }
}

/// The token of an answer, nothing of which may be shown.
fn read(body: &[u8], now: i64) -> Result<Temporary<SecretString>, String> {
    let found: serde_json::Value = serde_json::from_slice(body)
        .map_err(|_| "the answer with a token is no JSON".to_owned())?;
    let token = found
        .get("access_token")
        .and_then(serde_json::Value::as_str)
        .filter(|token| !token.is_empty())
        .ok_or("the answer with a token has no access_token")?;
    let life = found
        .get("expires_in")
        .ok_or("the answer with a token has no expires_in")?;
    // A number, or one as text.
    let life = life
        .as_i64()
        .or_else(|| life.as_str()?.parse().ok())
        .ok_or("the answer with a token says not how long it lasts")?;
    let token = SecretString::from(token);
    Ok(Temporary {
        name: token.expose_secret().into(),
        value: token,
        ends: now + life.clamp(0, LONGEST),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::Access;
    use crate::http::Now;
    use crate::http::scripted::{Reply, Scripted};

    const NOW: i64 = 1_795_903_200;

    fn identity(server: &Scripted) -> Identity {
        let metadata = server.settings().server;
        let access = Access::Auto {
            metadata: metadata.clone(),
        };
        let endpoint = Endpoint::parse("http://blob.example.org").unwrap();
        let mut settings = AzureSettings::new("acct", "c", endpoint, access, Now::new(|| NOW));
        settings.http = server.settings();
        Identity::new(
            &settings,
            &metadata,
            "acct.blob.example.org",
            Stop::default(),
        )
        .unwrap()
    }

    fn token(identity: &Identity, now: i64) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let token = runtime.block_on(identity.token(now))?;
        Ok(token.expose_secret().to_owned())
    }

    #[test]
    fn a_token_is_renewed_before_it_ends_and_when_it_was_refused() {
        let server = Scripted::start([
            Reply::ok(r#"{"access_token":"token-1","expires_in":"3600"}"#),
            Reply::ok(r#"{"access_token":"token-2","expires_in":3600}"#),
            Reply::ok(r#"{"access_token":"token-3","expires_in":3600}"#),
        ]);
        let identity = identity(&server);
        assert_eq!(token(&identity, NOW).unwrap(), "token-1");
        assert_eq!(token(&identity, NOW + 3299).unwrap(), "token-1");
        assert_eq!(token(&identity, NOW + 3300).unwrap(), "token-2");
        identity.refuse("token-2");
        assert_eq!(token(&identity, NOW + 3301).unwrap(), "token-3");
        let asked = server.asked();
        assert_eq!(asked.len(), 3);
        assert!(
            asked[0].starts_with(
                "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Facct.blob.example.org HTTP/1.1\r\n"
            ),
            "{}",
            asked[0]
        );
        assert!(asked[0].contains("metadata: true\r\n"), "{}", asked[0]);
        assert!(!format!("{identity:?}").contains("token-"));
    }

    #[test]
    fn a_machine_without_identity_is_told_with_a_hint() {
        let body = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
        let server = Scripted::start([Reply::status("400 Bad Request", body)]);
        let error = token(&identity(&server), NOW).unwrap_err();
        assert!(error.contains("Identity not found"), "{error}");
        assert!(error.contains("\nHINT: repo-azure-key-type=auto works on"));
    }

    #[test]
    fn an_answer_without_sense_is_an_error_that_shows_nothing_of_it() {
        for body in [
            "secret",
            r#"{"access_token":"secret"}"#,
            r#"{"access_token":"secret","expires_in":"soon"}"#,
            r#"{"access_token":"","expires_in":1}"#,
        ] {
            let error = read(body.as_bytes(), NOW).unwrap_err();
            assert!(error.starts_with("the answer with a token"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let long = br#"{"access_token":"t","expires_in":9223372036854775807}"#;
        assert_eq!(read(long, NOW).unwrap().ends, NOW + LONGEST);
    }
}
