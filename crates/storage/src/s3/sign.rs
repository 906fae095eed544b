//! Signature version 4: what proves that a request comes from who has the secret, and that nothing in it was changed.
//!
//! Every header is signed but those that the connection adds. Paths and queries are signed as they are sent.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::http::Request;

/// Who signs.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) key: SecretString,
    pub(super) secret: SecretString,
    pub(super) token: Option<SecretString>,
}

/// What signatures are good for.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) region: String,
    pub(super) service: String,
}

/// Header with the time of the signature.
pub(super) const DATE: &str = "x-amz-date";

/// Seconds since 1970 of that header.
pub(super) fn signed_seconds(value: &str) -> Option<i64> {
    value.parse().ok().map(Timestamp::as_second)
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// The request with its date, hash, token and signature. `now` is in seconds since 1970.
pub(super) fn sign(request: &Request, host: &str, keys: &Keys, scope: &Scope, now: i64) -> Request {
    let mut signed = request.clone();
    let time = Timestamp::from_second(now).unwrap_or_default();
    let date_time = time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = &date_time[..8];
    signed.headers.push(("host", host.to_owned()));
    signed.headers.push((DATE, date_time.clone()));
    if let Some(token) = &keys.token {
        let token = token.expose_secret().to_owned();
        signed.headers.push(("x-amz-security-token", token));
    }
    let known = |name: &str| {
        let header = request.headers.iter().find(|(own, _)| *own == name);
        header.map(|(_, value)| value.clone())
    };
    let body = known("x-amz-content-sha256").unwrap_or_else(|| {
        let hash = sha256(&request.body);
        signed.headers.push(("x-amz-content-sha256", hash.clone()));
        hash
    });
    signed.headers.sort();
    let names: Vec<&str> = signed.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let headers: String = signed
        .headers
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{names}\n{body}",
        signed.method,
        signed.path,
        signed.encoded_query()
    );
    let place = format!("{date}/{}/{}/aws4_request", scope.region, scope.service);
    let text = format!(
        "AWS4-HMAC-SHA256\n{date_time}\n{place}\n{}",
        sha256(canonical.as_bytes())
    );
    let signature = hex(&mac(&signing_key(keys, scope, date), &text));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{place},SignedHeaders={names},Signature={signature}",
        keys.key.expose_secret()
    );
    signed.headers.push(("authorization", authorization));
    signed
}

/// The key of one day, region and service: four HMACs, cheaper than looking for a kept one.
fn signing_key(keys: &Keys, scope: &Scope, date: &str) -> Vec<u8> {
    let secret = format!("AWS4{}", keys.secret.expose_secret());
    [date, &scope.region, &scope.service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, text| mac(&key, text))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The requests that Amazon's documentation of the signature signs, with the signatures it gives.
    #[test]
    fn published_requests_get_the_published_signatures() {
        let keys = Keys {
            key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: None,
        };
        let scope = Scope {
            region: "us-east-1".into(),
            service: "s3".into(),
        };
        let body = bytes::Bytes::from_static(b"Welcome to Amazon S3.");
        for (request, signature) in [
            (
                Request::new("GET", "/test.txt").header("range", "bytes=0-9"),
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (
                Request::new("PUT", "/test%24file.text")
                    .header("date", "Fri, 24 May 2013 00:00:00 GMT")
                    .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
                    .body(body),
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
            (
                Request::new("GET", "/").query("lifecycle", ""),
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                Request::new("GET", "/")
                    .query("prefix", "J")
                    .query("max-keys", "2"),
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let signed = sign(
                &request,
                "examplebucket.s3.amazonaws.com",
                &keys,
                &scope,
                1_369_353_600,
            );
            let (_, found) = signed.headers.last().unwrap();
            assert!(
                found.ends_with(&format!("Signature={signature}")),
                "{request:?}: {found}"
            );
            assert!(!format!("{signed:?}").contains(signature));
        }
    }
}
