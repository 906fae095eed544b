//! The copy at work: one backup after the other, each after its WAL, then the WAL that is left.

use std::collections::{BTreeMap, BTreeSet};

use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{ArchiveId, BackupInfo, BackupLabel, Manifest, layout};
use pgkeep_storage::{InfoLevel, StoragePath};
use secrecy::{ExposeSecret, SecretString};

use super::chain::Chain;
use super::chosen::needs;
use super::findings::Findings;
use super::piece::{Fault, Recode};
use super::plan::{ArchivePlan, SetPlan, full_of};
use super::publish::{self, sync};
use super::rewrite::Rewrite;
use super::runs::Runs;
use super::set_files::SetFiles;
use super::settings::Settings;
use super::sides::Sides;
use super::transfer::{Transfer, Transferred};
use super::wal_list;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::stanza_info::StanzaInfo;
use crate::report::size_text::size_text;
use crate::run::summary::count;

/// A copy, and how far it is.
pub(super) struct Copy<'a> {
    pub settings: &'a Settings,
    pub sides: &'a Sides,
    pub target: StanzaInfo,
    pub transfer: Transfer<'a>,
    pub archives: BTreeMap<ArchiveId, ArchivePlan>,
    pub done: Done,
    pub findings: Findings,
    /// Backups that are not in the target after all.
    failed: BTreeSet<BackupLabel>,
    /// Segments that are not in the target, by what they stand for.
    bad_wal: BTreeMap<ArchiveId, BTreeSet<String>>,
    /// The chain that is written in another way.
    chain: Option<Chain>,
    /// Keys of full backups of the target.
    keys: BTreeMap<BackupLabel, Option<SecretString>>,
    runs: Runs,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub sets: u64,
    pub sets_there: u64,
    pub files: u64,
    pub files_there: u64,
    pub segments: u64,
    pub segments_there: u64,
    pub bytes: u64,
}

impl<'a> Copy<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        sides: &'a Sides,
        target: StanzaInfo,
        transfer: Transfer<'a>,
        archives: BTreeMap<ArchiveId, ArchivePlan>,
    ) -> Self {
        let segments_there = archives.values().map(|one| one.there).sum();
        let done = Done {
            segments_there,
            ..Done::default()
        };
        Self {
            settings,
            sides,
            target,
            transfer,
            archives,
            done,
            findings: Findings::default(),
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
    /// Those of the storages, and a stop. What is wrong with files of the source is a finding.
    pub(super) fn run(&mut self, sets: &[SetPlan]) -> Result<()> {
        self.tell_several();
        for set in sets {
            self.transfer.context.cancel.check()?;
            if let Some(range) = set.range() {
                self.wal_of(&set.entry, &range)?;
            }
            if set.there {
                self.done.sets_there += 1;
            } else {
                self.set(&set.entry)?;
            }
        }
        let ids: Vec<ArchiveId> = self.archives.keys().cloned().collect();
        for id in ids {
            self.wal(&id, |_| true)?;
        }
        if self.done.sets > 0 {
            publish::link_latest(
                &*self.sides.to.storage,
                &self.settings.stanza,
                &self.target.backup,
            )?;
        }
        Ok(())
    }

    fn tell_several(&mut self) {
        for (id, archive) in &self.archives {
            for name in &archive.several {
                log::warn!(
                    "WAL {name} of {id} is stored with several contents in repo{} and repo{}: it is not copied",
                    self.settings.from,
                    self.settings.to
                );
                self.findings.add(ErrorCode::ArchiveDuplicate);
            }
        }
        for (id, archive) in &self.archives {
            let bad = self.bad_wal.entry(id.clone()).or_default();
            bad.extend(archive.several.iter().cloned());
        }
    }

    /// Copies the WAL that makes a backup consistent. If some of it is not there, the backup fails.
    fn wal_of(&mut self, entry: &BackupEntry, (start, stop): &(String, String)) -> Result<()> {
        let Some(id) = self.sides.archive_id(entry.pg_id) else {
            return Ok(());
        };
        let is_in = |name: &str| {
            let segment = name.get(..24);
            segment.is_some_and(|one| one >= start.as_str() && one <= stop.as_str())
        };
        self.wal(&id, is_in)?;
        if entry.option_archive_copy {
            // The backup holds it itself.
            return Ok(());
        }
        let bad = self.bad_wal.get(&id);
        let is_bad = bad.is_some_and(|bad| bad.iter().any(|name| is_in(name)));
        let missing = match self.archives.get(&id) {
            Some(archive) => {
                self.runs
                    .missing(self.settings, self.sides, (&id, archive), start, stop)?
            }
            None => Some(start.clone()),
        };
        if is_bad || missing.is_some() {
            if let Some(missing) = missing {
                log::warn!(
                    "backup {} needs WAL {missing}, which is not in repo{}",
                    entry.label,
                    self.settings.from
                );
                self.findings.add(ErrorCode::FileMissing);
            }
            self.fail(
                &entry.label,
                "not all WAL that makes it consistent is there",
            );
        }
        Ok(())
    }

    /// Copies what is left of an archive and `wanted`.
    fn wal(&mut self, id: &ArchiveId, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let Some(archive) = self.archives.get_mut(id) else {
            return Ok(());
        };
        let names: Vec<String> = archive
            .left
            .keys()
            .filter(|name| wanted(name))
            .cloned()
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let recode = self.sides.is_recoded().then(|| Recode {
            decrypt: self.sides.source.archive.cipher_pass.clone(),
            encrypt: self.target.archive.cipher_pass.clone(),
        });
        let stanza = &self.settings.stanza;
        let mut left: Vec<_> = names
            .iter()
            .filter_map(|name| archive.left.remove(name))
            .collect();
        let mut directories: BTreeSet<StoragePath> = BTreeSet::new();
        directories.insert(layout::archive_path(stanza));
        directories.insert(layout::archive_id_path(stanza, id));
        let mut files = left.drain(..).map(|stored| {
            let file = wal_list::copy_file(stanza, id, &stored, recode.clone());
            directories.insert(file.path.parent());
            file
        });
        let result = self.transfer.run(&mut files, false)?;
        drop(files);
        let directories: Vec<StoragePath> = directories.into_iter().collect();
        sync(&*self.sides.to.storage, &directories)?;
        self.done.segments += result.files;
        self.done.bytes += result.bytes;
        for (path, fault) in result.faults {
            let name = String::from_utf8_lossy(path.file_name()).into_owned();
            let stands_for = StoredSegment::parse(&name).map_or(name, |segment| segment.name);
            if matches!(fault, Fault::Missing) {
                // It was there when the archive was listed: an expire has removed it since, and rightly.
                log::warn!("{}: WAL {stands_for} is gone", self.sides.from.name());
            } else {
                self.tell(&path, &fault);
            }
            let bad = self.bad_wal.entry(id.clone()).or_default();
            bad.insert(stands_for);
        }
        Ok(())
    }

    fn tell(&mut self, path: &StoragePath, fault: &Fault) {
        log::warn!("{}: {} '{path}'", self.sides.from.name(), fault.text());
        self.findings.add(fault.code());
    }

    fn fail(&mut self, label: &BackupLabel, why: &str) {
        if self.failed.insert(label.clone()) {
            log::warn!("backup {label} is not copied: {why}");
            self.findings.failed_sets += 1;
        }
    }

    /// Copies one backup.
    fn set(&mut self, entry: &BackupEntry) -> Result<()> {
        let label = &entry.label;
        if let Some(other) = needs(entry).find(|other| self.failed.contains(other)) {
            let why = format!("it builds on {other}");
            self.fail(label, &why);
        }
        if self.failed.contains(label) {
            return Ok(());
        }
        let (stanza, pass) = (
            &self.settings.stanza,
            self.sides.source.backup.cipher_pass.as_ref(),
        );
        let (from, to) = (&*self.sides.from.storage, &*self.sides.to.storage);
        let mut manifest = match Manifest::load(from, stanza, label, pass).map_err(Error::from) {
            Ok(manifest) if manifest.backup.label.as_ref() == Some(label) => manifest,
            Ok(_) => {
                let path = layout::manifest(stanza, label);
                let wrong = Error::new(ErrorCode::Format, "manifest of another backup");
                return self.faulty(entry, vec![(path, Fault::Other(wrong))]);
            }
            Err(error) if error.is_about_the_storage() => return Err(error),
            Err(error) => {
                let path = layout::manifest(stanza, label);
                return self.faulty(entry, vec![(path, error.into())]);
            }
        };
        log::info!("copy backup {label}, {}", size_text(entry.repo_size_delta));
        let mut listed = entry.clone();
        let directories = SetFiles::of(stanza, label, &manifest).directories();
        let result = if self.sides.is_rewritten() {
            let rewrite = Rewrite {
                settings: self.settings,
                sides: self.sides,
                info: &self.target.backup,
                transfer: &self.transfer,
            };
            rewrite.run(&mut self.chain, &mut manifest, &mut listed)?
        } else {
            self.check_key(entry, &manifest)?;
            // Asked for where a run may have begun: else nothing is there.
            let set_path = layout::set_path(stanza, label);
            let begun = to.info(&set_path, InfoLevel::Exists)?.is_some();
            let mut files = SetFiles::of(stanza, label, &manifest);
            self.transfer.run(&mut files, begun)?
        };
        self.count(&result);
        if !result.faults.is_empty() {
            return self.faulty(entry, result.faults);
        }
        sync(to, &directories)?;
        publish::publish(
            &self.sides.to,
            stanza,
            &mut self.target.backup,
            &manifest,
            listed,
        )?;
        crate::detail!("backup {label}: {} copied", count(result.files, "file"));
        self.done.sets += 1;
        Ok(())
    }

    fn count(&mut self, result: &Transferred) {
        self.done.files += result.files;
        self.done.files_there += result.there;
        self.done.bytes += result.bytes;
    }

    /// Tells what is wrong with a backup, unless it was expired meanwhile.
    fn faulty(&mut self, entry: &BackupEntry, faults: Vec<(StoragePath, Fault)>) -> Result<()> {
        let from = &self.sides.from;
        let is_missing = |(_, fault): &(StoragePath, Fault)| matches!(fault, Fault::Missing);
        if faults.iter().any(is_missing) {
            let now = BackupInfo::load(&*from.storage, &self.settings.stanza, from.pass.as_ref())?;
            if now.find(&entry.label).is_none() {
                log::warn!(
                    "backup {} was expired in {} meanwhile and is not copied",
                    entry.label,
                    from.name()
                );
                self.failed.insert(entry.label.clone());
                if self.settings.sets.is_some() {
                    self.findings.failed_sets += 1;
                    self.findings.add(ErrorCode::FileMissing);
                }
                return Ok(());
            }
        }
        for (path, fault) in &faults {
            self.tell(path, fault);
        }
        let why = format!("{} cannot be used", count(faults.len() as u64, "file"));
        self.fail(&entry.label, &why);
        Ok(())
    }

    /// All backups of a full backup have one key. The target may have the full backup from another repository than this.
    fn check_key(&mut self, entry: &BackupEntry, manifest: &Manifest) -> Result<()> {
        let Some(full) = full_of(entry) else {
            let key = manifest.cipher_pass.clone();
            self.keys.insert(entry.label.clone(), key);
            return Ok(());
        };
        if !self.keys.contains_key(&full) {
            let (to, stanza) = (&*self.sides.to.storage, &self.settings.stanza);
            let pass = self.target.backup.cipher_pass.as_ref();
            let key = Manifest::load(to, stanza, &full, pass)?.cipher_pass;
            self.keys.insert(full.clone(), key);
        }
        let text =
            |key: &Option<SecretString>| key.as_ref().map(|key| key.expose_secret().to_owned());
        if text(&self.keys[&full]) == text(&manifest.cipher_pass) {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::BackupMismatch,
            format!(
                "backup {full} in {} has another key than in {}, so {} cannot be added to it",
                self.sides.to.name(),
                self.sides.from.name(),
                entry.label
            ),
        )
        .with_hint(
            "it was copied from another repository: copy all backups that build on it from there.",
        ))
    }
}
