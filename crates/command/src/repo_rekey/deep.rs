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
        let current = key()?.ok_or_else(|| {
            Error::new(
                ErrorCode::Format,
                format!("'{shown}' has no key although it is encrypted"),
            )
        })?;
        let Some(keys) = self.keys(info, &current)? else {
            // A run has ended but for this.
            kept_key::remove(self.storage, &kept_key::path(info, Kept::New))?;
            return Ok(0);
        };
        let mut seen = std::collections::BTreeSet::new();
        let mut count = self.encrypt_all(&list()?, &keys, &mut seen)?;
        // What has come since the list was made.
        count += self.encrypt_all(&list()?, &keys, &mut seen)?;
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

    /// The keys of a run that died, else the present one and a new one, both kept; `None`: that run had ended but for the new key,
    /// which is in the info file.
    fn keys(&self, info: &StoragePath, current: &SecretString) -> Result<Option<Keys>> {
        let path = |kept| kept_key::path(info, kept);
        let load = |kept| kept_key::load(self.storage, &path(kept), self.pass);
        let last = load(Kept::Last)?;
        let keys = |old, new| Keys {
            new,
            before: [Some(old), last].into_iter().flatten().collect(),
        };
        match (load(Kept::Old)?, load(Kept::New)?) {
            (Some(old), Some(new)) => Ok(Some(keys(old, new))),
            (None, Some(new)) if new.expose_secret() == current.expose_secret() => Ok(None),
            (None, Some(_)) => Err(Error::new(
                ErrorCode::Format,
                format!(
                    "'{}' is there without the key that it was to follow",
                    self.storage.display(&path(Kept::New))
                ),
            )
            .with_hint(
                "nothing has been changed. Was a part of the repository restored from elsewhere?",
            )),
            // Without a new one nothing was encrypted yet.
            (_, None) => {
                let new = cipher_keys::dependent_pass(Some(self.pass))?
                    .expect("what depends on an encrypted file has a key");
                kept_key::save(self.storage, &path(Kept::Old), current, self.pass)?;
                kept_key::save(self.storage, &path(Kept::New), &new, self.pass)?;
                Ok(Some(keys(current.clone(), new)))
            }
        }
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
