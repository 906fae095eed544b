//! The signature with a key of the account (`SharedKey`): what proves that a request comes from who has the key, and that
//! its path, query, length, hash and `x-ms-` headers were not changed.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::http::{Request, seconds_of_header};

/// Header with the time of the signature.
pub(super) const DATE: &str = "x-ms-date";

/// A date as headers have it: `Sat, 28 Nov 2026 23:00:00 GMT`. `now` is in seconds since 1970.
pub(super) fn date(now: i64) -> String {
    let time = Timestamp::from_second(now).unwrap_or_default();
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// When the request was signed.
pub(super) fn signed_seconds(request: &Request) -> Option<i64> {
    seconds_of_header(header(request, DATE)?)
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(own, _)| *own == name);
    found.map(|(_, value)| value.as_str())
}

/// The value of `authorization` for a request that has all its other headers.
pub(super) fn authorization(request: &Request, account: &str, key: &hmac::Key) -> String {
    let text = string_to_sign(request, account);
    let signature = STANDARD.encode(hmac::sign(key, text.as_bytes()));
    format!("SharedKey {account}:{signature}")
}

fn string_to_sign(request: &Request, account: &str) -> String {
    let value = |name| header(request, name).unwrap_or_default();
    let length = match request.body.len() {
        0 => String::new(),
        length => length.to_string(),
    };
    let mut text = [
        request.method,
        value("content-encoding"),
        value("content-language"),
        &length,
        value("content-md5"),
        value("content-type"),
        value("date"),
        value("if-modified-since"),
        value("if-match"),
        value("if-none-match"),
        value("if-unmodified-since"),
        value("range"),
    ]
    .join("\n");
    text.push('\n');
    let mut own: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .collect();
    own.sort();
    for (name, value) in own {
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
    // The account stands there a second time where the path has it too.
    text.push_str(&format!("/{account}{}", request.path));
    let mut query: Vec<_> = request.query.iter().collect();
    query.sort();
    for (key, value) in query {
        text.push_str(&format!("\n{}:{value}", key.to_lowercase()));
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn key() -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, b"azKey")
    }

    #[test]
    fn signatures_are_those_of_pgbackrest() {
        // Known from its own tests.
        let request = |path: &str| {
            Request::new("GET", path)
                .header("date", "Sun, 21 Jun 2020 12:46:19 GMT")
                .header("x-ms-version", "2024-08-04")
        };
        assert_eq!(
            authorization(&request("/path"), "account", &key()),
            "SharedKey account:h9heYMD+ErrcIkJATG97G3L9gwom0TQYx/cEj4lAJG4="
        );
        let request = request("/path/file")
            .query("a", "b")
            .header("content-md5", "b64f49553d5c441652e95697a2c5949e")
            .body(Bytes::from(vec![0; 44]));
        assert_eq!(
            authorization(&request, "account", &key()),
            "SharedKey account:GrE62U88ziaAGq+chejwUKmaBOAsyj+QCjrykcE+O+c="
        );
    }

    #[test]
    fn the_text_is_that_of_the_documentation() {
        // As Microsoft's page "Authorize with Shared Key" has it for a list and for a blob.
        let request = Request::new("GET", "/mycontainer")
            .query("restype", "container")
            .query("comp", "metadata")
            .query("timeout", "20")
            .header("x-ms-version", "2015-02-21")
            .header("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT");
        assert_eq!(
            string_to_sign(&request, "myaccount"),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n\
             /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
        );
        let request = Request::new("PUT", "/c/a%20b")
            .query("blockid", "a+/=")
            .header("if-none-match", "*")
            .body(Bytes::from_static(b"x"));
        assert_eq!(
            string_to_sign(&request, "myaccount"),
            "PUT\n\n\n1\n\n\n\n\n\n*\n\n\n/myaccount/c/a%20b\nblockid:a+/="
        );
    }

    #[test]
    fn a_date_is_written_as_it_is_read() {
        let text = date(1_795_903_200);
        assert_eq!(text, "Sat, 28 Nov 2026 22:00:00 GMT");
        let request = Request::new("GET", "/").header(DATE, text);
        assert_eq!(signed_seconds(&request), Some(1_795_903_200));
        assert_eq!(signed_seconds(&Request::new("GET", "/")), None);
    }
}
