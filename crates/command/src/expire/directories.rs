//! Directories of backups that are not listed any more, or never were.

use std::fmt::Display;

use pgkeep_repo::retention::{NewestSet, Protection, unlisted};
use pgkeep_repo::sets::list_sets;
use pgkeep_repo::{BackupInfo, BackupLabel, Manifest, Stanza, layout};
use pgkeep_storage::{InfoLevel, Storage};
use secrecy::SecretString;

use super::{Expire, listed};
use crate::error::Result;
use crate::run::cancel::Cancel;

/// Trees that are removed between two checks of whether the run was cancelled, on a storage with latency.
const AT_ONCE: usize = 16;

/// What is on disk, and what is known of the newest of it.
pub(super) struct OnDisk {
    sets: Vec<BackupLabel>,
    newest: NewestSet,
}

impl OnDisk {
    /// Lists sets and looks at the newest. `named`: the backup of `--set`.
    pub(super) fn read(
        storage: &dyn Storage,
        stanza: &Stanza,
        named: Option<&BackupLabel>,
        pass: Option<&SecretString>,
    ) -> Result<Option<Self>> {
        let sets = list_sets(storage, stanza)?;
        let newest = match sets.last() {
            Some(label) => look_at_newest(storage, stanza, label, named, pass)?,
            None => return Ok(None),
        };
        Ok(Some(Self { sets, newest }))
    }
}

/// Whether the newest directory is of a backup that runs now or may be resumed.
fn look_at_newest(
    storage: &dyn Storage,
    stanza: &Stanza,
    label: &BackupLabel,
    named: Option<&BackupLabel>,
    pass: Option<&SecretString>,
) -> Result<NewestSet> {
    let copy = layout::manifest_copy(stanza, label);
    let found = storage.info_many(
        &[layout::manifest(stanza, label), copy.clone()],
        InfoLevel::Exists,
    )?;
    let in_progress = matches!(found[..], [None, Some(_)]);
    let prior = match named {
        Some(set) if in_progress && set.full_part() == label.full_part() => {
            Manifest::load_file(storage, &copy, pass)?.backup.prior
        }
        _ => None,
    };
    Ok(NewestSet { in_progress, prior })
}

impl Expire<'_> {
    /// Tells which directories are removed, newest first; nothing is removed yet.
    pub(super) fn unlisted(&self, info: &BackupInfo, on_disk: Option<OnDisk>) -> Vec<BackupLabel> {
        let Some(OnDisk { sets, newest }) = on_disk else {
            return Vec::new();
        };
        let protection = self
            .settings
            .set
            .as_ref()
            .map_or(Protection::Retention, Protection::Adhoc);
        unlisted(&sets, &listed(info), &newest, protection)
            .into_iter()
            .collect()
    }

    /// Says that they are removed, and counts them.
    pub(super) fn tell_unlisted(&self, gone: &[BackupLabel]) {
        for label in gone {
            log::info!("{}: remove expired backup {label}", self.name);
            self.removed.directory(label);
        }
    }

    /// Removes them one after the other.
    pub(super) fn remove_unlisted(&self, gone: &[BackupLabel]) -> Result<()> {
        for (done, label) in gone.iter().enumerate() {
            self.context.cancel.check()?;
            self.removing("backup", label, done, gone.len());
            self.tell_unlisted(std::slice::from_ref(label));
            if !self.settings.dry_run {
                let path = layout::set_path(self.stanza(), label);
                self.storage().remove_tree(&path)?;
            }
        }
        Ok(())
    }

    /// Says what is being removed: so many of all are gone already.
    pub(super) fn removing(&self, what: &str, name: &dyn Display, done: usize, all: usize) {
        if !self.settings.dry_run {
            self.context.progress.doing(Some(&format!(
                "{}: removing {what} {name} ({} of {all})",
                self.name,
                done + 1
            )));
        }
    }

    /// Trees that are removed between two checks of whether the run was cancelled.
    pub(super) fn trees_at_once(&self) -> usize {
        if self.storage().has_latency() {
            AT_ONCE
        } else {
            1
        }
    }
}

/// Removes directories of backups, many at the same time.
pub(super) fn remove_sets(
    storage: &dyn Storage,
    stanza: &Stanza,
    cancel: &Cancel,
    gone: &[BackupLabel],
) -> Result<()> {
    for group in gone.chunks(AT_ONCE) {
        cancel.check()?;
        let paths: Vec<_> = group
            .iter()
            .map(|label| layout::set_path(stanza, label))
            .collect();
        storage.remove_trees(&paths)?;
    }
    Ok(())
}
