//! The copy at work: one backup after the other, each after its WAL, then the WAL that is left.

use std::collections::{BTreeMap, BTreeSet};

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{ArchiveId, BackupLabel, Manifest};
use secrecy::SecretString;

use super::begun::Begun;
use super::chain::Chain;
use super::chosen::needs;
use super::listed::Listed;
use super::outcome::Outcome;
use super::plan::{ArchivePlan, SetPlan, is_same};
use super::publish::{self, sync};
use super::rewrite::Rewrite;
use super::runs::Runs;
use super::set_files::SetFiles;
use super::settings::Settings;
use super::sides::Sides;
use super::transfer::{Transfer, Transferred};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::stanza_info::StanzaInfo;
use crate::report::size_text::size_text;
use crate::run::summary::count;

/// A copy, and how far it is.
pub(super) struct Copy<'a> {
    pub settings: &'a Settings,
    pub sides: &'a Sides,
    /// The list in it is the one that was read last.
    pub target: StanzaInfo,
    pub transfer: Transfer<'a>,
    pub archives: BTreeMap<ArchiveId, ArchivePlan>,
    pub outcome: &'a mut Outcome,
    /// Backups that are not in the target after all.
    pub failed: BTreeSet<BackupLabel>,
    /// Segments that are not in the target, by what they stand for.
    pub bad_wal: BTreeMap<ArchiveId, BTreeSet<String>>,
    /// The chain that is written in another way.
    chain: Option<Chain>,
    /// Keys of full backups of the target.
    pub keys: BTreeMap<BackupLabel, Option<SecretString>>,
    pub runs: Runs,
}

impl<'a> Copy<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        sides: &'a Sides,
        target: StanzaInfo,
        (transfer, outcome): (Transfer<'a>, &'a mut Outcome),
        archives: BTreeMap<ArchiveId, ArchivePlan>,
    ) -> Self {
        Self {
            settings,
            sides,
            target,
            transfer,
            archives,
            outcome,
            failed: BTreeSet::new(),
            bad_wal: BTreeMap::new(),
            chain: None,
            keys: BTreeMap::new(),
            runs: Runs::default(),
        }
    }

    /// Copies these backups and the WAL of the plan.
    ///
    /// # Errors
    /// Those of the storages, and a stop. What is wrong with a backup or its files is a finding.
    pub(super) fn run(&mut self, sets: &[SetPlan]) -> Result<()> {
        self.tell_several();
        for set in sets {
            self.transfer.context.cancel.check()?;
            let why = match set.range() {
                Some(range) => self.wal_of(&set.entry, &range)?,
                None => None,
            };
            match (why, set.there) {
                (None, true) => self.outcome.there(set.label(), None),
                (Some((_, why)), true) => self.tell_there(set.label(), &why),
                (Some((code, why)), false) => self.unless_expired(&set.entry, code, &why)?,
                (None, false) => self.set(&set.entry)?,
            }
        }
        let ids: Vec<ArchiveId> = self.archives.keys().cloned().collect();
        for id in ids {
            self.wal(&id, |_| true)?;
        }
        if self.outcome.done.sets > 0 {
            publish::link_latest(
                &*self.sides.to.storage,
                &self.settings.stanza,
                &self.target.backup,
            )?;
        }
        Ok(())
    }

    /// Copies one backup.
    fn set(&mut self, entry: &BackupEntry) -> Result<()> {
        let label = &entry.label;
        if let Some(other) = needs(entry).find(|other| self.failed.contains(other)) {
            let why = format!("it builds on {other}");
            return self.unless_expired(entry, None, &why);
        }
        let Some(mut manifest) = self.manifest(entry)? else {
            return Ok(());
        };
        let (to, stanza) = (&self.sides.to, &self.settings.stanza);
        let listed = Listed::renew(to, stanza)?;
        self.target.backup = listed.info;
        match self.target.backup.find(label) {
            Some(other) if is_same(entry, other, self.sides.is_rewritten()) => {
                self.outcome.there(label, None);
                return Ok(());
            }
            Some(_) => {
                let why = format!("{} has another one by now", to.name());
                self.fail(label, Some(ErrorCode::BackupMismatch), &why);
                return Ok(());
            }
            None => {}
        }
        if let Some(why) = self.lacks(entry) {
            self.fail(label, Some(ErrorCode::FileMissing), &why);
            return Ok(());
        }
        log::info!("copy backup {label}, {}", size_text(entry.repo_size_delta));
        let pass = self.target.backup.cipher_pass.clone();
        let begun = Begun {
            storage: &*to.storage,
            stanza,
            label,
            pass: pass.as_ref(),
            sets: &listed.sets,
        };
        let mut entry_there = entry.clone();
        let result = match self.files(&begun, &mut manifest, &mut entry_there)? {
            Ok(result) => result,
            Err(unfit) => {
                self.unfit(label, &unfit);
                return Ok(());
            }
        };
        self.outcome.files(label, &result);
        if !result.faults.is_empty() {
            return self.faulty(entry, &begun, result.faults);
        }
        let directories = SetFiles::of(stanza, label, &manifest).directories();
        sync(begun.storage, &directories)?;
        if let Some(why) = self.removed_meanwhile(entry, &manifest)? {
            self.fail(label, Some(ErrorCode::FileMissing), &why);
            return begun.leave();
        }
        let (to, stanza) = (&self.sides.to, &self.settings.stanza);
        let listed = publish::publish((to, pass.as_ref()), stanza, &manifest, entry_there)?;
        self.target.backup = listed.info;
        begun.end()?;
        crate::detail!("backup {label}: {} copied", count(result.files, "file"));
        self.outcome.copied(label);
        Ok(())
    }

    /// Copies the files of a backup, and changes its manifest and its entry to what the target has. The inner error: it does not fit
    /// those that the target has of its chain.
    fn files(
        &mut self,
        begun: &Begun<'_>,
        manifest: &mut Manifest,
        entry: &mut BackupEntry,
    ) -> Result<std::result::Result<Transferred, Error>> {
        if !self.sides.is_rewritten() {
            if let Err(error) = self.check_key(entry, manifest) {
                return inner(error);
            }
            let goes_on = begun.begin(manifest, false)?;
            let mut files = SetFiles::of(begun.stanza, begun.label, manifest);
            return Ok(Ok(self.transfer.run(&mut files, goes_on)?));
        }
        let rewrite = Rewrite {
            settings: self.settings,
            sides: self.sides,
            info: &self.target.backup,
            transfer: &self.transfer,
        };
        let chain = match rewrite.chain(&mut self.chain, manifest, entry) {
            Ok(chain) => chain,
            Err(error) => return inner(error),
        };
        let key = std::mem::replace(&mut manifest.cipher_pass, chain.key.clone());
        let is_begun = begun.begin(manifest, true);
        manifest.cipher_pass = key;
        is_begun?;
        Ok(Ok(rewrite.run(chain, manifest, entry)?))
    }
}

/// An error of one backup, unless the storage is to blame.
fn inner<T>(error: Error) -> Result<std::result::Result<T, Error>> {
    match error.is_about_the_storage() {
        true => Err(error),
        false => Ok(Err(error)),
    }
}
