//! Where the files of a chain of backups lie in the target, when they are stored in another way than in the source: encrypted on one
//! side only, each slice of a bundle and each super block has another size. Backups that build on others need to know.
//!
//! One chain at a time is in memory: some hundred bytes for a stored file, 24 for a super block.

use std::collections::HashMap;
use std::io::Read as _;

use pgkeep_pipeline::block::BlockMap;
use pgkeep_pipeline::{Pipeline, Sha1Digest, Stage};
use pgkeep_repo::manifest::{BundleSlice, FileData, FileRef};
use pgkeep_repo::{BackupInfo, BackupLabel, Manifest};
use pgkeep_storage::{Range, ReadOptions};
use secrecy::SecretString;

use super::set_files::is_own;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;

/// A full backup and those that build on it.
#[derive(Debug)]
pub(super) struct Chain {
    pub full: BackupLabel,
    /// What its files are encrypted with in the target.
    pub key: Option<SecretString>,
    sets: HashMap<BackupLabel, Places>,
}

/// The files that a backup holds itself, by name.
pub(super) type Places = HashMap<Box<[u8]>, Place>;

/// Where a file is stored in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub repo_size: u64,
    pub sha1: Option<Sha1Digest>,
    pub bundle: Option<BundleSlice>,
    pub map_size: u64,
    /// By their place in the source, ascending.
    pub super_blocks: Box<[SuperBlock]>,
}

/// Where a super block begins in the source and in the target, and its size there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SuperBlock {
    pub old: u64,
    pub new: u64,
    pub size: u64,
}

impl Place {
    /// Enters it into what a manifest knows of the file.
    pub(super) fn enter(&self, data: &mut FileData) {
        data.repo_size = self.repo_size;
        data.repo_checksum = self.sha1;
        data.bundle = self.bundle;
        if let Some(block) = &mut data.block {
            block.map_size = self.map_size;
        }
    }
}

/// One side of a copy.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub repository: &'a Repository,
    pub info: &'a BackupInfo,
}

impl Chain {
    pub(super) fn new(full: BackupLabel, key: Option<SecretString>) -> Self {
        Self {
            full,
            key,
            sets: HashMap::new(),
        }
    }

    pub(super) fn add(&mut self, label: BackupLabel, places: Places) {
        self.sets.insert(label, places);
    }

    pub(super) fn place(&self, label: &BackupLabel, name: &[u8]) -> Option<&Place> {
        self.sets.get(label)?.get(name)
    }

    /// The super block that begins at `old` in the source.
    pub(super) fn super_block(
        &self,
        label: &BackupLabel,
        name: &[u8],
        old: u64,
    ) -> Option<SuperBlock> {
        find(&self.place(label, name)?.super_blocks, old)
    }

    /// Finds out about a backup that an earlier run copied.
    ///
    /// # Errors
    /// Those of the storages; a backup that is stored otherwise on both sides.
    pub(super) fn load(
        &mut self,
        settings: &Settings,
        (source, target): (Side<'_>, Side<'_>),
        label: &BackupLabel,
    ) -> Result<()> {
        if self.sets.contains_key(label) {
            return Ok(());
        }
        let read = |side: Side<'_>| {
            let pass = side.info.cipher_pass.as_ref();
            Manifest::load(&*side.repository.storage, &settings.stanza, label, pass)
        };
        let (old, new) = (read(source)?, read(target)?);
        let mut places = Places::new();
        for file in new.files().filter(|file| is_own(file, label, &new)) {
            let name = file.name.to_vec();
            let mut super_blocks = Vec::new();
            if file.block_map_size() > 0 {
                let before = old.file(&name).ok_or_else(|| differs(label, &name))?;
                let before = own_super_blocks(settings, source, &old, &before, label)?;
                let after = own_super_blocks(settings, target, &new, &file, label)?;
                if before.len() != after.len() {
                    return Err(differs(label, &name));
                }
                for ((old, _), (new, size)) in before.into_iter().zip(after) {
                    super_blocks.push(SuperBlock { old, new, size });
                }
            }
            let place = Place {
                repo_size: file.repo_size,
                sha1: file.repo_checksum,
                bundle: file.bundle,
                map_size: file.block_map_size(),
                super_blocks: super_blocks.into(),
            };
            places.insert(name.into(), place);
        }
        self.add(label.clone(), places);
        Ok(())
    }
}

pub(super) fn find(super_blocks: &[SuperBlock], old: u64) -> Option<SuperBlock> {
    let at = super_blocks.binary_search_by_key(&old, |one| one.old);
    at.ok().map(|at| super_blocks[at])
}

fn differs(label: &BackupLabel, name: &[u8]) -> Error {
    Error::new(
        ErrorCode::Format,
        format!(
            "file '{}' of backup {label} is stored otherwise in the target",
            String::from_utf8_lossy(name)
        ),
    )
}

/// Reads the map of a file and says where the super blocks are that this backup stores.
fn own_super_blocks(
    settings: &Settings,
    side: Side<'_>,
    manifest: &Manifest,
    file: &FileRef<'_>,
    label: &BackupLabel,
) -> Result<Vec<(u64, u64)>> {
    let wrong = || differs(label, &file.name.to_vec());
    let map_size = file.block_map_size();
    let start = file.bundle.map_or(0, |bundle| bundle.offset);
    let data = file.repo_size.checked_sub(map_size).ok_or_else(wrong)?;
    let range = Range {
        offset: start.checked_add(data).ok_or_else(wrong)?,
        length: Some(map_size),
    };
    let path = manifest
        .stored_path(&settings.stanza, file)
        .ok_or_else(wrong)?;
    let options = ReadOptions {
        ranges: vec![range],
        expect: Some(map_size),
        ..ReadOptions::default()
    };
    let read = side.repository.storage.open_read(&path, &options)?;
    let mut stored = Vec::new();
    read.take(map_size).read_to_end(&mut stored)?;
    let map = decode(manifest, file, &stored)?;
    let own = own_reference(manifest, label).ok_or_else(wrong)?;
    Ok(of_reference(&map, own))
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
