//! A segment whose name in the archive was taken while it was on its way, where files can only be added.
//!
//! Elsewhere the later of two files of the same segment takes the place of the earlier one. Where nothing is replaced, and the
//! repository is encrypted, the storage sees two files with other bytes: whether they are the same segment is found out here.

use std::sync::Arc;

use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::layout;
use pgkeep_storage::{ErrorKind, Storage, StoragePath, Ticket};
use secrecy::SecretString;

use crate::archive_push::repositories::Target;
use crate::archive_push::settings::Settings;
use crate::error::{Error, Result};
use crate::run::cancel::Cancel;
use crate::wal::stored_content::{self, Content};

/// How to look at what has the name.
#[derive(Debug)]
struct Taken {
    storage: Arc<dyn Storage>,
    path: StoragePath,
    segment: StoredSegment,
    pass: Option<SecretString>,
    buffer_size: usize,
}

/// Knows how to look at what may have taken the name of a file; of one that is no segment, or that can be replaced, it never
/// needs to.
#[derive(Debug)]
pub(crate) struct MayBeTaken(Option<Box<Taken>>);

impl MayBeTaken {
    pub(crate) fn of(settings: &Settings, target: &Target, stored_name: &str) -> Self {
        let repository = &target.repository;
        let here = repository.elsewhere.is_none() && repository.storage.only_adds();
        let segment = StoredSegment::parse(stored_name).filter(|_| here);
        Self(segment.map(|segment| {
            Box::new(Taken {
                storage: Arc::clone(&repository.storage),
                path: layout::archive_file(&settings.stanza, &target.archive_id, stored_name),
                segment,
                pass: target.pass.clone(),
                buffer_size: settings.buffer_size,
            })
        }))
    }

    pub(crate) fn with(self, ticket: Ticket) -> Storing {
        Storing {
            ticket,
            taken: self.0,
        }
    }
}

impl Taken {
    /// The same segment under that name is what was wanted.
    fn settle(&self, failed: pgkeep_storage::Error) -> Result<()> {
        let stored = (&self.segment, self.pass.as_ref());
        // Short, and the answer is worth more than the time.
        let cancel = Cancel::default();
        match stored_content::check(
            &*self.storage,
            &self.path,
            stored,
            self.buffer_size,
            &cancel,
        )? {
            Content::Intact => {
                log::debug!(
                    "'{}' was stored by somebody else meanwhile",
                    self.storage.display(&self.path)
                );
                Ok(())
            }
            Content::Damaged(_) => Err(failed.into()),
        }
    }
}

/// A file that is being given its name.
#[derive(Debug)]
pub(crate) struct Storing {
    ticket: Ticket,
    taken: Option<Box<Taken>>,
}

impl Storing {
    /// Waits until it is in the archive.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) fn wait(self) -> Result<()> {
        match (self.ticket.wait(), self.taken) {
            (Err(error), Some(taken)) if error.kind == ErrorKind::Exists => taken.settle(error),
            (result, _) => Ok(result.map(drop)?),
        }
    }

    /// Calls `then` when it is known, on whatever thread knows it.
    pub(crate) fn notify(self, then: impl FnOnce(Result<()>) + Send + 'static) {
        let taken = self.taken;
        self.ticket.notify(move |stored| match (stored, taken) {
            (Err(error), Some(taken)) if error.kind == ErrorKind::Exists => {
                // Whoever calls this must not wait for the storage. Where there is no thread `then` is dropped, which tells.
                let settle = move || then(taken.settle(error));
                drop(std::thread::Builder::new().spawn(settle));
            }
            (stored, _) => then(stored.map(drop).map_err(Error::from)),
        });
    }
}
