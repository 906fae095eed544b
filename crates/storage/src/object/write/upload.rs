//! An upload in parts: its name is asked for once, parts go out as they come, the last request makes the object.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::budget::Permit;
use crate::object::bucket::Bucket;
use crate::object::list::stopped;
use crate::object::store::{Content, Failure, ObjectStore, Outcome, Part};
use crate::{Error, ErrorKind, Operation, Result, StoragePath};

/// Longest wait for a server that shall forget an upload: who gives up wants to end.
const GIVE_UP: Duration = Duration::from_secs(10);

/// An upload under way.
pub(super) struct Upload<S> {
    bucket: Bucket<S>,
    path: StoragePath,
    key: String,
    /// Name of the upload, once the server has given it.
    name: watch::Receiver<Option<Outcome<String>>>,
    parts: Vec<JoinHandle<Outcome<Part>>>,
    failed: Arc<Mutex<Option<Error>>>,
}

impl<S: ObjectStore> Upload<S> {
    /// Asks for a name and does not wait.
    pub(super) fn start(
        bucket: Bucket<S>,
        path: StoragePath,
        key: String,
        failed: Arc<Mutex<Option<Error>>>,
    ) -> Self {
        let (sender, name) = watch::channel(None);
        let (store, own) = (Arc::clone(&bucket.store), key.clone());
        bucket.runtime.spawn(async move {
            let started = store.start_upload(&own).await;
            sender.send_replace(Some(started));
        });
        Self {
            bucket,
            path,
            key,
            name,
            parts: Vec::new(),
            failed,
        }
    }

    /// How many parts were sent.
    pub(super) fn parts(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    /// Sends the next part and does not wait.
    pub(super) fn send(&mut self, content: Content<S::Hashes>, permit: Permit) {
        let number = self.parts() + 1;
        let (bucket, path, key) = (self.bucket.clone(), self.path.clone(), self.key.clone());
        let (name, failed) = (self.name.clone(), Arc::clone(&self.failed));
        self.parts.push(self.bucket.runtime.spawn(async move {
            let _permit = permit;
            let sent = async {
                let name = named(name).await?;
                bucket.store.put_part(&key, &name, number, content).await
            };
            let sent = sent.await;
            if let Err(failure) = &sent {
                failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert_with(|| bucket.error(failure.clone(), Operation::Write, &path));
            }
            sent
        }));
    }

    /// Waits for all parts and makes the object; an upload that fails is given up.
    pub(super) async fn finish(mut self, size: u64, new: bool) -> Result<()> {
        let outcome = self.complete(size, new).await;
        if outcome.is_err() {
            self.stop_parts().await;
            self.abort().await;
        }
        outcome.map_err(|failure| self.bucket.error(failure, Operation::Write, &self.path))
    }

    async fn complete(&mut self, size: u64, new: bool) -> Outcome<()> {
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in &mut self.parts {
            parts.push(part.await.map_err(stopped)??);
        }
        if new && self.bucket.store.head(&self.key).await?.is_some() {
            return Err(Failure {
                kind: ErrorKind::Exists,
                reason: "the file exists".to_owned(),
                hints: Vec::new(),
            });
        }
        let name = named(self.name.clone()).await?;
        let store = &self.bucket.store;
        store.complete_upload(&self.key, &name, &parts, size).await
    }

    /// A part that comes after the server was told to forget the upload could stay there.
    async fn stop_parts(&mut self) {
        for part in &mut self.parts {
            part.abort();
        }
        for part in &mut self.parts {
            // One that ended was asked for its outcome already.
            if !part.is_finished() {
                let _ = part.await;
            }
        }
    }

    /// Has the server forget the parts. What cannot be told it now is found later, as left over.
    async fn abort(&self) {
        if let Ok(name) = named(self.name.clone()).await {
            let aborted = self.bucket.store.abort_upload(&self.key, &name).await;
            if let Err(failure) = aborted {
                log::debug!("upload of {} is left over: {}", self.key, failure.reason);
            }
        }
    }

    /// Gives the upload up; waits for the server a little, since the process may end next.
    pub(super) fn give_up(mut self) {
        let runtime = self.bucket.runtime.clone();
        let gone = async move {
            self.stop_parts().await;
            let _ = tokio::time::timeout(GIVE_UP, self.abort()).await;
        };
        if tokio::runtime::Handle::try_current().is_ok() {
            // A thread of the runtime must not wait.
            runtime.spawn(gone);
        } else {
            runtime.block_on(gone);
        }
    }
}

/// The name of an upload, when it is known.
async fn named(mut name: watch::Receiver<Option<Outcome<String>>>) -> Outcome<String> {
    match name.wait_for(Option::is_some).await {
        Ok(known) => known.clone().unwrap_or_else(|| Err(no_name())),
        Err(_) => Err(no_name()),
    }
}

fn no_name() -> Failure {
    Failure {
        kind: ErrorKind::Broken,
        reason: "the upload was not started".to_owned(),
        hints: Vec::new(),
    }
}
