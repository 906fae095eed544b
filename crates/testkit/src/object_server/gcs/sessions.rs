//! Resumable uploads as Google documents them. fake-gcs-server adds what comes wherever it belongs, takes the question how
//! much it has for the end, and compares no checksum; so uploads are collected here, and it gets whole objects only.

use std::collections::HashMap;

use crc_fast::CrcAlgorithm::Crc32Iscsi;

use crate::object_server::http::{Answer, Request};

/// What the service keeps of a request that is not the last one is a multiple of it.
const STEP: usize = 256 << 10;

#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: HashMap<String, Session>,
    started: usize,
}

#[derive(Debug)]
struct Session {
    /// Path and query of the request that began it.
    target: String,
    description: String,
    content: Vec<u8>,
    done: Option<Answer>,
}

/// What is to be done about a request of an upload.
pub(super) enum Step {
    Answer(Answer),
    /// The whole object, for the server behind.
    Store(Request),
}

impl Sessions {
    /// Uploads that were begun, and neither ended nor given up.
    pub(super) fn unfinished(&self) -> usize {
        self.open
            .values()
            .filter(|session| session.done.is_none())
            .count()
    }

    pub(super) fn start(&mut self, request: &Request, authority: &str) -> Answer {
        self.started += 1;
        let id = format!("upload-{}", self.started);
        let description = String::from_utf8_lossy(&request.body).into_owned();
        let session = Session {
            target: request.target.clone(),
            description,
            content: Vec::new(),
            done: None,
        };
        self.open.insert(id.clone(), session);
        let place = format!("https://{authority}{}&upload_id={id}", request.target);
        Answer::new(200)
            .header("location", place)
            .header("x-guploader-uploadid", id)
    }

    pub(super) fn give_up(&mut self, id: &str) -> Answer {
        match self.open.remove(id) {
            Some(_) => Answer::new(499),
            None => unknown(),
        }
    }

    /// Takes what a request brings. One that was cut off brings the whole steps of what came.
    pub(super) fn take(&mut self, id: &str, request: &Request) -> Step {
        let Some(session) = self.open.get_mut(id) else {
            return Step::Answer(unknown());
        };
        if let Some(done) = &session.done {
            return Step::Answer(done.clone());
        }
        let range = request.header("content-range").unwrap_or_default();
        let Some((first, total)) = parse(range) else {
            return Step::Answer(Answer::error(400, "invalid", "no such range"));
        };
        if let Some(first) = first {
            if first > session.content.len() {
                return Step::Answer(Answer::error(400, "invalid", "bytes are missing before"));
            }
            // What is there already is not looked at.
            let known = session.content.len() - first;
            let new = request.body.get(known..).unwrap_or_default();
            session.content.extend_from_slice(new);
        }
        let ends = total == Some(session.content.len()) && !request.cut;
        if !ends {
            let whole = session.content.len() - session.content.len() % STEP;
            session.content.truncate(whole);
            let answer = Answer::new(308);
            return Step::Answer(match whole {
                0 => answer,
                _ => answer.header("range", format!("bytes=0-{}", whole - 1)),
            });
        }
        if let Some(wrong) = hash_differs(request, &session.content) {
            return Step::Answer(Answer::error(400, "invalid", &wrong));
        }
        Step::Store(session.whole(request))
    }

    /// Keeps the answer to the end of an upload: it is given again to who asks.
    pub(super) fn done(&mut self, id: &str, answer: &Answer) {
        if let Some(session) = self.open.get_mut(id) {
            session.done = Some(answer.clone());
            session.content = Vec::new();
        }
    }
}

impl Session {
    /// The request that stores all of it at once.
    fn whole(&self, request: &Request) -> Request {
        let boundary = "the-end-of-a-part-of-a-test";
        let description = match self.description.is_empty() {
            true => "{}",
            false => &self.description,
        };
        let mut body = format!(
            "--{boundary}\r\ncontent-type: application/json\r\n\r\n{description}\r\n--{boundary}\r\n\
             content-type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(&self.content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let mut headers = request.headers.clone();
        headers.retain(|(name, _)| !matches!(&**name, "content-type" | "content-range"));
        let kind = format!("multipart/related; boundary={boundary}");
        headers.push(("content-type".to_owned(), kind));
        Request {
            method: "POST".to_owned(),
            target: self
                .target
                .replace("uploadType=resumable", "uploadType=multipart"),
            headers,
            body,
            cut: false,
        }
    }
}

fn unknown() -> Answer {
    Answer::error(404, "notFound", "no such upload")
}

/// Where the bytes begin, and how many there are in all, as far as it is told: `bytes 0-9/*`, `bytes */20`.
fn parse(range: &str) -> Option<(Option<usize>, Option<usize>)> {
    let (bytes, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let first = match bytes {
        "*" => None,
        _ => Some(bytes.split_once('-')?.0.parse().ok()?),
    };
    let total = match total {
        "*" => None,
        _ => Some(total.parse().ok()?),
    };
    Some((first, total))
}

/// Compares the checksum that a request names.
fn hash_differs(request: &Request, content: &[u8]) -> Option<String> {
    let named = request.header("x-goog-hash")?.strip_prefix("crc32c=")?;
    differs(named, content)
}

/// Compares a checksum as the service writes it.
pub(super) fn differs(named: &str, content: &[u8]) -> Option<String> {
    use base64::Engine;
    let checksum = crc_fast::checksum(Crc32Iscsi, content);
    let bytes = &checksum.to_be_bytes()[4..];
    let known = base64::engine::general_purpose::STANDARD.encode(bytes);
    (known != named).then(|| format!("Provided CRC32C {named} does not match calculated {known}"))
}
