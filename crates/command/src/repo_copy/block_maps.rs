//! Reads the block maps of a backup: where the super blocks are that it stores itself.

use std::io::Read as _;

use pgkeep_pipeline::block::BlockMap;
use pgkeep_pipeline::{Pipeline, Stage};
use pgkeep_repo::manifest::FileRef;
use pgkeep_repo::{BackupLabel, Manifest, Stanza};
use pgkeep_storage::{PipelineRead, Range, ReadOptions, Storage};

use crate::error::{Error, ErrorCode, Result};

/// The maps of one backup on one side.
pub(super) struct BlockMaps<'a> {
    pub storage: &'a dyn Storage,
    pub stanza: &'a Stanza,
    pub label: &'a BackupLabel,
    pub manifest: &'a Manifest,
}

impl BlockMaps<'_> {
    /// Begins to read the map of a file.
    ///
    /// # Errors
    /// Those of the storage; a file that cannot have one.
    pub(super) fn open(&self, file: &FileRef<'_>) -> Result<Box<dyn PipelineRead>> {
        let wrong = || differs(self.label, &file.name.to_vec());
        let map_size = file.block_map_size();
        let start = file.bundle.map_or(0, |bundle| bundle.offset);
        let data = file.repo_size.checked_sub(map_size).ok_or_else(wrong)?;
        let range = Range {
            offset: start.checked_add(data).ok_or_else(wrong)?,
            length: Some(map_size),
        };
        let path = self
            .manifest
            .stored_path(self.stanza, file)
            .ok_or_else(wrong)?;
        let options = ReadOptions {
            ranges: vec![range],
            expect: Some(map_size),
            lazy_open: true,
            ..ReadOptions::default()
        };
        Ok(self.storage.open_read(&path, &options)?)
    }

    /// Offset and size of the super blocks of a file that this backup stores, ascending.
    ///
    /// # Errors
    /// Those of the storage; what is no map.
    pub(super) fn super_blocks(
        &self,
        file: &FileRef<'_>,
        read: Box<dyn PipelineRead>,
    ) -> Result<Vec<(u64, u64)>> {
        let mut stored = Vec::new();
        read.take(file.block_map_size()).read_to_end(&mut stored)?;
        let map = decode(self.manifest, file, &stored)?;
        let own = own_reference(self.manifest, self.label)
            .ok_or_else(|| differs(self.label, &file.name.to_vec()))?;
        Ok(of_reference(&map, own))
    }
}

/// Both sides do not say the same of a file.
pub(super) fn differs(label: &BackupLabel, name: &[u8]) -> Error {
    Error::new(
        ErrorCode::Format,
        format!(
            "file '{}' of backup {label} is stored otherwise in the target",
            String::from_utf8_lossy(name)
        ),
    )
}

/// The place of a backup in its own list of references.
pub(super) fn own_reference(manifest: &Manifest, label: &BackupLabel) -> Option<u32> {
    let at = manifest.references.iter().position(|one| one == label)?;
    u32::try_from(at).ok()
}

/// Offset and size of the super blocks that are stored in one backup, ascending.
pub(super) fn of_reference(map: &BlockMap, reference: u32) -> Vec<(u64, u64)> {
    let items = map.items().iter();
    let mut found: Vec<(u64, u64)> = items
        .filter(|item| item.reference == reference)
        .map(|item| (item.offset, item.size))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The map in its stored bytes.
pub(super) fn decode(manifest: &Manifest, file: &FileRef<'_>, stored: &[u8]) -> Result<BlockMap> {
    let wrong = || Error::new(ErrorCode::Format, "block size is out of range");
    let block = file.block.ok_or_else(wrong)?;
    let mut plain = Vec::new();
    let decrypt = manifest.cipher_pass.clone();
    let decrypt = decrypt.map(|pass| Stage::Decrypt { pass, raw: true });
    let mut running = Pipeline::new(decrypt.into_iter().collect()).start(stored.len().max(1));
    running.push(stored, &mut plain)?;
    running.finish(&mut plain)?;
    let block_size = usize::try_from(block.size).map_err(|_| wrong())?;
    let map = BlockMap::decode(&plain, block_size, block.checksum_size as usize)?;
    map.check(file.size, block_size, manifest.references.len())?;
    Ok(map)
}
