//! Pushing WAL into a repository on another host, which alone has its keys.

use std::sync::Arc;

use pgkeep_repo::ArchiveId;
use pgkeep_repo::archive::StoredSegment;
use pgkeep_storage::wrap::limited::LimitedWrite;
use pgkeep_storage::{Operation, RateLimit, Result, StoragePath, StorageWrite};
use secrecy::SecretString;

use super::storage::RemoteStorage;
use super::write::RemoteWrite;
use crate::remote::wire::storage::{
    ArchiveIdentity, CipherPass, FoundSegment, PushSegment, SegmentContent, StorageRequest,
};
use crate::wal::stored_content::Content;

impl RemoteStorage {
    /// The same where WAL is pushed no faster than this. What it gives away itself is limited by whoever opens it.
    #[must_use]
    pub fn with_push_limit(mut self, limit: Option<Arc<RateLimit>>) -> Self {
        self.push_limit = limit;
        self
    }

    /// Of which cluster the archive of the stanza is, read anew.
    ///
    /// # Errors
    /// The host cannot be asked, or has no such archive.
    pub fn archive_identity(&self) -> Result<(ArchiveId, ArchiveIdentity)> {
        let root = StoragePath::from("archive");
        let doing = (Operation::OpenRead, &root);
        let request = StorageRequest::ArchiveIdentity {};
        let identity: ArchiveIdentity = self.reach.ask(&request, doing)?;
        let id = identity.archive_id.parse::<ArchiveId>();
        let id = id.map_err(|_| {
            let what = "it names an archive in a way that is not understood";
            self.reach.nonsense(what, doing)
        })?;
        Ok((id, identity))
    }

    /// The segment in the archive; `None` if it is not there.
    ///
    /// # Errors
    /// The host cannot be asked; there are several.
    pub fn find_segment(&self, segment: &str) -> Result<Option<StoredSegment>> {
        let path = StoragePath::from(segment);
        let doing = (Operation::List, &path);
        let request = StorageRequest::FindSegment {
            segment: segment.to_owned(),
        };
        let found: FoundSegment = self.reach.ask(&request, doing)?;
        let Some(file) = found.file else {
            return Ok(None);
        };
        match StoredSegment::parse(&file) {
            Some(stored) if stored.name == segment => Ok(Some(stored)),
            _ => Err(self.reach.nonsense("it found another segment", doing)),
        }
    }

    /// Has the other host read the stored segment.
    ///
    /// # Errors
    /// It cannot be asked, or cannot read it.
    pub fn check_segment(&self, stored: &StoredSegment) -> Result<Content> {
        let file = stored.to_string();
        let path = StoragePath::from(&*file);
        let request = StorageRequest::CheckSegment { file };
        let content: SegmentContent = self.reach.ask(&request, (Operation::Read, &path))?;
        Ok(match content.damaged {
            None => Content::Intact,
            Some(why) => Content::Damaged(why),
        })
    }

    /// Begins to push a file, which the other host encrypts.
    ///
    /// # Errors
    /// The host cannot be asked. What it has against the file comes with one of the next calls.
    pub fn push_segment(
        &self,
        identity: &ArchiveIdentity,
        file: &str,
        compressible: bool,
    ) -> Result<Box<dyn StorageWrite>> {
        let path = StoragePath::from(file);
        // It is not encrypted yet, whatever the repository is.
        let lz4 = self.lz4(compressible, (Operation::OpenWrite, &path))?;
        let push = PushSegment {
            file: file.to_owned(),
            size: None,
            identity: identity.clone(),
            lz4: lz4.is_some(),
        };
        let request = StorageRequest::PushSegment(push);
        let write = RemoteWrite::begin(&self.reach, &path, &request, lz4, &self.unanswered)?;
        let write: Box<dyn StorageWrite> = Box::new(write);
        Ok(match &self.push_limit {
            Some(limit) => Box::new(LimitedWrite::new(write, Arc::clone(limit))),
            None => write,
        })
    }

    /// The passphrase of the repository; `None` if it is not encrypted.
    ///
    /// # Errors
    /// The host cannot be asked, or refuses to tell it.
    pub fn cipher_pass(&self) -> Result<Option<SecretString>> {
        let root = StoragePath::root();
        let doing = (Operation::OpenRead, &root);
        if self.reach.answer(doing)?.cipher == "none" {
            return Ok(None);
        }
        let answer: CipherPass = self.reach.ask(&StorageRequest::CipherPass {}, doing)?;
        let pass = answer.pass.map(|pass| pass.0);
        let none = || self.reach.nonsense("it tells no passphrase", doing);
        pass.map(Some).ok_or_else(none)
    }
}
