//! Backups that are not copied: why not, and what is told of it.

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{BackupInfo, BackupLabel, Manifest, layout};
use pgkeep_storage::StoragePath;
use secrecy::{ExposeSecret, SecretString};

use super::begun::Begun;
use super::chosen::needs;
use super::copy::Copy;
use super::listed::Listed;
use super::outcome::Became;
use super::piece::Fault;
use super::plan::{full_of, range_of};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::added_sets::missing_file;
use crate::run::summary::count;

impl Copy<'_> {
    /// The manifest of a backup of the source; `None` if it cannot be used, which is told.
    pub(super) fn manifest(&mut self, entry: &BackupEntry) -> Result<Option<Manifest>> {
        let (label, stanza) = (&entry.label, &self.settings.stanza);
        let from = &*self.sides.from.storage;
        let pass = self.sides.source.backup.cipher_pass.as_ref();
        let error = match Manifest::load(from, stanza, label, pass).map_err(Error::from) {
            Ok(manifest) if manifest.backup.label.as_ref() == Some(label) => {
                return Ok(Some(manifest));
            }
            Ok(_) => Error::new(ErrorCode::Format, "manifest of another backup"),
            Err(error) if error.is_about_the_storage() => return Err(error),
            Err(error) => error,
        };
        if error.code == ErrorCode::FileMissing && self.is_expired(entry)? {
            self.expired(entry);
            return Ok(None);
        }
        let path = layout::manifest(stanza, label);
        self.unusable(entry, &[(path, error.into())]);
        Ok(None)
    }

    /// Names a file of the source that cannot be used.
    pub(super) fn tell(&mut self, path: &StoragePath, fault: &Fault) {
        log::warn!("{}: {} '{path}'", self.sides.from.name(), fault.text());
        self.outcome.findings.add(fault.code());
        self.outcome.problem(&path.to_string(), fault);
    }

    /// A backup is not copied.
    pub(super) fn fail(&mut self, label: &BackupLabel, code: Option<ErrorCode>, why: &str) {
        log::warn!("backup {label} is not copied: {why}");
        self.failed.insert(label.clone());
        self.outcome.findings.fail(code);
        self.outcome.became(label, Became::Failed, Some(why));
    }

    /// A backup that the target has cannot be used as it should.
    pub(super) fn tell_there(&mut self, label: &BackupLabel, why: &str) {
        log::warn!("backup {label} is in {}, but {why}", self.sides.to.name());
        self.outcome.findings.note(ErrorCode::FileMissing);
        self.outcome.there(label, Some(why));
    }

    /// A backup is not copied because of others or its WAL, which is no fault if it was expired in the source by now.
    pub(super) fn unless_expired(
        &mut self,
        entry: &BackupEntry,
        code: Option<ErrorCode>,
        why: &str,
    ) -> Result<()> {
        match self.is_expired(entry)? {
            true => self.expired(entry),
            false => self.fail(&entry.label, code, why),
        }
        Ok(())
    }

    /// It does not fit what the target has.
    pub(super) fn unfit(&mut self, label: &BackupLabel, error: &Error) {
        let why = format!(
            "it does not fit what {} has: {}",
            self.sides.to.name(),
            error.text()
        );
        self.fail(label, Some(error.code), &why);
    }

    /// Tells what is wrong with the files of a backup, unless it was expired meanwhile.
    pub(super) fn faulty(
        &mut self,
        entry: &BackupEntry,
        begun: &Begun<'_>,
        faults: Vec<(StoragePath, Fault)>,
    ) -> Result<()> {
        let is_missing = |(_, fault): &(StoragePath, Fault)| matches!(fault, Fault::Missing);
        if faults.iter().any(is_missing) && self.is_expired(entry)? {
            self.expired(entry);
            return begun.clear();
        }
        self.unusable(entry, &faults);
        begun.leave()
    }

    fn unusable(&mut self, entry: &BackupEntry, faults: &[(StoragePath, Fault)]) {
        for (path, fault) in faults {
            self.tell(path, fault);
        }
        let why = format!("{} cannot be used", count(faults.len() as u64, "file"));
        self.fail(&entry.label, None, &why);
    }

    /// Whether the source does not list a backup any more.
    fn is_expired(&self, entry: &BackupEntry) -> Result<bool> {
        let from = &self.sides.from;
        let now = BackupInfo::load(&*from.storage, &self.settings.stanza, from.pass.as_ref())?;
        Ok(now.find(&entry.label).is_none())
    }

    fn expired(&mut self, entry: &BackupEntry) {
        if self.settings.sets.is_some() {
            let why = format!("it was expired in {} meanwhile", self.sides.from.name());
            return self.fail(&entry.label, Some(ErrorCode::FileMissing), &why);
        }
        log::warn!(
            "backup {} was expired in {} meanwhile and is not copied",
            entry.label,
            self.sides.from.name()
        );
        self.failed.insert(entry.label.clone());
        self.outcome.became(&entry.label, Became::Expired, None);
    }

    /// What a backup builds on and the target does not list now.
    pub(super) fn lacks(&self, entry: &BackupEntry) -> Option<String> {
        let gone = needs(entry).find(|other| self.target.backup.find(other).is_none())?;
        Some(format!(
            "it builds on {gone}, which is no longer in {}",
            self.sides.to.name()
        ))
    }

    /// What was removed in the target while the backup was copied: a lock keeps away an expire of this host, not that of another.
    pub(super) fn removed_meanwhile(
        &mut self,
        entry: &BackupEntry,
        manifest: &Manifest,
    ) -> Result<Option<String>> {
        let (to, stanza) = (&self.sides.to, &self.settings.stanza);
        let mut found = missing_file(&*to.storage, stanza, &entry.label, manifest)?;
        if found.is_none()
            && let Some(range) = range_of(entry)
        {
            let missing = self.missing_wal(entry, &range)?;
            found = missing.map(|missing| format!("WAL {missing}, which it needs, is not there"));
        }
        if found.is_none() {
            self.target.backup = Listed::renew(&self.sides.to, &self.settings.stanza)?.info;
            found = self.lacks(entry);
        }
        Ok(found.map(|what| {
            format!(
                "{what}\nHINT: was it removed in {0} meanwhile? Run expire and backup for {0} only on this host while a copy runs.",
                self.sides.to.name()
            )
        }))
    }

    /// All backups of a full backup have one key. The target may have the full backup from another repository than this.
    ///
    /// # Errors
    /// Another key; those of loading.
    pub(super) fn check_key(&mut self, entry: &BackupEntry, manifest: &Manifest) -> Result<()> {
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
