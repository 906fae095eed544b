//! What a restore of one block-incremental file would read: by backup, in reads, super blocks and blocks.
//!
//! With a cluster named (`--pg`), blocks that its file has already are left out.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use pgkeep_pipeline::block::checksum;
use pgkeep_pipeline::block::map::{BlockMap, BlockMapItem};
use pgkeep_pipeline::{Pipeline, Sha1Digest, Stage};
use pgkeep_repo::Manifest;
use pgkeep_repo::layout::{self, StoredAs};
use pgkeep_repo::manifest::{BlockFile, FileRef, pg_name};
use pgkeep_storage::{Range, ReadOptions, Storage, StoragePath};

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::pg_host::{self, FileReceiver, ReadOutcome, ReadRequest};
use crate::run::Context;
use crate::run::cancel::Cancel;

/// What is to be read for a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BlockDelta {
    UpToDate,
    Changed {
        references: Vec<ReferenceDelta>,
        block_size: u64,
    },
}

/// What is to be read from the files of one backup; sizes in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReferenceDelta {
    /// Position in the manifest's references.
    pub index: u32,
    /// Repository file below the stanza's directory of backups.
    pub file: String,
    pub reads: u64,
    pub read_size: u64,
    pub super_blocks: u64,
    /// Before compression.
    pub super_block_size: u64,
    pub blocks: u64,
}

/// Reads maps.
pub(super) struct DeltaReader<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub storage: &'a dyn Storage,
    pub manifest: &'a Manifest,
}

impl DeltaReader<'_> {
    /// The delta of a file that has a block size.
    ///
    /// # Errors
    /// A file of the repository or of the cluster that cannot be read; a damaged map.
    pub(super) fn read(&self, file: &FileRef<'_>) -> Result<BlockDelta> {
        let block = file
            .block
            .ok_or_else(|| invalid(file, "there is no block size"))?;
        let mut present = Vec::new();
        if let Some(key) = self.settings.pg_key {
            let (sha1, checksums) = self.present(file, block, key)?;
            if Some(sha1) == file.checksum {
                return Ok(BlockDelta::UpToDate);
            }
            present = checksums;
        }
        let length = usize::try_from(block.checksum_size)
            .unwrap_or(checksum::MAX_SIZE)
            .min(checksum::MAX_SIZE);
        let map = self.map(file, block)?;
        let missing = |number: usize, item: &BlockMapItem| {
            present
                .get(number)
                .is_none_or(|found| found[..length] != item.checksum[..length])
        };
        let mut by_reference: BTreeMap<u32, Vec<&BlockMapItem>> = BTreeMap::new();
        for (number, item) in map.items().iter().enumerate() {
            if missing(number, item) {
                by_reference.entry(item.reference).or_default().push(item);
            }
        }
        let references = by_reference
            .into_iter()
            .map(|(index, items)| self.count(file, index, &items));
        Ok(BlockDelta::Changed {
            references: references.collect::<Result<_>>()?,
            block_size: block.size,
        })
    }

    fn count(
        &self,
        file: &FileRef<'_>,
        index: u32,
        items: &[&BlockMapItem],
    ) -> Result<ReferenceDelta> {
        let label = usize::try_from(index)
            .ok()
            .and_then(|index| self.manifest.references.get(index))
            .ok_or_else(|| invalid(file, "the map refers to a backup that is not listed"))?;
        let bundle_id = items.last().map_or(0, |item| item.bundle_id);
        let stored = if bundle_id == 0 {
            StoredAs::Blocks
        } else {
            StoredAs::Bundle(bundle_id)
        };
        let stanza = &self.settings.stanza;
        let path = layout::backup_file(stanza, label, &file.name.to_vec(), stored).to_string();
        let below = format!("{}/", layout::backup_path(stanza));
        let mut delta = ReferenceDelta {
            index,
            file: path.strip_prefix(&below).unwrap_or(&path).to_owned(),
            reads: 0,
            read_size: 0,
            super_blocks: 0,
            super_block_size: 0,
            blocks: items.len() as u64,
        };
        let mut prior: Option<&BlockMapItem> = None;
        for item in items {
            let same = prior.is_some_and(|prior| prior.offset == item.offset);
            let follows =
                prior.is_some_and(|prior| prior.offset.saturating_add(prior.size) == item.offset);
            delta.reads += u64::from(!same && !follows);
            if !same {
                delta.super_blocks += 1;
                delta.super_block_size =
                    delta.super_block_size.saturating_add(item.super_block_size);
                delta.read_size = delta.read_size.saturating_add(item.size);
            }
            prior = Some(item);
        }
        Ok(delta)
    }

    /// The map at the end of the stored file.
    fn map(&self, file: &FileRef<'_>, block: BlockFile) -> Result<BlockMap> {
        let path = self
            .manifest
            .stored_path(&self.settings.stanza, file)
            .ok_or_else(|| invalid(file, "the backup has no label"))?;
        let start = self.manifest.stored_range(file).offset;
        let offset = file
            .repo_size
            .checked_sub(block.map_size)
            .and_then(|offset| offset.checked_add(start));
        let offset = offset.ok_or_else(|| invalid(file, "the map is larger than the file"))?;
        let range = Range {
            offset,
            length: Some(block.map_size),
        };
        let options = ReadOptions {
            ranges: vec![range],
            expect: Some(block.map_size),
            ..ReadOptions::default()
        };
        let mut stored = Vec::new();
        self.storage
            .open_read(&path, &options)?
            .take(block.map_size)
            .read_to_end(&mut stored)?;
        let mut plain = Vec::new();
        let bytes = match &self.manifest.cipher_pass {
            None => &stored,
            Some(pass) => {
                let stages = vec![Stage::Decrypt {
                    pass: pass.clone(),
                    raw: true,
                }];
                let mut running = Pipeline::new(stages).start(stored.len().max(1));
                running.push(&stored, &mut plain)?;
                running.finish(&mut plain)?;
                &plain
            }
        };
        let size =
            |value: u64| usize::try_from(value).map_err(|_| invalid(file, "size is out of range"));
        Ok(BlockMap::decode(
            bytes,
            size(block.size)?,
            size(block.checksum_size.into())?,
        )?)
    }

    /// SHA-1 and block checksums of the cluster's file.
    fn present(
        &self,
        file: &FileRef<'_>,
        block: BlockFile,
        key: u32,
    ) -> Result<(Sha1Digest, Vec<[u8; checksum::MAX_SIZE]>)> {
        let host = pg_host::open(self.context, key)?;
        let request = ReadRequest {
            path: StoragePath::new(pg_name(&file.name.to_vec())),
            limit: None,
            pipeline: Pipeline::new(vec![Stage::Sha1]),
            buffer_size: 1 << 16,
            may_be_missing: false,
            skip_empty: false,
            reports_only: false,
        };
        let mut blocks = Blocks {
            size: usize::try_from(block.size).unwrap_or(usize::MAX),
            partial: Vec::new(),
            checksums: Vec::new(),
            cancel: &self.context.cancel,
        };
        let reports = match host.open_file(request)?.deliver(&mut blocks)? {
            ReadOutcome::Read(reports) => reports,
            ReadOutcome::Missing | ReadOutcome::Empty => Vec::new(),
        };
        let sha1 = reports.first().and_then(pgkeep_pipeline::Report::sha1);
        let sha1 =
            sha1.ok_or_else(|| Error::new(ErrorCode::Assert, "a file was read but not hashed"))?;
        Ok((sha1, blocks.finish()))
    }
}

/// Takes the block checksums of a file as it comes.
struct Blocks<'a> {
    /// Bytes in a block.
    size: usize,
    /// Start of a block that is not complete yet.
    partial: Vec<u8>,
    checksums: Vec<[u8; checksum::MAX_SIZE]>,
    cancel: &'a Cancel,
}

impl Blocks<'_> {
    /// The last block may be short.
    fn finish(mut self) -> Vec<[u8; checksum::MAX_SIZE]> {
        if !self.partial.is_empty() {
            self.checksums.push(checksum::of(&self.partial));
        }
        self.checksums
    }
}

impl Write for Blocks<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(self.size - self.partial.len());
        self.partial.extend_from_slice(&bytes[..taken]);
        if self.partial.len() == self.size {
            self.checksums.push(checksum::of(&self.partial));
            self.partial.clear();
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl FileReceiver for Blocks<'_> {
    fn progress(&mut self, _bytes: u64) -> Result<()> {
        self.cancel.check()
    }
}

fn invalid(file: &FileRef<'_>, reason: &str) -> Error {
    Error::new(
        ErrorCode::Format,
        format!("invalid block map of '{}': {reason}", file.name),
    )
}
