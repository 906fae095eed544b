//! Manifests of former backups in `backup.history`, which expire by age (`docs/format/layout.md`, "The history").
//!
//! Each repository's own history counts. pgBackRest lists that of the first repository whichever it works on. So with several
//! repositories of different ages it leaves manifests behind in the others.

use pgkeep_repo::retention::{HistoryYear, history_limit, history_year, keeps_history_manifest};
use pgkeep_repo::{BackupInfo, layout};
use pgkeep_storage::StoragePath;

use super::Expire;
use crate::error::Result;

impl Expire<'_> {
    pub(super) fn expire_history(&self, info: &BackupInfo) -> Result<()> {
        let Some(days) = self.retention.history else {
            return Ok(());
        };
        let (storage, stanza, name) = (self.storage(), self.stanza(), &self.name);
        let limit = history_limit(
            self.context.clock.seconds(),
            days,
            self.context.clock.zone(),
        )?;
        let listed = info.labels();
        for year in self.names(&layout::history_path(stanza))? {
            self.context.cancel.check()?;
            let path = layout::history_year_path(stanza, &year);
            match history_year(&year, &limit) {
                None => {}
                Some(HistoryYear::Keep) => break,
                Some(HistoryYear::Remove) => {
                    log::info!("{name}: remove expired backup history path {year}");
                    if !self.settings.dry_run {
                        storage.remove_tree(&path)?;
                    }
                }
                Some(HistoryYear::PerFile) => {
                    let mut gone = self.names(&path)?;
                    gone.retain(|file| !keeps_history_manifest(file, &limit, &listed));
                    self.removed
                        .add(|counts| counts.histories += gone.len() as u64);
                    for file in gone.iter().rev() {
                        log::info!("{name}: remove expired backup history manifest {file}");
                    }
                    if !self.settings.dry_run {
                        let paths: Vec<StoragePath> =
                            gone.iter().map(|file| path.join(file)).collect();
                        storage.remove_files(&paths)?;
                    }
                }
            }
        }
        Ok(())
    }
}
