//! The directories of backups that a repository has, and their removal.

use pgkeep_repo::retention::NewestSet;
use pgkeep_repo::sets::list_sets;
use pgkeep_repo::{BackupLabel, Manifest, Stanza, claims, layout};
use pgkeep_storage::{InfoLevel, Storage};
use secrecy::SecretString;

use super::named::Named;
use crate::error::Result;
use crate::run::cancel::Cancel;

/// Trees that are removed between two checks of whether the run was cancelled, on a storage with latency.
pub(super) const AT_ONCE: usize = 16;

/// What is on disk, and what is known of the newest of it.
pub(super) struct OnDisk {
    pub(super) sets: Vec<BackupLabel>,
    pub(super) newest: NewestSet,
}

impl OnDisk {
    /// Lists sets and looks at the newest. `named`: the backup of `--set`; `now`: seconds since 1970.
    pub(super) fn read(
        storage: &dyn Storage,
        stanza: &Stanza,
        (named, now): (Option<&BackupLabel>, i64),
        pass: Option<&SecretString>,
    ) -> Result<Option<Self>> {
        let sets = list_sets(storage, stanza)?;
        let newest = match sets.last() {
            Some(label) => look_at_newest(storage, stanza, label, (named, now), pass)?,
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
    (named, now): (Option<&BackupLabel>, i64),
    pass: Option<&SecretString>,
) -> Result<NewestSet> {
    let copy = layout::manifest_copy(stanza, label);
    let found = storage.info_many(
        &[layout::manifest(stanza, label), copy.clone()],
        InfoLevel::Exists,
    )?;
    let (is_unfinished, has_copy) = match found[..] {
        [None, Some(_)] => (true, true),
        // Another host that begins one makes the directory first.
        [None, None] => (claims::may_have_just_begun(label, now), false),
        _ => (false, false),
    };
    let prior = match named {
        Some(set) if has_copy && set.full_part() == label.full_part() => {
            Manifest::load_file(storage, &copy, pass)?.backup.prior
        }
        _ => None,
    };
    Ok(NewestSet {
        in_progress: is_unfinished,
        prior,
    })
}

/// Removes directories of backups, many at the same time; first the files in them whose names are known.
pub(super) fn remove_sets(
    storage: &dyn Storage,
    stanza: &Stanza,
    cancel: &Cancel,
    gone: &[BackupLabel],
    named: &Named,
) -> Result<()> {
    for group in gone.chunks(AT_ONCE) {
        cancel.check()?;
        named.remove(storage, group)?;
        let paths: Vec<_> = group
            .iter()
            .map(|label| layout::set_path(stanza, label))
            .collect();
        storage.remove_trees(&paths)?;
    }
    Ok(())
}
