//! One upload in parts, as the service sees it: bytes in their order, and word of how many it has.
//!
//! After a request that was not answered, or with an error that may pass, the service is asked how much it has, and the rest is
//! sent from there. What it has it never gives up, so bytes that it says it has are not kept here.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::client::{GcsClient, UPLOAD_ID};
use super::failure::failure;
use super::lock::not_made;
use super::object::{Checksum, STORED, check, number};
use super::upload::description;
use crate::ErrorKind;
use crate::http::{Answer, HttpError, Request, Verdict, verdict_by_status};
use crate::object::failure::broken;
use crate::object::store::{Failure, Outcome};

/// Sizes of all requests but the last are multiples of it.
pub(super) const STEP: usize = 256 << 10;

/// The name of an upload and how much of it the service has.
#[derive(Debug)]
pub(super) struct Session {
    key: String,
    id: String,
    pub(super) has: u64,
}

/// What ends an upload: the checksum of all that was sent, which the service compares before it makes the object.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) size: u64,
    pub(super) checksum: Checksum,
}

/// What came of a request.
enum Came {
    /// So much is there now.
    Has(u64),
    /// The object is made.
    Done(Answer),
}

impl Session {
    /// Asks for an upload.
    pub(super) async fn start(client: &GcsClient, key: &str) -> Outcome<Self> {
        let description = description(client, None);
        let request = client
            .upload("resumable", key)
            .header("content-type", "application/json; charset=UTF-8")
            .header("x-upload-content-type", "application/octet-stream")
            .body(Bytes::from(description.to_string()));
        let started = client.try_to(&request).await;
        let answer = started.map_err(|error| not_made(client, &error))?;
        let location = answer.header("location").and_then(|place| {
            let (_, query) = place.split_once('?')?;
            query.split('&').find_map(|pair| {
                let value = pair.strip_prefix("upload_id=")?;
                percent_decode(value)
            })
        });
        let id = location
            .or_else(|| answer.header("x-guploader-uploadid").map(str::to_owned))
            .filter(|id| !id.is_empty())
            .ok_or_else(|| broken("the server gave the upload no name"))?;
        Ok(Self {
            key: key.to_owned(),
            id,
            has: 0,
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn request(&self, client: &GcsClient, method: &'static str) -> Request {
        let mut request = client
            .upload("resumable", &self.key)
            .query(UPLOAD_ID, &self.id);
        request.method = method;
        request
    }

    /// Sends what comes next; with an `end`, also makes the object. A try that brings the service forward counts as none.
    pub(super) async fn send(
        &mut self,
        client: &GcsClient,
        bytes: Bytes,
        end: Option<End>,
    ) -> Outcome<()> {
        let first = self.has;
        let last = first + bytes.len() as u64;
        let mut retry = client.repetitions();
        loop {
            let at = usize::try_from(self.has - first).expect("no more than was given");
            let came = self.put(client, bytes.slice(at..), end).await;
            let (came, failed) = match came {
                Ok(came) => (came, None),
                Err(error) if may_pass(&error) => {
                    let Some(wait) = retry.next_wait(&error.short()) else {
                        let mut error = error;
                        error.repetitions = retry.lines();
                        return Err(failure(&error));
                    };
                    if !client.pause(wait).await {
                        return Err(stopped());
                    }
                    (self.ask(client, end).await?, Some(error))
                }
                Err(error) => return Err(lost(&error)),
            };
            match came {
                Came::Done(answer) => return self.done(client, &answer, end).await,
                Came::Has(has) if has < self.has || has > last => {
                    return Err(broken(format!(
                        "the server has {has} bytes of the upload in place of {} to {last}",
                        self.has
                    )));
                }
                Came::Has(has) if has == last && end.is_none() => {
                    self.has = has;
                    return Ok(());
                }
                Came::Has(has) if has > self.has => {
                    self.has = has;
                    retry = client.repetitions();
                }
                // Answered well, and yet nothing was taken.
                Came::Has(_) if failed.is_none() => {
                    let Some(wait) = retry.next_wait("the server took nothing") else {
                        return Err(broken("the server takes no more bytes of the upload"));
                    };
                    if !client.pause(wait).await {
                        return Err(stopped());
                    }
                }
                Came::Has(_) => {}
            }
        }
    }

    /// One try.
    async fn put(
        &self,
        client: &GcsClient,
        bytes: Bytes,
        end: Option<End>,
    ) -> Result<Came, HttpError> {
        let range = match bytes.len() as u64 {
            0 => "*".to_owned(),
            length => format!("{}-{}", self.has, self.has + length - 1),
        };
        let mut request = self
            .request(client, "PUT")
            .query("fields", STORED)
            .header("content-range", format!("bytes {range}/{}", total(end)))
            .body(bytes);
        if let Some(end) = end {
            let hash = format!("crc32c={}", end.checksum.text());
            request = request.header("x-goog-hash", hash);
        }
        request.once = true;
        client.try_to(&request).await.map(came)
    }

    /// How much the service has; an object that is made meanwhile is told too.
    async fn ask(&self, client: &GcsClient, end: Option<End>) -> Outcome<Came> {
        let request = self
            .request(client, "PUT")
            .query("fields", STORED)
            .header("content-range", format!("bytes */{}", total(end)));
        let told = client.try_to(&request).await;
        told.map(came).map_err(|error| lost(&error))
    }

    /// The object must be what was sent. One that is not is removed: nothing may take it for the file.
    async fn done(&self, client: &GcsClient, answer: &Answer, end: Option<End>) -> Outcome<()> {
        let Some(end) = end else {
            return Err(broken("the server ended the upload before all was sent"));
        };
        let Err(reason) = check(answer, end.size, end.checksum) else {
            return Ok(());
        };
        let stored: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let generation = stored.and_then(|stored| number(stored.get("generation")));
        if let Some(generation) = generation {
            let request = client
                .request("DELETE", &self.key)
                .query("ifGenerationMatch", generation.to_string());
            client.send(&request).await?;
        }
        Err(broken(reason))
    }

    /// Gives the upload up; one that is gone is fine.
    pub(super) async fn abort(&self, client: &GcsClient) -> Outcome<()> {
        match client.try_to(&self.request(client, "DELETE")).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }
}

fn total(end: Option<End>) -> String {
    end.map_or_else(|| "*".to_owned(), |end| end.size.to_string())
}

fn came(answer: Answer) -> Came {
    if answer.status != StatusCode::PERMANENT_REDIRECT {
        return Came::Done(answer);
    }
    // `bytes=0-524287`; without the header nothing is there.
    let last = answer
        .header("range")
        .and_then(|range| range.rsplit_once('-'))
        .and_then(|(_, last)| last.parse::<u64>().ok());
    Came::Has(last.map_or(0, |last| last.saturating_add(1)))
}

fn is_gone(error: &HttpError) -> bool {
    error
        .answer()
        .is_some_and(|answer| matches!(answer.status.as_u16(), 404 | 410))
}

/// The failure of a request of an upload, which is gone where it is not found.
fn lost(error: &HttpError) -> Failure {
    let mut failure = failure(error);
    if is_gone(error) {
        failure.hints =
            vec!["the server no longer knows this upload: run the command again.".to_owned()];
    }
    failure
}

/// Whether another try may be answered better.
fn may_pass(error: &HttpError) -> bool {
    match &error.outcome {
        crate::http::Outcome::Lost(_) => true,
        crate::http::Outcome::Refused(answer) => {
            verdict_by_status(answer.status) == Verdict::Repeat
        }
        _ => false,
    }
}

fn stopped() -> Failure {
    Failure {
        kind: ErrorKind::Cancelled,
        reason: "the run was asked to stop".to_owned(),
        hints: Vec::new(),
    }
}

/// The text that percent-encoding made of it, where it is one.
fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}
