//! The files that a backup set holds itself, as the source stores them.

use pgkeep_pipeline::{CompressType, Stage};
use pgkeep_repo::manifest::FileRef;
use pgkeep_repo::{BackupLabel, Manifest, Stanza, layout};
use pgkeep_storage::StoragePath;

use super::piece::{Check, CopyFile, Piece};

/// Walks over the repository files of a set: first bundles, then those that stand alone, in the order of the manifest.
pub(super) struct SetFiles<'a> {
    stanza: &'a Stanza,
    label: &'a BackupLabel,
    manifest: &'a Manifest,
    /// Bundle, offset and position of each file in a bundle, sorted.
    bundled: Vec<(u64, u64, u32)>,
    next_bundled: usize,
    next_alone: usize,
}

impl<'a> SetFiles<'a> {
    pub(super) fn of(stanza: &'a Stanza, label: &'a BackupLabel, manifest: &'a Manifest) -> Self {
        let mut bundled: Vec<(u64, u64, u32)> = (0..)
            .zip(manifest.files())
            .filter(|(_, file)| is_own(file, label, manifest))
            .filter_map(|(at, file)| file.bundle.map(|slice| (slice.id, slice.offset, at)))
            .collect();
        bundled.sort_unstable();
        Self {
            stanza,
            label,
            manifest,
            bundled,
            next_bundled: 0,
            next_alone: 0,
        }
    }

    /// Directories of the set, in which its files are.
    pub(super) fn directories(&self) -> Vec<StoragePath> {
        let set = layout::set_path(self.stanza, self.label);
        let mut paths: std::collections::BTreeSet<StoragePath> = std::collections::BTreeSet::new();
        if !self.bundled.is_empty() {
            paths.insert(layout::bundle_path(self.stanza, self.label));
        }
        for file in self.manifest.files() {
            if file.bundle.is_some() || !is_own(&file, self.label, self.manifest) {
                continue;
            }
            let mut path = self.path(&file).parent();
            while path != set && !path.is_root() && paths.insert(path.clone()) {
                path = path.parent();
            }
        }
        paths.insert(layout::backup_path(self.stanza));
        paths.insert(set);
        paths.into_iter().collect()
    }

    fn path(&self, file: &FileRef<'_>) -> StoragePath {
        let stored = self.manifest.stored_as(file);
        layout::backup_file(self.stanza, self.label, &file.name.to_vec(), stored)
    }

    fn bundle(&mut self) -> Option<CopyFile> {
        let (id, ..) = *self.bundled.get(self.next_bundled)?;
        let mut pieces = Vec::new();
        while let Some((other, offset, at)) = self.bundled.get(self.next_bundled).copied()
            && other == id
        {
            let file = self.manifest.file_at(at as usize);
            pieces.push(Piece {
                position: at,
                offset,
                size: Some(file.repo_size),
                check: self.check(&file),
            });
            self.next_bundled += 1;
        }
        let end = |piece: &Piece| piece.offset.saturating_add(piece.size.unwrap_or(0));
        Some(CopyFile {
            path: layout::bundle(self.stanza, self.label, id),
            size: pieces.iter().map(end).max().unwrap_or(0),
            pieces,
            recode: None,
        })
    }

    fn check(&self, file: &FileRef<'_>) -> Check {
        if let Some(sha1) = file.repo_checksum {
            return Check::Stored(sha1);
        }
        let Some(sha1) = file.checksum.filter(|_| file.block_map_size() == 0) else {
            return Check::Unknown;
        };
        let raw = self.manifest.stored_raw(file);
        let pass = self.manifest.cipher_pass.clone();
        let decrypt = pass.map(|pass| Stage::Decrypt { pass, raw });
        let kind = self.manifest.options.compress_type;
        let decompress = (kind != CompressType::None).then_some(Stage::Decompress { kind, raw });
        Check::Content {
            stages: decrypt.into_iter().chain(decompress).collect(),
            sha1,
            size: Some(file.size),
        }
    }
}

impl Iterator for SetFiles<'_> {
    type Item = CopyFile;

    fn next(&mut self) -> Option<CopyFile> {
        if let Some(bundle) = self.bundle() {
            return Some(bundle);
        }
        while self.next_alone < self.manifest.file_count() {
            let at = self.next_alone;
            let file = self.manifest.file_at(at);
            self.next_alone += 1;
            if file.bundle.is_some() || !is_own(&file, self.label, self.manifest) {
                continue;
            }
            return Some(CopyFile {
                path: self.path(&file),
                size: file.repo_size,
                pieces: vec![Piece {
                    // A manifest counts its files by 32 bits.
                    position: u32::try_from(at).unwrap_or(u32::MAX),
                    offset: 0,
                    size: Some(file.repo_size),
                    check: self.check(&file),
                }],
                recode: None,
            });
        }
        None
    }
}

/// Whether the set has stored bytes of a file: it holds it itself, and there are any.
pub(super) fn is_own(file: &FileRef<'_>, label: &BackupLabel, manifest: &Manifest) -> bool {
    let stored = file.size > 0 || !manifest.backup.bundle;
    stored && file.reference_label().is_none_or(|other| other == label)
}
