//! Where the files of a chain of backups lie in the target, when they are stored in another way than in the source: encrypted on one
//! side only, each slice of a bundle and each super block has another size. Backups that build on others need to know.
//!
//! One chain at a time is in memory: some hundred bytes for a stored file, 24 for a super block.

use std::collections::HashMap;

use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::manifest::{BundleSlice, FileData, FileRef};
use pgkeep_repo::{BackupInfo, BackupLabel, Manifest};
use pgkeep_storage::in_parallel;
use secrecy::SecretString;

use super::block_maps::{BlockMaps, differs};
use super::set_files::is_own;
use super::settings::Settings;
use crate::error::Result;
use crate::hosts::Repository;
use crate::jobs::OpenedAhead;

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
        let storages = (&*source.repository.storage, &*target.repository.storage);
        let read = |side: Side<'_>| {
            let pass = side.info.cipher_pass.as_ref();
            Manifest::load(&*side.repository.storage, &settings.stanza, label, pass)
        };
        let slow = match storages.0.has_latency() {
            true => storages.0,
            false => storages.1,
        };
        let (old, new) = in_parallel(slow, || read(source), || read(target))?;
        let maps = |storage, manifest| BlockMaps {
            storage,
            stanza: &settings.stanza,
            label,
            manifest,
        };
        let (old_maps, new_maps) = (maps(storages.0, &old), maps(storages.1, &new));
        let own = || new.files().filter(|file| is_own(file, label, &new));
        let mut in_blocks = Vec::new();
        for after in own().filter(|file| file.block_map_size() > 0) {
            let name = after.name.to_vec();
            let before = old.file(&name).ok_or_else(|| differs(label, &name))?;
            in_blocks.push((before, after));
        }
        let mut super_blocks: HashMap<Vec<u8>, Vec<SuperBlock>> = HashMap::new();
        let size = |(before, after): &(FileRef<'_>, FileRef<'_>)| {
            before
                .block_map_size()
                .saturating_add(after.block_map_size())
        };
        let open = |(before, after): &(FileRef<'_>, FileRef<'_>)| {
            (old_maps.open(before), new_maps.open(after))
        };
        for ((before, after), (old, new)) in OpenedAhead::new(in_blocks, size, open) {
            let old = old_maps.super_blocks(&before, old?)?;
            let new = new_maps.super_blocks(&after, new?)?;
            let name = after.name.to_vec();
            if old.len() != new.len() {
                return Err(differs(label, &name));
            }
            let pairs = old.into_iter().zip(new);
            let moved = pairs.map(|((old, _), (new, size))| SuperBlock { old, new, size });
            super_blocks.insert(name, moved.collect());
        }
        let mut places = Places::new();
        for file in own() {
            let name = file.name.to_vec();
            let place = Place {
                repo_size: file.repo_size,
                sha1: file.repo_checksum,
                bundle: file.bundle,
                map_size: file.block_map_size(),
                super_blocks: super_blocks.remove(&name).unwrap_or_default().into(),
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
