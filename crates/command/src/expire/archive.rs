//! WAL that no backup in retention needs (`docs/format/wal-archive.md`, "Expiry").
//!
//! A directory of WAL is listed at most once, and its files are removed in one call.

use pgkeep_repo::archive::is_wal_directory;
use pgkeep_repo::retention::{
    ArchiveAction, ArchiveRequest, KeepRanges, RemovedRuns, plan_archive,
};
use pgkeep_repo::{ArchiveId, ArchiveInfo, BackupInfo, layout};
use pgkeep_storage::{InfoLevel, ListOptions, StoragePath};

use super::Expire;
use super::settings::repo_option;
use crate::error::Result;

impl Expire<'_> {
    pub(super) fn expire_archive(&self, info: &BackupInfo) -> Result<()> {
        let Some(keep) = self.retention.archive.filter(|keep| *keep > 0) else {
            if self.retention.by_time {
                log::info!(
                    "{}: time-based archive retention not met - archive logs will not be expired",
                    self.name
                );
            } else {
                let option = repo_option(self.repository.key, "retention-archive");
                log::info!("option '{option}' is not set - archive logs will not be expired");
            }
            return Ok(());
        };
        let request = ArchiveRequest {
            keep,
            keep_type: self.retention.archive_type,
            before: self.settings.archive_expire_before.as_deref(),
        };
        if !request.applies(info.entries()) {
            return Ok(());
        }
        let (storage, stanza) = (self.storage(), self.stanza());
        let archive_info = ArchiveInfo::load(storage, stanza, self.repository.pass.as_ref())?;
        let on_disk: Vec<ArchiveId> = self
            .names(&layout::archive_path(stanza))?
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        for plan in plan_archive(
            info.entries(),
            &info.history,
            &archive_info.history,
            &on_disk,
            request,
        )? {
            self.context.cancel.check()?;
            match plan.action {
                ArchiveAction::Remove => {
                    let path = layout::archive_id_path(stanza, &plan.id);
                    log::info!(
                        "{}: remove archive path {}",
                        self.name,
                        storage.display(&path)
                    );
                    self.removed.add(|counts| counts.archives += 1);
                    if !self.settings.dry_run {
                        storage.remove_tree(&path)?;
                    }
                }
                ArchiveAction::Keep(keep) => self.expire_outside(&plan.id, &keep)?,
            }
        }
        Ok(())
    }

    /// Names in a directory, sorted; none if it is missing.
    pub(super) fn names(&self, path: &StoragePath) -> Result<Vec<String>> {
        let options = ListOptions {
            level: InfoLevel::Exists,
            sort: true,
        };
        let listed = self.storage().list(path, &options)?.unwrap_or_default();
        Ok(listed
            .into_iter()
            .map(|info| info.name.to_string())
            .collect())
    }

    /// Removes what lies outside the ranges of one archive.
    fn expire_outside(&self, id: &ArchiveId, keep: &KeepRanges) -> Result<()> {
        let (storage, stanza, name) = (self.storage(), self.stanza(), &self.name);
        for range in &keep.ranges {
            if let Some(label) = &range.label {
                let stop = range
                    .stop
                    .as_ref()
                    .map_or_else(String::new, |stop| format!(", stop = {stop}"));
                self.explain(&format!(
                    "{name}: {id} archive retention on backup {label}, start = {}{stop}",
                    range.start
                ));
            }
        }
        let found = self.names(&layout::archive_id_path(stanza, id))?;
        let gone: Vec<StoragePath> = found
            .iter()
            .filter(|name| is_wal_directory(name) && !keep.keeps_directory(name))
            .map(|directory| layout::wal_path(stanza, id, directory))
            .collect();
        if !self.settings.dry_run {
            let mut done = 0;
            for group in gone.chunks(self.trees_at_once()) {
                self.context.cancel.check()?;
                let name = String::from_utf8_lossy(group[0].file_name());
                self.removing("WAL directory", &name, done, gone.len());
                done += group.len();
                storage.remove_trees(group)?;
            }
        }
        let mut runs = RemovedRuns::default();
        for directory in found.iter().filter(|name| is_wal_directory(name)) {
            self.context.cancel.check()?;
            let path = layout::wal_path(stanza, id, directory);
            if !keep.keeps_directory(directory) {
                crate::detail!("{name}: {id} remove archive path {directory}");
                self.removed.add(|counts| counts.directories += 1);
                runs.removed(directory);
            } else if keep.needs_listing(directory) {
                self.expire_files(id, keep, &path, &mut runs)?;
            }
        }
        match runs.finish() {
            (_, false) => log::info!("{name}: {id} no archive to remove"),
            (run, true) => self.log_run(id, run),
        }
        self.expire_timelines(id, keep, &found)
    }

    /// Removes single files of a directory of WAL.
    fn expire_files(
        &self,
        id: &ArchiveId,
        keep: &KeepRanges,
        path: &StoragePath,
        runs: &mut RemovedRuns,
    ) -> Result<()> {
        // Other names have nothing to do with WAL: they neither go nor end a run.
        let files: Vec<String> = self
            .names(path)?
            .into_iter()
            .filter(|file| pgkeep_repo::archive::wal_directory(file).is_some())
            .collect();
        let gone: Vec<StoragePath> = files
            .iter()
            .filter(|file| !keep.keeps_file(file))
            .map(|file| path.join(file))
            .collect();
        if !self.settings.dry_run {
            self.storage().remove_many(&gone)?;
        }
        self.removed
            .add(|counts| counts.segments += gone.len() as u64);
        for file in &files {
            if keep.keeps_file(file) {
                self.log_run(id, runs.kept());
            } else {
                runs.removed(&file[..24]);
            }
        }
        Ok(())
    }

    fn log_run(&self, id: &ArchiveId, run: Option<(String, String)>) {
        if let Some((start, stop)) = run {
            log::info!(
                "{}: {id} remove archive, start = {start}, stop = {stop}",
                self.name
            );
        }
    }

    /// Removes the history files of timelines that no kept WAL belongs to.
    fn expire_timelines(&self, id: &ArchiveId, keep: &KeepRanges, found: &[String]) -> Result<()> {
        let gone: Vec<&String> = found
            .iter()
            .filter(|file| !keep.keeps_history(file))
            .collect();
        if !self.settings.dry_run {
            let paths: Vec<StoragePath> = gone
                .iter()
                .map(|file| layout::archive_file(self.stanza(), id, file))
                .collect();
            self.storage().remove_many(&paths)?;
        }
        for file in gone {
            log::info!("{}: {id} remove history file {file}", self.name);
            self.removed.add(|counts| counts.histories += 1);
        }
        Ok(())
    }
}
