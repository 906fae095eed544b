//! What stands before fake-gcs-server and makes it what Google documents where it is not: it wants a token, names the upload
//! in the header that pgBackRest reads, takes uploads in parts exactly, compares checksums, and tells a missing bucket from
//! a missing object. Beside it are the token endpoint and the metadata server of a machine.

mod locks;
mod sessions;
mod tokens;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};

use crate::error::Result;
use crate::object_server::http::{Answer, Request};
use crate::object_server::on_loopback::OnLoopback;
use locks::Locks;
use sessions::{Sessions, Step};
use tokens::Tokens;

/// The bucket, and what requests bear that may use it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    pub(super) bucket: &'static str,
    pub(super) token: &'static str,
}

/// Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Mended {
    port: OnLoopback,
    state: Arc<Mutex<State>>,
    key_file: PathBuf,
}

#[derive(Debug)]
struct State {
    sessions: Sessions,
    tokens: Tokens,
    locks: Locks,
    access: Access,
}

impl Mended {
    /// Starts before the server at `to`; clients will know it as `authority`.
    pub(super) fn start(
        listener: std::net::TcpListener,
        to: SocketAddr,
        authority: String,
        access: Access,
        directory: &Path,
    ) -> Result<Self> {
        let key_file = directory.join("service-account.json");
        let tokens = Tokens::new(&key_file, format!("https://{authority}/token"))?;
        let state = Arc::new(Mutex::new(State {
            sessions: Sessions::default(),
            tokens,
            locks: Locks::default(),
            access,
        }));
        let own = Arc::clone(&state);
        let accepts = move |listener| accept(listener, to, authority, own);
        let port = OnLoopback::start_at(listener, accepts)?;
        Ok(Self {
            port,
            state,
            key_file,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Of the service account that may use the server.
    pub(super) fn key_file(&self) -> PathBuf {
        self.key_file.clone()
    }

    pub(super) fn unfinished(&self) -> usize {
        lock(&self.state).sessions.unfinished()
    }

    pub(super) fn tokens_issued(&self) -> usize {
        lock(&self.state).tokens.issued
    }

    /// Ends the time for which an object is kept.
    pub(super) fn end_lock(&self, key: &str) {
        lock(&self.state).locks.end(key);
    }

    /// From now on tokens that were issued so far are refused.
    pub(super) fn end_tokens(&self) {
        let mut state = lock(&self.state);
        state.tokens.ended = state.tokens.issued;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(
    listener: TcpListener,
    to: SocketAddr,
    authority: String,
    state: Arc<Mutex<State>>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let (authority, state) = (authority.clone(), Arc::clone(&state));
        tokio::spawn(async move { serve(client, to, &authority, &state).await });
    }
}

async fn serve(mut client: TcpStream, to: SocketAddr, authority: &str, state: &Mutex<State>) {
    let _ = client.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Some(request) = Request::read(&mut client, &mut buffer).await {
        let answer = answer(&request, to, authority, state).await;
        let sent = answer.send(&mut client, &request.method).await;
        if request.cut || sent.is_err() {
            return;
        }
    }
}

async fn answer(
    request: &Request,
    to: SocketAddr,
    authority: &str,
    state: &Mutex<State>,
) -> Answer {
    let id = request.asks("upload_id").map(str::to_owned);
    if let Some(id) = id {
        let step = match &*request.method {
            "DELETE" => Step::Answer(lock(state).sessions.give_up(&id)),
            _ => lock(state).sessions.take(&id, request),
        };
        return match step {
            Step::Answer(answer) => answer,
            Step::Store(whole) => {
                let answer = kept(&whole, to, state).await;
                lock(state).sessions.done(&id, &answer);
                answer
            }
        };
    }
    if request.cut {
        return Answer::new(400);
    }
    match request.path() {
        "/token" => return lock(state).tokens.for_statement(request),
        path if path.starts_with("/computeMetadata/") => {
            return lock(state).tokens.of_machine(request);
        }
        _ => {}
    }
    let access = lock(state).access;
    let given = request.header("authorization") == Some(access.token);
    if !given && !lock(state).tokens.allow(request) {
        return Answer::error(401, "authError", "Invalid Credentials");
    }
    if lock(state).tokens.exceeds(request) {
        let reason = "insufficientPermissions";
        return Answer::error(
            403,
            reason,
            "Request had insufficient authentication scopes.",
        );
    }
    if let Some(bucket) = bucket(request.path())
        && bucket != access.bucket
    {
        return Answer::error(404, "notFound", "The specified bucket does not exist.");
    }
    match request.asks("uploadType") {
        Some("resumable") => lock(state).sessions.start(request, authority),
        Some("multipart") => match described_wrong(&request.body) {
            Some(wrong) => Answer::error(400, "invalid", &wrong),
            None => kept(request, to, state).await,
        },
        _ => kept(request, to, state).await,
    }
}

/// Passes a request on, unless it is about an object that must stay; the answer tells what is kept.
async fn kept(request: &Request, to: SocketAddr, state: &Mutex<State>) -> Answer {
    let asked = lock(state).locks.would_end(request);
    if asked && !keeps_versions(request, to).await {
        return Answer::error(
            403,
            "retentionPolicyNotMet",
            "Object is subject to bucket's retention policy or object retention",
        );
    }
    let answer = forward(request, to).await;
    lock(state).locks.after(request, answer)
}

/// Whether the bucket of a request keeps what is replaced.
async fn keeps_versions(request: &Request, to: SocketAddr) -> bool {
    let bucket = bucket(request.path()).unwrap_or_default();
    let question = Request {
        method: "GET".to_owned(),
        target: format!("/storage/v1/b/{bucket}"),
        headers: Vec::new(),
        body: Vec::new(),
        cut: false,
    };
    let answer = forward(&question, to).await;
    let text: String = String::from_utf8_lossy(&answer.body)
        .split_whitespace()
        .collect();
    text.contains(r#""versioning":{"enabled":true"#)
}

async fn forward(request: &Request, to: SocketAddr) -> Answer {
    match request.forward(to).await {
        Ok(answer) => answer,
        Err(error) => Answer::error(502, "backendError", &error.to_string()),
    }
}

/// The bucket that a request is about.
fn bucket(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/upload").unwrap_or(path);
    path.strip_prefix("/storage/v1/b/")?.split('/').next()
}

/// Compares the checksum in the description of an upload with the content beside it.
fn described_wrong(body: &[u8]) -> Option<String> {
    let find = |part: &[u8], from: usize| {
        let found = body[from..].windows(part.len()).position(|own| own == part);
        found.map(|at| from + at)
    };
    let separator_end = find(b"\r\n", 0)?;
    let separator = [b"\r\n", &body[..separator_end]].concat();
    let second = find(&separator, separator_end)?;
    let description = String::from_utf8_lossy(&body[..second]);
    let (_, rest) = description.split_once(r#""crc32c":""#)?;
    let named = rest.split('"').next()?;
    let content = find(b"\r\n\r\n", second)? + 4;
    // From the end: the content is long.
    let end = body.strip_suffix(b"\r\n").unwrap_or(body);
    let end = end.strip_suffix(b"--")?.strip_suffix(&separator[..])?;
    sessions::differs(named, &end[content..])
}
