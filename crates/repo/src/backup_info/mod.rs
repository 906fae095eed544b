//! `backup.info`: the backups of a stanza and the clusters they are of (`docs/format/info-files.md`).
//!
//! Entries are kept sorted by label. The list is an index of the manifests on disk: [`BackupInfo::reconstruct`]
//! reconciles the two
//! for the commands that change it.

mod annotations;
mod entry;
mod meanwhile;
mod reconstruct;
#[cfg(test)]
mod reconstruct_tests;
#[cfg(test)]
mod tests;

use std::io::{BufRead, Write};

use pgkeep_storage::Storage;
use secrecy::SecretString;

use crate::backup_label::BackupLabel;
use crate::error::{Error, Result};
use crate::info_file::{self, InfoWriter, LoadKind, StagedInfo};
use crate::layout;
use crate::pg_history::{Dialect, PgHistory, PgHistoryReader};
use crate::sets::list_sets;
use crate::stanza::Stanza;
pub use annotations::{Annotations, is_annotation_key};
pub(crate) use annotations::{check_annotations, read_annotations, write_annotations};
pub use entry::{BackupEntry, MapSize};
pub use reconstruct::Reconciled;

const CURRENT: &str = "backup:current";

/// Contents of `backup.info`.
#[derive(Debug, Clone)]
pub struct BackupInfo {
    pub history: PgHistory,
    /// Passphrase of manifests and history manifests; `None`: not encrypted.
    pub cipher_pass: Option<SecretString>,
    /// Version of the program that wrote the file last.
    pub version: String,
    /// Sorted by label.
    entries: Vec<BackupEntry>,
    /// Whether nobody may write the file ([`crate::closed`]); `None`: to be looked up when it is saved.
    pub closed: Option<bool>,
    updated: bool,
}

impl BackupInfo {
    /// The file of a new stanza: no backups.
    #[must_use]
    pub fn new(history: PgHistory, cipher_pass: Option<SecretString>) -> Self {
        let version = info_file::PROGRAM_VERSION.to_owned();
        Self {
            history,
            cipher_pass,
            version,
            entries: Vec::new(),
            closed: None,
            updated: true,
        }
    }

    /// Parses plain text.
    pub fn parse(input: &mut dyn BufRead) -> Result<Self> {
        let mut history = PgHistoryReader::new(Dialect::Backup);
        let mut entries: Vec<BackupEntry> = Vec::new();
        let header = info_file::read(input, &mut |section, key, value| {
            if !history.take(section, key, value)? && section == CURRENT.as_bytes() {
                let label = std::str::from_utf8(key)
                    .map_err(|_| Error::format("backup label is not valid UTF-8"))?
                    .parse::<BackupLabel>()?;
                entries.push(BackupEntry::parse(label, value)?);
            }
            Ok(())
        })?;
        entries.sort_by(|a, b| a.label.cmp(&b.label));
        Ok(Self {
            history: history.finish()?,
            cipher_pass: header.cipher_pass,
            version: header.version,
            entries,
            closed: None,
            updated: false,
        })
    }

    /// Writes plain text, naming `version` as the program that wrote it.
    pub fn write(&self, out: impl Write, version: &str) -> Result<()> {
        for entry in &self.entries {
            check_annotations(&entry.annotations)?;
        }
        let mut writer = InfoWriter::new(out, version, self.cipher_pass.as_ref())?;
        for entry in &self.entries {
            writer.value(CURRENT, entry.label.as_str().as_bytes(), |out| {
                entry.write(out)
            })?;
        }
        self.history.write(&mut writer, Dialect::Backup)?;
        writer.finish()?;
        Ok(())
    }

    /// Loads the stanza's file or its copy as it is; `pass` is the repository's passphrase.
    pub fn load(
        storage: &dyn Storage,
        stanza: &Stanza,
        pass: Option<&SecretString>,
    ) -> Result<Self> {
        let mut info = info_file::load(
            storage,
            &layout::backup_info(stanza),
            pass,
            LoadKind::Info,
            Self::parse,
        )
        .map_err(|error| {
            if error.kind.is_unreachable() {
                return error;
            }
            error
                .with_hint("backup.info cannot be opened and is required to perform a backup.")
                .with_hint("has a stanza-create been performed?")
        })?;
        if storage.only_adds() {
            // Nobody here can list what was added, so it is looked for.
            let sets = list_sets(storage, stanza)?;
            for warning in info.reconstruct(storage, stanza, &sets)?.warnings {
                log::debug!("{warning}");
            }
        }
        Ok(info)
    }

    /// Saves the file, then its copy, both durable on return.
    pub fn save(
        &mut self,
        storage: &dyn Storage,
        stanza: &Stanza,
        pass: Option<&SecretString>,
    ) -> Result<()> {
        info_file::publish(vec![self.stage(storage, stanza, pass)?])?;
        self.updated = false;
        Ok(())
    }

    /// Begins to save; see [`info_file::publish`].
    pub fn stage(
        &self,
        storage: &dyn Storage,
        stanza: &Stanza,
        pass: Option<&SecretString>,
    ) -> Result<StagedInfo> {
        let mut plain = Vec::new();
        self.write(&mut plain, info_file::PROGRAM_VERSION)?;
        let path = layout::backup_info(stanza);
        info_file::stage(storage, &path, (plain, self.closed), pass)
    }

    /// Whether anything changed since the file was loaded or saved.
    #[must_use]
    pub fn is_updated(&self) -> bool {
        self.updated
    }

    /// Notes that [`Self::history`] was changed.
    pub fn mark_updated(&mut self) {
        self.updated = true;
    }

    /// All backups, sorted by label, which is from the oldest to the newest.
    #[must_use]
    pub fn entries(&self) -> &[BackupEntry] {
        &self.entries
    }

    #[must_use]
    pub fn find(&self, label: &BackupLabel) -> Option<&BackupEntry> {
        self.index(label).ok().map(|at| &self.entries[at])
    }

    fn index(&self, label: &BackupLabel) -> std::result::Result<usize, usize> {
        self.entries
            .binary_search_by(|entry| entry.label.cmp(label))
    }

    /// Adds a backup, replacing an entry with the same label.
    pub fn add(&mut self, entry: BackupEntry) {
        match self.index(&entry.label) {
            Ok(at) => self.entries[at] = entry,
            Err(at) => self.entries.insert(at, entry),
        }
        self.updated = true;
    }

    /// Removes a backup; `false` if there was none.
    pub fn remove(&mut self, label: &BackupLabel) -> bool {
        let found = self.index(label);
        if let Ok(at) = found {
            self.entries.remove(at);
            self.updated = true;
        }
        found.is_ok()
    }

    /// `label` and all backups that depend on it, from the oldest to the newest.
    ///
    /// They are to be removed in the opposite order, so that no backup ever stands without the one it depends on.
    #[must_use]
    pub fn dependents(&self, label: &BackupLabel) -> Vec<BackupLabel> {
        dependents(&self.entries, label)
    }

    /// Sets annotations of a backup; an empty value removes its key. `false` if there is no such backup.
    pub fn annotate(&mut self, label: &BackupLabel, changes: &Annotations) -> bool {
        let Ok(at) = self.index(label) else {
            return false;
        };
        let annotations = &mut self.entries[at].annotations;
        for (key, value) in changes {
            if value.is_empty() {
                annotations.remove(key);
            } else {
                annotations.insert(key.clone(), value.clone());
            }
        }
        self.updated = true;
        true
    }
}

/// `label` and all of `entries` (sorted by label) that depend on it, from the oldest to the newest.
#[must_use]
pub fn dependents(entries: &[BackupEntry], label: &BackupLabel) -> Vec<BackupLabel> {
    let mut set = vec![label.clone()];
    // One pass is enough: a backup sorts after the one it depends on.
    for entry in entries {
        if entry
            .prior
            .as_ref()
            .is_some_and(|prior| set.contains(prior))
        {
            set.push(entry.label.clone());
        }
    }
    set
}
