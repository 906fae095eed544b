//! Uploads in parts. The service takes them one after the other, so parts that wait for their turn go with one request.
//!
//! Two ways to send parts of one file at the same time were left out. Uploads of the XML API want further permissions, cost
//! money when they are never ended, and take no precondition. Objects that are composed of others are seen by everybody
//! meanwhile, and cannot be removed from a bucket that retains objects.
//!
//! Nothing is found in the bucket before the last request, which brings what is shorter than a whole step. An upload that
//! is never ended costs nothing, and the service forgets it after a week.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::{Mutex, watch};

use super::client::GcsClient;
use super::object::Checksum;
use super::session::{End, STEP, Session};
use crate::object::failure::broken;
use crate::object::store::{Content, Outcome, Part};

/// Most bytes of one request that is made of several parts.
const TOGETHER: usize = 16 << 20;

/// Says that no part has its turn any more.
const FAILED: u32 = u32::MAX;

/// The uploads under way, by their names.
#[derive(Debug, Default)]
pub(super) struct Uploads(SyncMutex<HashMap<String, Arc<Upload>>>);

#[derive(Debug)]
struct Upload {
    /// Parts that came and were not sent.
    waiting: SyncMutex<BTreeMap<u32, Content<Checksum>>>,
    /// Number of the part that is to be sent next.
    turn: watch::Sender<u32>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    session: Session,
    /// Of all that was sent or is held.
    checksum: Checksum,
    /// The end of the last part, which goes with the last request.
    held: Bytes,
}

impl Uploads {
    pub(super) async fn start(&self, client: &GcsClient, key: &str) -> Outcome<String> {
        let session = Session::start(client, key).await?;
        let id = session.id().to_owned();
        let upload = Arc::new(Upload {
            waiting: SyncMutex::default(),
            turn: watch::Sender::new(1),
            state: Mutex::new(State {
                session,
                checksum: Checksum::default(),
                held: Bytes::new(),
            }),
        });
        self.map().insert(id.clone(), upload);
        Ok(id)
    }

    /// Sends a part when its turn comes, unless it was sent with one before.
    pub(super) async fn put_part(
        &self,
        client: &GcsClient,
        id: &str,
        number: u32,
        content: Content<Checksum>,
    ) -> Outcome<Part> {
        let upload = self.find(id)?;
        upload.waiting().insert(number, content);
        let mut turn = upload.turn.subscribe();
        let now = turn.wait_for(|turn| *turn >= number).await;
        let now = *now.map_err(|_| broken("the upload was given up"))?;
        if now == FAILED {
            return Err(broken("a part before this one could not be sent"));
        }
        if now == number {
            let sent = upload.send_from(client, number).await;
            let next = *sent.as_ref().unwrap_or(&FAILED);
            upload.turn.send_replace(next);
            sent?;
        }
        Ok(Part {
            number,
            tag: String::new(),
        })
    }

    /// Makes the object.
    pub(super) async fn complete(&self, client: &GcsClient, id: &str, size: u64) -> Outcome<()> {
        let upload = self.find(id)?;
        let mut state = upload.state.lock().await;
        let held = std::mem::take(&mut state.held);
        let sent = state.session.has + held.len() as u64;
        if sent != size {
            return Err(broken(format!("{sent} bytes were sent in place of {size}")));
        }
        let checksum = state.checksum;
        state
            .session
            .send(client, held, Some(End { size, checksum }))
            .await?;
        drop(state);
        self.map().remove(id);
        Ok(())
    }

    /// Gives an upload up; one that is gone is fine.
    pub(super) async fn abort(&self, client: &GcsClient, id: &str) -> Outcome<()> {
        let Some(upload) = self.map().remove(id) else {
            return Ok(());
        };
        upload.state.lock().await.session.abort(client).await
    }

    fn find(&self, id: &str) -> Outcome<Arc<Upload>> {
        let found = self.map().get(id).cloned();
        found.ok_or_else(|| broken("the upload is not under way"))
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Upload>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// Sends this part and those behind it that wait; tells which one comes next.
    async fn send_from(&self, client: &GcsClient, number: u32) -> Outcome<u32> {
        let mut state = self.state.lock().await;
        let (parts, next) = self.take(number);
        for part in &parts {
            let length = part.bytes.len() as u64;
            state.checksum = state.checksum.and(part.hashes, length);
        }
        let mut bytes = joined(parts);
        if !state.held.is_empty() {
            return Err(broken("a part came behind the last one"));
        }
        state.held = bytes.split_off(bytes.len() - bytes.len() % STEP);
        if !bytes.is_empty() {
            state.session.send(client, bytes, None).await?;
        }
        Ok(next)
    }

    /// Takes parts that are next to one another, and the number behind them.
    fn take(&self, number: u32) -> (Vec<Content<Checksum>>, u32) {
        let mut waiting = self.waiting();
        let (mut parts, mut size, mut next) = (Vec::new(), 0, number);
        while let Some(part) = waiting.get(&next) {
            size += part.bytes.len();
            if size > TOGETHER && !parts.is_empty() {
                break;
            }
            parts.extend(waiting.remove(&next));
            next += 1;
        }
        (parts, next)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Content<Checksum>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of parts; of a single one without a copy.
fn joined(mut parts: Vec<Content<Checksum>>) -> Bytes {
    if parts.len() == 1 {
        return parts.remove(0).bytes;
    }
    let size = parts.iter().map(|part| part.bytes.len()).sum();
    let mut all = BytesMut::with_capacity(size);
    // Each is dropped when it is copied.
    for part in parts {
        all.extend_from_slice(&part.bytes);
    }
    all.freeze()
}
