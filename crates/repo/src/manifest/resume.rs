//! Which files of an aborted full backup can be taken over (`docs/format/manifest.md`). Nothing is opened here: the caller
//! lists and removes.

use pgkeep_pipeline::CompressType;

use super::Manifest;
use crate::backup_type::BackupType;
use crate::layout::BLOCK_EXTENSION;

/// What becomes of a file in the resumed directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumedFile {
    /// It stays and is verified when its turn comes.
    Keep,
    /// It is removed, for this reason.
    Remove(&'static str),
}

impl Manifest {
    /// Why the backup that `resumed` (a loaded `.copy`) belongs to cannot be resumed by this one; `None`: it can.
    ///
    /// The reason completes `backup '<label>' cannot be resumed: `. This manifest must have its type and prior set.
    #[must_use]
    pub fn resume_obstacle(
        &self,
        resumed: &Manifest,
        compress_type: CompressType,
    ) -> Option<String> {
        let (new, old) = (&self.backup, &resumed.backup);
        if resumed.version != self.version {
            return Some(format!(
                "new pgBackRest version '{}' does not match resumable pgBackRest version '{}'",
                self.version, resumed.version
            ));
        }
        if old.backup_type != new.backup_type {
            return Some(format!(
                "new backup type '{}' does not match resumable backup type '{}'",
                new.backup_type, old.backup_type
            ));
        }
        if old.prior != new.prior {
            let show = |label: &Option<crate::BackupLabel>| {
                label
                    .as_ref()
                    .map_or_else(|| "<undef>".to_owned(), ToString::to_string)
            };
            return Some(format!(
                "new prior backup label '{}' does not match resumable prior backup label '{}'",
                show(&old.prior),
                show(&new.prior)
            ));
        }
        if resumed.options.compress_type != compress_type {
            return Some(format!(
                "new compression '{}' does not match resumable compression '{}'",
                compress_type.name(),
                resumed.options.compress_type.name()
            ));
        }
        debug_assert!(
            new.backup_type == BackupType::Full,
            "only full backups are resumed"
        );
        None
    }

    /// Decides about a file in the resumed directory, `stored` being its path below the set. A file that stays takes its
    /// checksums and stored size from the resumed manifest. `bundle_limit`: files up to so many bytes are put into bundles
    /// now, so one that was stored alone is of no use.
    pub fn resume_file(
        &mut self,
        resumed: &Manifest,
        stored: &[u8],
        compress_type: CompressType,
        delta: bool,
        bundle_limit: Option<u64>,
    ) -> ResumedFile {
        let found = CompressType::from_extension(&String::from_utf8_lossy(stored));
        let name = stored
            .strip_suffix(found.extension().as_bytes())
            .unwrap_or(stored);
        let (name, blocks) = match name.strip_suffix(BLOCK_EXTENSION.as_bytes()) {
            Some(name) => (name, true),
            None => (name, false),
        };
        if found != compress_type && !blocks {
            return ResumedFile::Remove("mismatched compression type");
        }
        let Some(at) = self.file_position(name) else {
            return ResumedFile::Remove("missing in manifest");
        };
        let Some(old) = resumed.file(name) else {
            return ResumedFile::Remove("missing in resumed manifest");
        };
        let mut data = self.file_at(at).data;
        if old.checksum.is_none() {
            return ResumedFile::Remove("no checksum in resumed manifest");
        }
        if data.size != old.size {
            return ResumedFile::Remove("mismatched size");
        }
        if !delta && data.timestamp != old.timestamp {
            return ResumedFile::Remove("mismatched timestamp");
        }
        // It may lack changes on the standby it came from: its checksum is compared with that of the file.
        let delta = delta || data.timestamp >= resumed.times_trusted_before();
        if data.size == 0 {
            return ResumedFile::Remove("zero size");
        }
        if bundle_limit.is_some_and(|limit| data.size <= limit) {
            return ResumedFile::Remove("stored in a bundle now");
        }
        if blocks && data.block.is_none() {
            return ResumedFile::Remove("stored without blocks now");
        }
        data.repo_size = old.repo_size;
        data.checksum = old.checksum;
        data.repo_checksum = old.repo_checksum;
        data.block = old.block;
        data.page_check = old.data.page_check;
        data.resume = true;
        data.delta = delta;
        self.files.update(at, &data);
        ResumedFile::Keep
    }
}
