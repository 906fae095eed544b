//! Version-level immutability, of which azurite knows nothing: a blob that is locked cannot be removed by its name, and can be
//! replaced, as in an account that keeps versions. The old content itself is not kept here.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};

use super::http::{Answer, Request};
use super::on_loopback::OnLoopback;
use crate::error::Result;

const UNTIL: &str = "x-ms-immutability-policy-until-date";
const MODE: &str = "x-ms-immutability-policy-mode";

/// The lock of a blob, as requests name it.
#[derive(Debug, Clone)]
struct Lock {
    until: String,
    mode: String,
    ended: bool,
}

type Locks = Arc<Mutex<HashMap<String, Lock>>>;

/// Ends when it is dropped.
#[derive(Debug)]
pub(super) struct LockingFront {
    port: OnLoopback,
    locks: Locks,
}

impl LockingFront {
    /// Starts before the server at `to`.
    pub(super) fn start(to: SocketAddr) -> Result<Self> {
        let locks = Locks::default();
        let own = Arc::clone(&locks);
        let port = OnLoopback::start(move |listener| accept(listener, to, own))?;
        Ok(Self { port, locks })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Ends the time for which a blob is locked; its path as requests have it.
    pub(super) fn end_lock(&self, path: &str) {
        if let Some(found) = lock(&self.locks).get_mut(path) {
            found.ended = true;
            found.until = "Wed, 01 Jan 2020 00:00:00 GMT".to_owned();
        }
    }
}

fn lock(locks: &Locks) -> MutexGuard<'_, HashMap<String, Lock>> {
    locks.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, to: SocketAddr, locks: Locks) {
    while let Ok((client, _)) = listener.accept().await {
        let locks = Arc::clone(&locks);
        tokio::spawn(async move { serve(client, to, &locks).await });
    }
}

async fn serve(mut client: TcpStream, to: SocketAddr, locks: &Locks) {
    let _ = client.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Some(request) = Request::read(&mut client, &mut buffer).await {
        let answer = answer(&request, to, locks).await;
        let sent = answer.send(&mut client, &request.method).await;
        if request.cut || sent.is_err() {
            return;
        }
    }
}

async fn answer(request: &Request, to: SocketAddr, locks: &Locks) -> Answer {
    let path = request.path();
    let what = request.asks("comp").unwrap_or_default();
    let held = |path: &str| lock(locks).get(path).filter(|lock| !lock.ended).cloned();
    match (&*request.method, what) {
        ("DELETE", "immutabilityPolicies") => {
            return match held(path) {
                Some(lock) if lock.mode != "Unlocked" => immutable(),
                _ => {
                    lock(locks).remove(path);
                    Answer::new(200)
                }
            };
        }
        ("DELETE", "") if held(path).is_some() => return immutable(),
        // One answer for each, of which none was done.
        ("POST", "batch") => {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            let targets = text.lines().filter_map(|line| line.strip_prefix("DELETE "));
            let paths: Vec<&str> = targets
                .filter_map(|target| target.split([' ', '?']).next())
                .collect();
            if paths.iter().any(|path| held(path).is_some()) {
                return all_refused(paths.len());
            }
        }
        _ => {}
    }
    let answer = match request.forward(to).await {
        Ok(answer) => answer,
        Err(error) => return Answer::new(502).header("x-front", error.to_string()),
    };
    if !(200..300).contains(&answer.status) {
        return answer;
    }
    match (&*request.method, what) {
        ("PUT", "" | "blocklist") => {
            let asked = (request.header(UNTIL), request.header(MODE));
            let mut locks = lock(locks);
            locks.remove(path);
            if let (Some(until), Some(mode)) = asked {
                let (until, mode) = (until.to_owned(), mode.to_owned());
                let ended = false;
                locks.insert(path.to_owned(), Lock { until, mode, ended });
            }
        }
        ("DELETE", _) => {
            lock(locks).remove(path);
        }
        ("HEAD", _) if request.asks("restype") == Some("container") => {
            return answer.header("x-ms-immutable-storage-with-versioning-enabled", "true");
        }
        ("HEAD", _) => {
            if let Some(found) = lock(locks).get(path) {
                return answer
                    .header(UNTIL, &*found.until)
                    .header(MODE, found.mode.to_lowercase());
            }
        }
        _ => {}
    }
    answer
}

fn immutable() -> Answer {
    let code = "BlobImmutableDueToPolicy";
    let mut answer = Answer::new(409)
        .header("x-ms-error-code", code)
        .header("content-type", "application/xml");
    answer.body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>This operation is not permitted as the blob is \
         immutable due to a policy.</Message></Error>"
    )
    .into_bytes();
    answer
}

fn all_refused(count: usize) -> Answer {
    let mut body = String::new();
    for number in 0..count {
        body.push_str(&format!(
            "--R\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\nHTTP/1.1 409 Conflict\r\n\r\n\r\n"
        ));
    }
    body.push_str("--R--\r\n");
    let mut answer = Answer::new(202).header("content-type", "multipart/mixed; boundary=R");
    answer.body = body.into_bytes();
    answer
}
