//! `repo-rekey --deep`: new keys for the WAL of a stanza and for the manifests of its backups.
//!
//! `archive.info` has one key for all WAL, and `backup.info` one for all manifests. So every file is encrypted anew, and then the
//! info file gets the new key. The invariant: until the last step both keys are kept in the repository beside the info file,
//! durable before the first file is touched, and each file is whole under one of the two. A run that dies is gone on with: files
//! that have the new key already are left alone.
//!
//! Who has read the info file before and stores something after the end does so with the key before. So that one is kept until the
//! next run, which opens with it what it finds.

use pgkeep_repo::info_file::{self, LoadKind};
use pgkeep_repo::kept_key::{self, Kept};
use pgkeep_repo::{ArchiveInfo, BackupInfo, Stanza, cipher_keys, layout};
use pgkeep_storage::{Storage, StoragePath};
use secrecy::{ExposeSecret, SecretString};

use super::encrypted::{self, Encrypted, Keys};
use super::files;
use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;

/// The repository, and what opens its info files.
#[derive(Clone, Copy)]
pub(super) struct Deep<'a> {
    pub storage: &'a dyn Storage,
    pub pass: &'a SecretString,
    pub cancel: &'a Cancel,
}

impl Deep<'_> {
    /// Gives the stanza new keys. Returns how many files of WAL and how many manifests were encrypted anew.
    ///
    /// # Errors
    /// A file that neither key opens, before its info file is touched; the storage; a stop.
    pub(super) fn stanza(&self, stanza: &Stanza) -> Result<(u64, u64)> {
        let infos = [layout::archive_info(stanza), layout::backup_info(stanza)];
        let there = info_file::are_there(self.storage, &infos)?;
        let [has_archive, has_backup] = [0, 1].map(|at| there[at]);
        let archive = has_archive.then(|| self.archive(stanza)).transpose()?;
        let backup = has_backup.then(|| self.backup(stanza)).transpose()?;
        Ok((archive.unwrap_or(0), backup.unwrap_or(0)))
    }

    fn archive(&self, stanza: &Stanza) -> Result<u64> {
        self.part(
            &layout::archive_info(stanza),
            || {
                Ok(self
                    .load(&layout::archive_info(stanza), ArchiveInfo::parse)?
                    .cipher_pass)
            },
            || files::wal(self.storage, stanza),
            |key| {
                let mut info = self.load(&layout::archive_info(stanza), ArchiveInfo::parse)?;
                info.cipher_pass = Some(key);
                Ok(info.save(self.storage, stanza, Some(self.pass))?)
            },
        )
    }

    fn backup(&self, stanza: &Stanza) -> Result<u64> {
        self.part(
            &layout::backup_info(stanza),
            || {
                Ok(self
                    .load(&layout::backup_info(stanza), BackupInfo::parse)?
                    .cipher_pass)
            },
            || files::manifests(self.storage, stanza),
            |key| {
                let mut info = self.load(&layout::backup_info(stanza), BackupInfo::parse)?;
                info.cipher_pass = Some(key);
                Ok(info.save(self.storage, stanza, Some(self.pass))?)
            },
        )
    }

    fn load<T>(
        &self,
        path: &StoragePath,
        parse: impl Fn(&mut dyn std::io::BufRead) -> pgkeep_repo::Result<T>,
    ) -> Result<T> {
        Ok(info_file::load(
            self.storage,
            path,
            Some(self.pass),
            LoadKind::Info,
            parse,
        )?)
    }

    /// One info file and what its key opens.
    fn part(
        &self,
        info: &StoragePath,
        key: impl Fn() -> Result<Option<SecretString>>,
        list: impl Fn() -> Result<Vec<Encrypted>>,
        switch: impl Fn(SecretString) -> Result<()>,
    ) -> Result<u64> {
        let shown = self.storage.display(info);
        let current = || {
            key()?.ok_or_else(|| {
                Error::new(
                    ErrorCode::Format,
                    format!("'{shown}' has no key although it is encrypted"),
                )
            })
        };
        let Some(keys) = self.keys(info, &current)? else {
            // A run has ended but for this.
            kept_key::remove(self.storage, &kept_key::path(info, Kept::New))?;
            return Ok(0);
        };
        let mut seen = std::collections::BTreeSet::new();
        let mut count = self.encrypt_all(&list()?, &keys, &mut seen)?;
        // What has come since the list was made.
        count += self.encrypt_all(&list()?, &keys, &mut seen)?;
        let kept = kept_key::load(self.storage, &kept_key::path(info, Kept::New), self.pass)?;
        if kept.is_none_or(|kept| kept.expose_secret() != keys.new.expose_secret()) {
            // The info file has these keys by now, or later ones.
            return Err(self.ended_elsewhere(info));
        }
        // Only now, when every file has the new key and is durable, may the info file say so.
        switch(keys.new.clone())?;
        // Somebody may have read the info file before and stored something since.
        count += self.encrypt_all(&list()?, &keys, &mut seen)?;
        // A run that has read the info file before may still be storing something, and end after this one.
        let path = kept_key::path(info, Kept::Last);
        kept_key::save(self.storage, &path, &keys.before[0], self.pass)?;
        // The old one first: the new one alone says that only this was left to do.
        kept_key::remove(self.storage, &kept_key::path(info, Kept::Old))?;
        kept_key::remove(self.storage, &kept_key::path(info, Kept::New))?;
        Ok(count)
    }

    /// The new key, kept by a run that died or one on another host, else drawn and kept here, and those before; `None`: a run had ended
    /// but for the new key, which is in the info file.
    ///
    /// No lock of this host keeps off another one that mounts the directory. With two new keys one would be lost, so exactly one of
    /// those that are drawn at the same time is kept, and all give files that one.
    fn keys(
        &self,
        info: &StoragePath,
        current: &dyn Fn() -> Result<SecretString>,
    ) -> Result<Option<Keys>> {
        let path = |kept| kept_key::path(info, kept);
        let load = |kept| kept_key::load(self.storage, &path(kept), self.pass);
        let save =
            |key: &SecretString| kept_key::save(self.storage, &path(Kept::Old), key, self.pass);
        let new = match load(Kept::New)? {
            Some(new) => new,
            // Without a new one nothing was encrypted yet.
            None => {
                let new = cipher_keys::dependent_pass(Some(self.pass))?
                    .expect("what depends on an encrypted file has a key");
                save(&current()?)?;
                match kept_key::save_first(self.storage, &path(Kept::New), &new, self.pass)? {
                    true => new,
                    false => load(Kept::New)?.ok_or_else(|| self.ended_elsewhere(info))?,
                }
            }
        };
        // Read only now: whoever ended before had put it there before the new key was removed.
        let current = current()?;
        let (old, last) = (load(Kept::Old)?, load(Kept::Last)?);
        let is_same =
            |one: &SecretString, other: &SecretString| one.expose_secret() == other.expose_secret();
        if is_same(&current, &new) {
            if old.as_ref().is_none_or(|old| is_same(old, &new)) {
                return Ok(None);
            }
        } else if !old.as_ref().is_some_and(|old| is_same(old, &current)) {
            save(&current)?;
        }
        let mut before: Vec<SecretString> = Vec::new();
        for key in [Some(current), old, last].into_iter().flatten() {
            if !is_same(&key, &new) && !before.iter().any(|other| is_same(other, &key)) {
                before.push(key);
            }
        }
        Ok(Some(Keys { new, before }))
    }

    /// Another host was quicker with the same work.
    fn ended_elsewhere(&self, info: &StoragePath) -> Error {
        Error::new(
            ErrorCode::LockAcquire,
            format!(
                "another host has ended repo-rekey --deep for '{}' meanwhile",
                self.storage.display(info)
            ),
        )
        .with_hint("nothing is lost. Run it on one host, to give the rest new keys too.")
    }

    fn encrypt_all(
        &self,
        files: &[Encrypted],
        keys: &Keys,
        seen: &mut std::collections::BTreeSet<StoragePath>,
    ) -> Result<u64> {
        let mut count = 0;
        for file in files {
            self.cancel.check()?;
            if seen.insert(file.path.clone()) {
                let again = encrypted::again(self.storage, file, keys, self.cancel)?;
                count += u64::from(again);
            }
        }
        Ok(count)
    }
}
