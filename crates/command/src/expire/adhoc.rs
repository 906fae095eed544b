//! `--set`: one backup that the user names, with all that depend on it, whatever retention says.

use pgkeep_repo::retention::{self, AdhocError};
use pgkeep_repo::{BackupInfo, BackupLabel, layout};

use super::Expire;
use super::settings::repo_option;
use crate::error::{Error, ErrorCode, Result};

impl Expire<'_> {
    /// `false`: this repository does not have the backup. With `warn` no other has it either.
    pub(super) fn expire_adhoc(
        &self,
        info: &mut BackupInfo,
        label: &BackupLabel,
        warn: bool,
    ) -> Result<bool> {
        let newest = info.entries().last().map(|entry| entry.label.clone());
        let (expired, newest_gone) = match retention::expire_adhoc(info.entries(), label) {
            Ok(expired) => expired,
            Err(AdhocError::Missing) => {
                if warn {
                    log::warn!(
                        "backup {label} does not exist\nHINT: run the info command and confirm the backup is listed"
                    );
                }
                return Ok(false);
            }
            Err(AdhocError::LastFull) => {
                return Err(Error::new(
                    ErrorCode::BackupSetInvalid,
                    format!(
                        "full backup {label} cannot be expired until another full backup has been created on this repo"
                    ),
                ));
            }
        };
        self.refuse_pinned(info.entries(), &expired)?;
        let free = self.without_locked(vec![expired])?;
        let Some(expired) = free.into_iter().next() else {
            return Ok(true);
        };
        self.remove_manifests(info, std::slice::from_ref(&expired))?;
        if let Some(newest) = newest.filter(|_| newest_gone) {
            let key = self.repository.key;
            log::warn!(
                "{}: expiring latest backup {newest} - the ability to perform point-in-time-recovery (PITR) may be \
                 affected\nHINT: non-default settings for '{}'/'{}' (even in prior expires) can cause gaps in the WAL.",
                self.name,
                repo_option(key, "retention-archive"),
                repo_option(key, "retention-archive-type"),
            );
            self.move_latest(info)?;
        }
        log::info!("{}: expire adhoc backup {}", self.name, expired.text());
        Ok(true)
    }

    /// Points the `latest` link to the newest backup that is left.
    fn move_latest(&self, info: &BackupInfo) -> Result<()> {
        let Some(newest) = info.entries().last().filter(|_| !self.settings.dry_run) else {
            return Ok(());
        };
        let (storage, link) = (self.storage(), layout::latest(self.stanza()));
        if let Some(links) = storage.as_symbolic_links() {
            links.link(&link, newest.label.as_str().as_bytes())?;
        } else {
            // Left from a time when the storage had links.
            storage.remove(&link)?;
        }
        if let Some(sync) = storage.as_path_sync() {
            sync.sync_paths(&[layout::backup_path(self.stanza())])?;
        }
        Ok(())
    }
}
