//! The archive of a stanza for a client that pushes WAL and learns no key.
//!
//! The server reads `archive.info`, compares, finds duplicates, encrypts and writes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pgkeep_pipeline::{Pipeline, Stage};
use pgkeep_postgres::wal::name;
use pgkeep_protocol::Exchange;
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::{ArchiveId, ArchiveInfo, Stanza, layout};
use pgkeep_storage::ticket::Written;
use pgkeep_storage::{InfoLevel, StoragePath, Ticket, WriteOptions};
use secrecy::SecretString;

use super::info_files;
use super::write::{self, Ended};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;
use crate::locks::{self, Turn};
use crate::remote::network_lz4;
use crate::remote::serve::failure::Served;
use crate::remote::wire::path::WireBytes;
use crate::remote::wire::secret::WireSecret;
use crate::remote::wire::storage::{
    ArchiveIdentity, CipherPass, FoundSegment, PushSegment, ReadEnd, SegmentContent,
};
use crate::run::context::Context;
use crate::wal::find::WalFind;
use crate::wal::small_file;
use crate::wal::stored_content::{self, Content};

/// Bytes that may gather between two stages.
const BUFFER: usize = 256 * 1024;

/// What `archive.info` says.
#[derive(Debug)]
struct Current {
    id: ArchiveId,
    identity: ArchiveIdentity,
    /// Encrypts the WAL.
    pass: Option<SecretString>,
}

/// The archive of the client's stanza.
#[derive(Debug)]
pub(super) struct Archive {
    context: Arc<Context>,
    repository: Repository,
    current: Mutex<Option<Arc<Current>>>,
}

impl Archive {
    pub(super) fn new(context: Arc<Context>, repository: Repository) -> Self {
        Self {
            context,
            repository,
            current: Mutex::default(),
        }
    }

    fn stanza(&self) -> Result<Stanza> {
        Ok(Stanza::new(self.context.stanza()?)?)
    }

    /// As `archive.info` is now; what follows on this connection goes by it.
    fn read(&self) -> Result<Arc<Current>> {
        let (storage, pass) = (&*self.repository.storage, self.repository.pass.as_ref());
        let info = ArchiveInfo::load(storage, &self.stanza()?, pass)?;
        let entry = info.history.current();
        let current = Arc::new(Current {
            id: entry.archive_id(),
            identity: ArchiveIdentity {
                archive_id: entry.archive_id().to_string(),
                version: entry.version.clone(),
                system_id: entry.system_id,
            },
            pass: info.cipher_pass,
        });
        let mut last = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(Arc::clone(&current));
        Ok(current)
    }

    fn current(&self) -> Result<Arc<Current>> {
        let last = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(current) => Ok(Arc::clone(current)),
            None => {
                drop(last);
                self.read()
            }
        }
    }

    fn path(&self, current: &Current, file: &str) -> Result<StoragePath> {
        Ok(layout::archive_file(&self.stanza()?, &current.id, file))
    }

    pub(super) fn identity(&self) -> Served<ArchiveIdentity> {
        Ok(self.read()?.identity.clone())
    }

    fn search(&self, current: &Current, segment: &str) -> Result<Option<StoredSegment>> {
        let (storage, stanza) = (&*self.repository.storage, self.stanza()?);
        WalFind::new(storage, &stanza, &current.id, Duration::ZERO).wait_for(&self.context, segment)
    }

    pub(super) fn find(&self, segment: &str) -> Served<FoundSegment> {
        if !name::is_segment(segment) && !name::is_partial(segment) {
            return Err(no_wal(segment).into());
        }
        let found = self.search(&*self.current()?, segment)?;
        Ok(FoundSegment {
            file: found.map(|stored| stored.to_string()),
        })
    }

    pub(super) fn check(&self, file: &str) -> Served<SegmentContent> {
        let stored = StoredSegment::parse(file).ok_or_else(|| no_wal(file))?;
        let current = self.current()?;
        let content = stored_content::check(
            &*self.repository.storage,
            &self.path(&current, &stored.to_string())?,
            (&stored, current.pass.as_ref()),
            BUFFER,
            &self.context.cancel,
        )?;
        Ok(SegmentContent {
            damaged: match content {
                Content::Intact => None,
                Content::Damaged(why) => Some(why),
            },
        })
    }

    /// Takes a file into the archive, unless the archive is of another cluster or has another segment of that name. History files
    /// that are there are written over only if the client `may_replace` what is there.
    pub(super) fn push(
        &self,
        exchange: &mut Exchange,
        push: &PushSegment,
        may_replace: bool,
    ) -> Served<Ended> {
        let current = self.current()?;
        if current.identity != push.identity {
            let (ours, theirs) = (&current.identity, &push.identity);
            return Err(Error::new(
                ErrorCode::ArchiveMismatch,
                format!(
                    "PostgreSQL version {}, system-id {} do not match repo{} stanza version {}, system-id {}",
                    theirs.version,
                    theirs.system_id,
                    self.repository.key,
                    ours.version,
                    ours.system_id
                ),
            )
            .with_hint("are you archiving to the correct stanza?")
            .into());
        }
        let segment = StoredSegment::parse(&push.file);
        match &segment {
            // Before its bytes are taken, which may be in vain.
            Some(segment) => self.refuse_another(&current, segment)?,
            None if name::is_archived(&push.file)
                && !name::is_segment(&push.file)
                && !name::is_partial(&push.file)
                && !push.lz4 => {}
            None => return Err(no_wal(&push.file).into()),
        }
        let path = self.path(&current, &push.file)?;
        let options = WriteOptions {
            expect: push.size,
            ..WriteOptions::default()
        };
        let storage = &*self.repository.storage;
        let replaces = may_replace && !storage.only_adds();
        if !replaces && segment.is_none() && storage.info(&path, InfoLevel::Exists)?.is_some() {
            return self.same_as_stored(exchange, &current, &path);
        }
        let encrypt = (current.pass.clone()).map(|pass| Stage::Encrypt { pass, raw: false });
        let expand = push.lz4.then(network_lz4::expand);
        let stages = Pipeline::new(expand.into_iter().chain(encrypt).collect());
        write::serve(storage, exchange, (&path, &options), stages, &|exchange| {
            segment
                .as_ref()
                .map(|segment| self.turn(&current, segment, exchange))
                .transpose()
        })
    }

    /// Takes a small file in, and compares it with the one of that name in the archive, which stays as it is.
    fn same_as_stored(
        &self,
        exchange: &mut Exchange,
        current: &Current,
        path: &StoragePath,
    ) -> Served<Ended> {
        let storage = &*self.repository.storage;
        let shown = storage.display(path);
        let Some(text) = write::take_small(exchange, &shown, small_file::LONGEST)? else {
            return Ok(Ended::GivenUp);
        };
        // Gone meanwhile: the client tries again.
        let stored = small_file::read(storage, path, current.pass.as_ref())?.unwrap_or_default();
        if stored != text {
            let error = Error::new(
                ErrorCode::ArchiveDuplicate,
                format!("'{shown}' already exists with other content"),
            );
            return Err(match storage.only_adds() {
                true => error.with_hint("it can be removed only where the repository is kept."),
                false => {
                    error.with_hint("writing over it needs the right 'admin' on the other host.")
                }
            }
            .into());
        }
        let size = text.len() as u64;
        let stored = Ticket::ready(Ok(Written { size }));
        Ok(Ended::Finished(stored, None))
    }

    /// The turn to give this segment its name, if none of that name with other bytes came in between.
    fn turn(
        &self,
        current: &Current,
        segment: &StoredSegment,
        exchange: &Exchange,
    ) -> Served<Turn> {
        let lock_path = locks::path(&self.context);
        let go_on = || match exchange.is_given_up() {
            true => Err(Error::new(ErrorCode::Protocol, "the client has gone")),
            false => self.context.cancel.check(),
        };
        let turn = Turn::at(&lock_path, self.context.stanza()?, &segment.name, &go_on)?;
        self.refuse_another(current, segment)?;
        Ok(turn)
    }

    /// Two primaries must not push two histories, also not at the same time.
    fn refuse_another(&self, current: &Current, segment: &StoredSegment) -> Result<()> {
        match self.search(current, &segment.name)? {
            Some(stored) if stored.checksum != segment.checksum => Err(Error::new(
                ErrorCode::ArchiveDuplicate,
                format!(
                    "WAL file '{}' already exists in the repo{} archive with a different checksum",
                    segment.name, self.repository.key
                ),
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn read_info(
        &self,
        exchange: &mut Exchange,
        path: &WireBytes,
        without_key: bool,
    ) -> Served<ReadEnd> {
        let of = (&self.repository, &self.stanza()?);
        info_files::serve(of, exchange, path, without_key)
    }

    pub(super) fn cipher_pass(&self) -> CipherPass {
        CipherPass {
            pass: self.repository.pass.clone().map(WireSecret),
        }
    }
}

fn no_wal(file: &str) -> Error {
    let shown = file.escape_debug();
    Error::new(ErrorCode::Protocol, format!("'{shown}' is no file of WAL"))
}
