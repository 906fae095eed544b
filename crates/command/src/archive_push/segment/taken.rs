//! A file whose name in the archive was taken while it was on its way, where files can only be added.
//!
//! Elsewhere the later of two files of the same WAL takes the place of the earlier one. Where nothing is replaced, and the
//! repository is encrypted, the storage sees two files with other bytes: whether they are the same WAL is found out here.

use std::sync::Arc;

use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::layout;
use pgkeep_storage::{ErrorKind, Storage, StoragePath, Ticket};
use secrecy::SecretString;

use super::duplicate;
use crate::archive_push::repositories::Target;
use crate::archive_push::settings::Settings;
use crate::error::{Error, Result};
use crate::run::cancel::Cancel;
use crate::wal::small_file;
use crate::wal::stored_content::{self, Content};

/// How to look at what has the name.
#[derive(Debug)]
struct Taken {
    key: u32,
    storage: Arc<dyn Storage>,
    path: StoragePath,
    wanted: Wanted,
    pass: Option<SecretString>,
    buffer_size: usize,
}

/// What was to get the name.
#[derive(Debug)]
enum Wanted {
    /// Its name has the checksum of its bytes.
    Segment(StoredSegment),
    /// A history file or a backup label: its bytes.
    Small(Vec<u8>),
}

/// Knows how to look at what may have taken the name of a file; of one that can be replaced it never needs to.
#[derive(Debug)]
pub(crate) struct MayBeTaken(Option<Box<Taken>>);

impl MayBeTaken {
    pub(crate) fn of(settings: &Settings, target: &Target, stored_name: &str) -> Self {
        let repository = &target.repository;
        if repository.elsewhere.is_some() || !repository.storage.only_adds() {
            return Self(None);
        }
        Self(Some(Box::new(Taken {
            key: repository.key,
            storage: Arc::clone(&repository.storage),
            path: layout::archive_file(&settings.stanza, &target.archive_id, stored_name),
            wanted: StoredSegment::parse(stored_name)
                .map_or_else(|| Wanted::Small(Vec::new()), Wanted::Segment),
            pass: target.pass.clone(),
            buffer_size: settings.buffer_size,
        })))
    }

    /// Bytes of the file before they are encrypted. Only those of small files are kept.
    pub(crate) fn pass_by(&mut self, chunk: &[u8]) {
        if let Some(taken) = &mut self.0
            && let Wanted::Small(bytes) = &mut taken.wanted
        {
            // One that is longer is none, and differs from whatever is there.
            let room = (small_file::LONGEST as usize + 1).saturating_sub(bytes.len());
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
    }

    pub(crate) fn with(self, ticket: Ticket) -> Storing {
        Storing {
            ticket,
            taken: self.0,
        }
    }
}

impl Taken {
    /// The same WAL under that name is what was wanted. PostgreSQL is told that it is archived and removes its own, so it must be
    /// durable, not only readable. It is: its bytes were synced before it got the name, and the name was synced before the storage
    /// said that it is taken ([`Storage::only_adds`]). So it is looked at only now, after that answer.
    fn settle(&self) -> Result<()> {
        let shown = self.storage.display(&self.path);
        match &self.wanted {
            Wanted::Segment(segment) => {
                let stored = (segment, self.pass.as_ref());
                // Short, and the answer is worth more than the time.
                let cancel = Cancel::default();
                let (storage, buffer_size) = (&*self.storage, self.buffer_size);
                let content =
                    stored_content::check(storage, &self.path, stored, buffer_size, &cancel)?;
                if let Content::Damaged(why) = content {
                    let path = &self.path;
                    return Err(duplicate::damaged_and_stays(&shown, &why, self.key, path));
                }
            }
            Wanted::Small(wanted) => {
                let stored = small_file::read(&*self.storage, &self.path, self.pass.as_ref())?;
                if stored.as_ref() != Some(wanted) {
                    let name = String::from_utf8_lossy(self.path.file_name());
                    return Err(duplicate::other_content(&name, self.key, &self.path));
                }
            }
        }
        log::debug!("'{shown}' was stored by somebody else meanwhile");
        Ok(())
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
            (Err(error), Some(taken)) if error.kind == ErrorKind::Exists => taken.settle(),
            (result, _) => Ok(result.map(drop)?),
        }
    }

    /// Calls `then` when it is known, on whatever thread knows it.
    pub(crate) fn notify(self, then: impl FnOnce(Result<()>) + Send + 'static) {
        let taken = self.taken;
        self.ticket.notify(move |stored| match (stored, taken) {
            (Err(error), Some(taken)) if error.kind == ErrorKind::Exists => {
                // Whoever calls this must not wait for the storage. Where there is no thread `then` is dropped, which tells.
                let settle = move || then(taken.settle());
                drop(std::thread::Builder::new().spawn(settle));
            }
            (stored, _) => then(stored.map(drop).map_err(Error::from)),
        });
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_pipeline::{CompressType, Sha1Digest};
    use pgkeep_storage::copy::{read_all, write_all};
    use pgkeep_storage::memory::MemoryStorage;

    use crate::archive_push::segment::store::ArchiveWrite;
    use crate::archive_push::tests::{SEGMENT, settings, target};
    use crate::error::ErrorCode;

    use super::*;

    const HISTORY: &str = "00000002.history";

    /// A repository that is only added to, and its files.
    fn added(pass: Option<&str>) -> (Target, MemoryStorage) {
        let (mut target, storage) = target(3, pass);
        target.repository.storage = Arc::new(storage.as_only_adding());
        (target, storage)
    }

    /// Two files on their way under one name; the first one gets it.
    fn race(target: &Target, name: &str, first: &[u8], second: &[u8]) -> Result<()> {
        let settings = Settings {
            compress: CompressType::None,
            ..settings()
        };
        let [first, second] = [first, second].map(|bytes| {
            let mut write = ArchiveWrite::open(&settings, target, name).unwrap();
            write.push(bytes).unwrap();
            write
        });
        first.finish().unwrap().wait().unwrap();
        let synchronous = second.finish()?;
        // As the background does it.
        let (sender, receiver) = std::sync::mpsc::channel();
        synchronous.notify(move |result| drop(sender.send(result)));
        receiver.recv().unwrap()
    }

    #[test]
    fn the_same_wal_that_came_first_is_a_success_and_durable() {
        let segment = format!("{SEGMENT}-{}", Sha1Digest::of(b"wal"));
        for name in [HISTORY, &segment] {
            for pass in [None, Some("pass")] {
                let (target, storage) = added(pass);
                race(&target, name, b"wal", b"wal").unwrap();
                storage.lose_power();
                let path = layout::archive_file(&settings().stanza, &target.archive_id, name);
                let stored = read_all(&storage, &path, 1000).unwrap().unwrap();
                assert!(!stored.is_empty(), "{name} {pass:?}");
            }
        }
    }

    #[test]
    fn another_history_that_came_first_is_told_with_what_to_do() {
        for pass in [None, Some("pass")] {
            let (target, _) = added(pass);
            let error = race(&target, HISTORY, b"one", b"another").unwrap_err();
            assert_eq!(error.code, ErrorCode::ArchiveDuplicate, "{error:?}");
            let next = "remove it with the configuration that keeps the repository";
            assert!(error.hints[1].contains(next), "{error:?}");
        }
    }

    #[test]
    fn a_damaged_segment_that_came_first_is_told_with_what_to_do() {
        let (target, storage) = added(Some("pass"));
        let name = format!("{SEGMENT}-{}", Sha1Digest::of(b"wal"));
        let path = layout::archive_file(&settings().stanza, &target.archive_id, &name);
        let settings = Settings {
            compress: CompressType::None,
            ..settings()
        };
        let mut write = ArchiveWrite::open(&settings, &target, &name).unwrap();
        write.push(b"wal").unwrap();
        write_all(&storage, &path, &Default::default(), b"cut").unwrap();
        let error = write.finish().unwrap().wait().unwrap_err();
        assert_eq!(error.code, ErrorCode::Checksum, "{error:?}");
        assert!(
            error.hints[0].contains("repo-rm --repo=3 archive/demo/17-1/"),
            "{error:?}"
        );
    }
}
