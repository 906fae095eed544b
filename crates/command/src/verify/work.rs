//! What a run works on, and where it is.
//!
//! Only one manifest is in memory. A file that a backup refers to is read once, with the backup that holds it.

use std::collections::VecDeque;

use pgkeep_repo::{BackupLabel, Manifest};

use super::file::{FileKey, Item};
use super::findings::Findings;
use super::memory::Memory;
use super::result::Results;
use super::scope::Scope;
use super::settings::Settings;
use super::turn::Turns;
use super::wal::WalWork;
use crate::hosts::Repository;
use crate::hosts::stanza_info::StanzaInfo;
use crate::run::Context;

/// What the run works on.
pub(super) struct Work<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub repository: &'a Repository,
    pub info: &'a StanzaInfo,
    pub scope: Scope,
}

/// A file of `user` that another backup holds, whose verdict is taken over.
pub(super) struct Reference {
    pub user: u32,
    pub holder: u32,
    pub key: FileKey,
}

/// Where the run is.
pub(super) struct State<'a> {
    pub work: &'a Work<'a>,
    pub findings: &'a mut Findings,
    pub results: Results,
    pub archives: VecDeque<WalWork<'a>>,
    pub next_archive: usize,
    /// Backups that come next, and what comes after them.
    pub next_backups: VecDeque<BackupLabel>,
    pub turns: Turns,
    /// What was verified before; `None`: everything is read.
    pub memory: Option<Memory>,
    /// The backup whose files are being given out, and the position of the next.
    pub manifest: Option<(Manifest, usize)>,
    pub waiting: VecDeque<Item>,
    pub references: Vec<Reference>,
}
