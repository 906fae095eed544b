//! What the workers share: what is restored, from where, to where, and their buffers.

use std::sync::Arc;

use pgkeep_repo::Manifest;
use pgkeep_storage::{FileTree, RateLimit};

use super::damage::Damage;
use super::owner::Owners;
use super::places::Places;
use super::selective::Zeroed;
use super::settings::Settings;
use crate::hosts::Repository;
use crate::jobs::Buffers;
use crate::run::Context;
use crate::run::moved::Moved;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restored {
    /// It was there already.
    Kept,
    /// Made without content: it has none, or its database is left out.
    Zero,
    /// Written; of a block-incremental file so many bytes were fetched.
    Copied { block_bytes: u64 },
}

/// Everything that workers share.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub manifest: &'a Manifest,
    pub repository: &'a Repository,
    pub places: &'a Places,
    pub owners: &'a Owners,
    pub zeroed: &'a Zeroed,
    pub tree: &'a dyn FileTree,
    /// Each file is flushed when it is closed.
    pub sync_files: bool,
    pub damage: Damage,
    pub buffers: Buffers,
    pub moved: Arc<Moved>,
    /// How fast the files of the cluster may be read and written.
    pub limit: Option<Arc<RateLimit>>,
}

impl Worker<'_> {
    /// A buffer of the size the options say.
    pub(super) fn buffer(&self) -> Vec<u8> {
        self.buffers.take(self.settings.buffer_size.max(1))
    }
}
