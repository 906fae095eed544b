//! Who may use the server: a token that is given, and those that a service account gets for a signed statement.

use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::error::{During, Result};
use crate::object_server::http::{Answer, Request};

/// The service account.
const ACCOUNT: &str = "tester@test-project.iam.gserviceaccount.com";

/// What tokens of the account begin with; a number follows.
const ISSUED: &str = "Bearer issued-";

#[derive(Debug)]
pub(super) struct Tokens {
    key: KeyPair,
    token_uri: String,
    /// Tokens given so far.
    pub(super) issued: usize,
    /// Of them, those that are no longer taken.
    pub(super) ended: usize,
    /// Of them, those that are good for reading alone.
    read_only: Vec<usize>,
}

impl Tokens {
    /// Makes the account's key and writes its file.
    pub(super) fn new(file: &Path, token_uri: String) -> Result<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048).during("make an RSA key")?;
        let der: Pkcs8V1Der<'_> = key.as_der().during("write an RSA key")?;
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n",
            STANDARD.encode(der.as_ref())
        );
        let text = format!(
            r#"{{"type":"service_account","project_id":"test-project","private_key_id":"key-1","private_key":"{pem}","client_email":"{ACCOUNT}","token_uri":"{token_uri}"}}"#
        );
        std::fs::write(file, text).during("write the key file")?;
        Ok(Self {
            key,
            token_uri,
            issued: 0,
            ended: 0,
            read_only: Vec::new(),
        })
    }

    /// Whether the token of a request is one of the account's.
    pub(super) fn allow(&self, request: &Request) -> bool {
        number(request).is_some_and(|number| number > self.ended && number <= self.issued)
    }

    /// Whether the token of a request is good for reading alone, and the request does more.
    pub(super) fn exceeds(&self, request: &Request) -> bool {
        request.method != "GET"
            && number(request).is_some_and(|number| self.read_only.contains(&number))
    }

    fn issue(&mut self) -> Answer {
        self.issued += 1;
        let token = format!("{ISSUED}{}", self.issued);
        let (kind, token) = token.split_once(' ').expect("it has two words");
        Answer::json(
            200,
            format!(r#"{{"access_token":"{token}","expires_in":3599,"token_type":"{kind}"}}"#),
        )
    }

    /// As the metadata server of a machine.
    pub(super) fn of_machine(&mut self, request: &Request) -> Answer {
        match request.header("metadata-flavor") {
            Some("Google") => self.issue(),
            _ => Answer::new(403),
        }
    }

    /// As Google's token endpoint: every claim is looked at, and the signature checked with the account's public key.
    pub(super) fn for_statement(&mut self, request: &Request) -> Answer {
        match self.check(request) {
            Ok(only_reads) => {
                let answer = self.issue();
                if only_reads {
                    self.read_only.push(self.issued);
                }
                answer
            }
            Err(what) => Answer::json(
                400,
                format!(r#"{{"error":"invalid_grant","error_description":"Invalid JWT: {what}"}}"#),
            ),
        }
    }

    /// Whether the statement asks for reading alone.
    fn check(&self, request: &Request) -> std::result::Result<bool, &'static str> {
        let body = String::from_utf8_lossy(&request.body);
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        let statement = body.strip_prefix(grant).ok_or("grant type")?;
        let (message, signature) = statement.rsplit_once('.').ok_or("no signature")?;
        let (header, claims) = message.split_once('.').ok_or("no claims")?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "encoding");
        let text = |part: &str| {
            let bytes = decode(part)?;
            String::from_utf8(bytes).map_err(|_| "no text")
        };
        let public = self.key.public_key().as_ref();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
            .verify(message.as_bytes(), &decode(signature)?)
            .map_err(|_| "signature")?;
        let header = text(header)?;
        if !header.contains(r#""alg":"RS256""#) {
            return Err("algorithm");
        }
        let claims = text(claims)?;
        let has = |claim: &str| claims.contains(claim);
        if !has(&format!(r#""iss":"{ACCOUNT}""#)) {
            return Err("issuer");
        }
        if !has(&format!(r#""aud":"{}""#, self.token_uri)) {
            return Err("audience");
        }
        let asks_for = |scope: &str| {
            has(&format!(
                r#""scope":"https://www.googleapis.com/auth/devstorage.{scope}""#
            ))
        };
        let only_reads = asks_for("read_only");
        if !only_reads && !asks_for("read_write") {
            return Err("scope");
        }
        let seconds = |name: &str| {
            let (_, rest) = claims.split_once(&format!(r#""{name}":"#))?;
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            rest[..end].parse::<u64>().ok()
        };
        match (seconds("iat"), seconds("exp")) {
            (Some(from), Some(to)) if to > from && to - from <= 3600 && is_now(from) => {
                Ok(only_reads)
            }
            _ => {
                Err("Token must be a short-lived token (60 minutes) and in a reasonable timeframe")
            }
        }
    }
}

/// Which of the account's tokens a request bears.
fn number(request: &Request) -> Option<usize> {
    let token = request.header("authorization").unwrap_or_default();
    token.strip_prefix(ISSUED)?.parse().ok()
}

fn is_now(seconds: u64) -> bool {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.is_ok_and(|now| now.as_secs().abs_diff(seconds) < 300)
}
