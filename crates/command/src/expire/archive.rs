//! WAL that no backup in retention needs (`docs/format/wal-archive.md`, "Expiry").
//!
//! A directory of WAL is listed at most once, and all files are removed in one call.

use pgkeep_repo::archive::is_wal_directory;
use pgkeep_repo::retention::{
    ArchiveAction, ArchiveRequest, KeepRanges, RemovedRuns, plan_archive,
};
use pgkeep_repo::{ArchiveId, BackupInfo, layout};
use pgkeep_storage::{Storage, StoragePath, in_parallel};

use super::Expire;
use super::ahead::{Archives, names, names_of_all};
use super::settings::repo_option;
use crate::error::Result;
use crate::run::cancel::Cancel;

impl Expire<'_> {
    /// `ahead`: the archives, where they were read before; `closed`: another account adds to them.
    pub(super) fn expire_archive(
        &self,
        info: &BackupInfo,
        ahead: Option<Result<Archives>>,
        closed: bool,
    ) -> Result<()> {
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
            if self.explains() {
                let option = repo_option(self.repository.key, "retention-archive");
                log::info!(
                    "{}: all WAL stays: there are fewer backups than the {keep} of {option}",
                    self.name
                );
            }
            return Ok(());
        }
        let (storage, stanza) = (self.storage(), self.stanza());
        let read = || Archives::read(storage, stanza, self.repository.pass.as_ref());
        let archives = ahead.unwrap_or_else(read)?;
        let on_disk: Vec<ArchiveId> = archives.found.iter().map(|(id, _)| id.clone()).collect();
        for plan in plan_archive(
            info.entries(),
            &info.history,
            &archives.info.history,
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
                ArchiveAction::Keep(mut keep) => {
                    let found = archives.found.iter().find(|(id, _)| *id == plan.id);
                    let found = found.map_or(&[][..], |(_, names)| names);
                    if closed {
                        self.keep_late_wal(&plan.id, &mut keep, found)?;
                    }
                    self.expire_outside(&plan.id, &keep, found)?;
                }
            }
        }
        Ok(())
    }

    /// Names in a directory, sorted; none if it is missing.
    pub(super) fn names(&self, path: &StoragePath) -> Result<Vec<String>> {
        names(self.storage(), path)
    }

    /// Removes what lies outside the ranges of one archive; `found`: the names in its directory.
    fn expire_outside(&self, id: &ArchiveId, keep: &KeepRanges, found: &[String]) -> Result<()> {
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
        let directories = || found.iter().filter(|name| is_wal_directory(name));
        let path = |directory: &String| layout::wal_path(stanza, id, directory);
        let trees: Vec<StoragePath> = directories()
            .filter(|directory| !keep.keeps_directory(directory))
            .map(path)
            .collect();
        let listed: Vec<StoragePath> = directories()
            .filter(|directory| keep.keeps_directory(directory) && keep.needs_listing(directory))
            .map(path)
            .collect();
        let dry_run = self.settings.dry_run;
        let cancel = &self.context.cancel;
        let ((), files) = in_parallel(
            storage,
            || match dry_run {
                true => Ok(()),
                false => self.remove_wal(&trees),
            },
            || expire_files(storage, cancel, &listed, keep, dry_run),
        )?;
        let gone = files.iter().flatten().filter(|file| !keep.keeps_file(file));
        let gone = gone.count() as u64;
        self.removed.add(|counts| {
            counts.directories += trees.len() as u64;
            counts.segments += gone;
        });
        let mut files = files.iter();
        let mut runs = RemovedRuns::default();
        for directory in directories() {
            if !keep.keeps_directory(directory) {
                crate::detail!("{name}: {id} remove archive path {directory}");
                runs.removed(directory);
            } else if keep.needs_listing(directory) {
                for file in files.next().into_iter().flatten() {
                    if keep.keeps_file(file) {
                        self.log_run(id, runs.kept());
                    } else {
                        runs.removed(&file[..24]);
                    }
                }
            }
        }
        match runs.finish() {
            (_, false) => log::info!("{name}: {id} no archive to remove"),
            (run, true) => self.log_run(id, run),
        }
        self.expire_timelines(id, keep, found)
    }

    /// Removes whole directories of WAL.
    fn remove_wal(&self, trees: &[StoragePath]) -> Result<()> {
        let mut done = 0;
        for group in trees.chunks(self.trees_at_once()) {
            self.context.cancel.check()?;
            let name = String::from_utf8_lossy(group[0].file_name());
            self.removing("WAL directory", &name, done, trees.len());
            done += group.len();
            self.storage().remove_trees(group)?;
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
            self.storage().remove_files(&paths)?;
        }
        for file in gone {
            log::info!("{}: {id} remove history file {file}", self.name);
            self.removed.add(|counts| counts.histories += 1);
        }
        Ok(())
    }
}

/// Directories that are listed before their files are removed, all at once.
const DIRECTORIES: usize = 16;

/// Removes single files of directories of WAL; hands back the names of all WAL that was in each.
fn expire_files(
    storage: &dyn Storage,
    cancel: &Cancel,
    directories: &[StoragePath],
    keep: &KeepRanges,
    dry_run: bool,
) -> Result<Vec<Vec<String>>> {
    let mut out = Vec::with_capacity(directories.len());
    for group in directories.chunks(DIRECTORIES) {
        cancel.check()?;
        let mut files = names_of_all(storage, group)?;
        for files in &mut files {
            // Other names have nothing to do with WAL: they neither go nor end a run.
            files.retain(|file| pgkeep_repo::archive::wal_directory(file).is_some());
        }
        let gone: Vec<StoragePath> = std::iter::zip(group, &files)
            .flat_map(|(path, files)| {
                let gone = files.iter().filter(|file| !keep.keeps_file(file));
                gone.map(|file| path.join(file))
            })
            .collect();
        if !dry_run {
            storage.remove_files(&gone)?;
        }
        out.extend(files);
    }
    Ok(out)
}
