//! What can happen to a request.

use std::time::Duration;

/// Most requests of a batch.
const AZURE_BATCH: u32 = 256;

/// A fault of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The request is read and this is answered; it is not passed on.
    Refuse(Refusal),
    /// The connection is reset when the request's head was read.
    ResetBefore,
    /// The connection is reset in the middle of the request's body.
    ResetWithin,
    /// The request is passed on and done; in place of its answer the connection is reset.
    LoseAnswer,
    /// The connection is reset in the middle of the answer's body.
    ResetWithinAnswer,
    /// The connection is closed in order in the middle of the answer's body.
    TruncateAnswer,
    /// The answer and its length say less than there is.
    ShortenAnswer,
    /// A byte in the middle of the answer's body is another.
    DamageAnswer,
    /// The answer's body comes in so many pieces, each after this time.
    SlowAnswer(u32, Duration),
    /// Nothing is answered; the connection stays open.
    Stall,
    /// Half of the answer's body comes and then nothing; the connection stays open.
    StallWithinAnswer,
}

/// An answer of the front's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Refusal {
    /// With a body as it is.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// With an error of S3.
    pub fn s3(status: u16, code: &str) -> Self {
        Self::new(
            status,
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>made by the test</Message></Error>"
            ),
        )
        .header("content-type", "application/xml")
    }

    /// With an error of Azure.
    pub fn azure(status: u16, code: &str) -> Self {
        Self::s3(status, code).header("x-ms-error-code", code)
    }

    /// With an error of GCS.
    pub fn gcs(status: u16, reason: &str, message: &str) -> Self {
        let text = format!(r#""message":"{message}""#);
        Self::new(
            status,
            format!(
                r#"{{"error":{{"code":{status},{text},"errors":[{{"domain":"global","reason":"{reason}",{text}}}]}}}}"#
            ),
        )
        .header("content-type", "application/json; charset=UTF-8")
    }

    /// Azure's answer to a batch, in which each request of it has this error.
    pub fn azure_batch(status: u16, code: &str) -> Self {
        let part = |number: u32| {
            format!(
                "--made-by-the-test\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\n\
                 HTTP/1.1 {status} made by the test\r\nx-ms-error-code: {code}\r\n\r\n"
            )
        };
        let parts: String = (0..AZURE_BATCH).map(part).collect();
        Self::new(202, format!("{parts}--made-by-the-test--\r\n"))
            .header("content-type", "multipart/mixed; boundary=made-by-the-test")
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// As it is sent; the answer to `HEAD` has no body.
    pub(super) fn bytes(&self, to_head: bool) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} made by the test\r\n", self.status);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        if !to_head {
            text.push_str(&self.body);
        }
        text.into_bytes()
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}
