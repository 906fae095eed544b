//! Where the repository holds a file of a manifest (`docs/format/layout.md`), and in which form
//! (`docs/format/compression-and-encryption.md`).

use pgkeep_storage::{Range, StoragePath};

use super::Manifest;
use super::file::FileRef;
use crate::backup_label::BackupLabel;
use crate::layout::{self, StoredAs};
use crate::stanza::Stanza;

impl Manifest {
    /// The backup that holds a file: the one it refers to, or this one.
    #[must_use]
    pub fn holder<'a>(&'a self, file: &FileRef<'a>) -> Option<&'a BackupLabel> {
        file.reference_label().or(self.backup.label.as_ref())
    }

    /// In which kind of repository file a file is. The compression is always that of this manifest: a set has one.
    #[must_use]
    pub fn stored_as(&self, file: &FileRef<'_>) -> StoredAs<'static> {
        match (file.bundle, file.block_map_size()) {
            (Some(bundle), _) => StoredAs::Bundle(bundle.id),
            (None, 0) => StoredAs::Whole(self.options.compress_type.extension()),
            (None, _) => StoredAs::Blocks,
        }
    }

    /// The repository file that holds a file; `None` while the backup has no label.
    #[must_use]
    pub fn stored_path(&self, stanza: &Stanza, file: &FileRef<'_>) -> Option<StoragePath> {
        let label = self.holder(file)?;
        Some(layout::backup_file(
            stanza,
            label,
            &file.name.to_vec(),
            self.stored_as(file),
        ))
    }

    /// The bytes of the repository file that are this file's.
    #[must_use]
    pub fn stored_range(&self, file: &FileRef<'_>) -> Range {
        let offset = file.bundle.map_or(0, |bundle| bundle.offset);
        Range {
            offset,
            length: file.bundle.map(|_| file.repo_size),
        }
    }

    /// Whether a file that is stored whole has no compression and encryption headers. Super blocks and block maps never
    /// have.
    #[must_use]
    pub fn stored_raw(&self, file: &FileRef<'_>) -> bool {
        file.bundle.is_some() && self.backup.bundle_raw
    }
}
