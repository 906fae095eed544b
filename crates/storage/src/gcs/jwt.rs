//! The key of a service account, and the statement signed with it for which Google gives a token (RFC 7523).

use std::fmt;
use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::http::Endpoint;
use crate::{Error, ErrorKind, Operation};

/// What tokens are good for: reading, writing and removing objects.
const READ_WRITE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

/// Or reading them alone.
const READ_ONLY: &str = "https://www.googleapis.com/auth/devstorage.read_only";

/// Seconds that a statement is good for, the longest that Google takes.
const LASTS: i64 = 3600;

/// Whether a file is the key of a service account. One that cannot be read is told when the storage is opened.
///
/// # Errors
/// What is wrong with its content, in words that go on behind the file's name and hold nothing of it.
pub fn check_key_file(file: &Path) -> Result<(), String> {
    match text_of(file) {
        Ok(text) => ServiceKey::parse(text.expose_secret()).map(drop),
        Err(_) => Ok(()),
    }
}

#[allow(clippy::disallowed_methods)] // the file is of this machine, whatever storage it is for
fn text_of(file: &Path) -> std::io::Result<SecretString> {
    std::fs::read_to_string(file).map(SecretString::from)
}

/// What the file of a service account's key says.
pub(super) struct ServiceKey {
    email: String,
    /// Name of the key, where the account has several.
    key_id: Option<String>,
    private_key: KeyPair,
    token_uri: String,
    /// Where the token is asked for, taken apart: what is connected to, and what is asked for there.
    pub(super) server: Endpoint,
    pub(super) path: String,
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceKey({})", self.email)
    }
}

impl ServiceKey {
    /// Reads the file; the error never holds anything of its content but names.
    ///
    /// # Errors
    /// A file that cannot be read, or that is no key of a service account.
    pub(super) fn read(file: &Path) -> crate::Result<Self> {
        let shown = file.display().to_string();
        let hint = "repo-gcs-key names the key file of a service account, unless repo-gcs-key-type says otherwise.";
        let text = text_of(file).map_err(|error| {
            Error::from_io(Operation::OpenRead, shown.clone(), &error).with_hint(hint)
        })?;
        Self::parse(text.expose_secret()).map_err(|what| {
            Error::new(ErrorKind::Broken, Operation::Read, shown, what).with_hint(hint)
        })
    }

    /// The words of the error go on behind the file's name.
    fn parse(text: &str) -> Result<Self, String> {
        // The parser's words could hold some of it.
        let found: Value = serde_json::from_str(text).map_err(|_| "it is no JSON".to_owned())?;
        let value = |name: &str| found.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(kind) = value("type")
            && kind != "service_account"
        {
            return Err(format!(
                "it holds credentials of type '{kind}' in place of a service account's key"
            ));
        }
        let must = |name: &str| value(name).ok_or_else(|| format!("it has no '{name}'"));
        let pem = SecretString::from(must("private_key")?);
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| "it has a 'private_key' that is none".to_owned())?;
        let private_key = KeyPair::from_pkcs8(der.secret_pkcs8_der())
            .map_err(|reason| format!("it has a 'private_key' that cannot be used: {reason}"))?;
        let token_uri = must("token_uri")?;
        let (scheme, rest) = token_uri.split_once("://").unwrap_or(("https", &token_uri));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let server = Endpoint::parse(&format!("{scheme}://{host}"))
            .map_err(|reason| format!("it has a 'token_uri' that is none: {reason}"))?;
        Ok(Self {
            email: must("client_email")?,
            key_id: value("private_key_id"),
            private_key,
            server,
            path: format!("/{path}"),
            token_uri,
        })
    }

    /// The statement that we are that account, good from `now` (seconds since 1970) on.
    pub(super) fn statement(&self, only_reads: bool, now: i64) -> Result<SecretString, String> {
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(id) = &self.key_id {
            header["kid"] = json!(id);
        }
        let claims = json!({
            "iss": self.email,
            "scope": if only_reads { READ_ONLY } else { READ_WRITE },
            "aud": self.token_uri,
            "iat": now,
            "exp": now.saturating_add(LASTS),
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.private_key.public_modulus_len()];
        self.private_key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "the statement for a token could not be signed".to_owned())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}
