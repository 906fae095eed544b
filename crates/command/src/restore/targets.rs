//! What is in the targets before a restore, and what has to change: what is not of the backup goes, owners and modes are put right.
//!
//! Nothing is changed here, so that the plan can say what will be removed, and so that a target that must not be touched is
//! refused while all is as it was. [`super::clean`] then does what was noted.

use pgkeep_postgres::PgVersion;
use pgkeep_postgres::control::layout::catalog_dir_name;
use pgkeep_postgres::data_dir;
use pgkeep_postgres::recovery::{
    AUTO_CONF, RECOVERY_CONF, RECOVERY_SIGNAL, RecoveryTarget, STANDBY_SIGNAL,
};
use pgkeep_repo::manifest::{PG_DATA, Target};
use pgkeep_repo::{Manifest, layout};
use pgkeep_storage::temporary::final_name;
use pgkeep_storage::{
    ErrorKind, FileInfo, FileTree, FileType, InfoLevel, ListOptions, Owner, StoragePath,
};

use super::modes;
use super::owner::Owners;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// One change of a target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Removes what is not of the backup; the text says what it is.
    Remove(&'static str, StoragePath),
    SetOwner(StoragePath, (u32, u32)),
    SetMode(StoragePath, u32),
    /// Examines a path that could not be read before its mode was put right.
    ExamineAgain(Vec<u8>, StoragePath),
}

/// A target as it was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Manifest name of the path that is cleaned: of a tablespace the directory of this version.
    pub name: Vec<u8>,
    pub path: StoragePath,
    /// Manifest name of the path whose owner and mode a new directory gets.
    pub made_as: Vec<u8>,
    pub exists: bool,
    /// A link to a file: the directory is not ours to clean.
    pub is_file: bool,
    pub changes: Vec<Change>,
}

/// The targets of a restore, and what they are compared with.
#[derive(Debug)]
pub(super) struct Targets<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub manifest: &'a Manifest,
    pub owners: &'a Owners,
    pub tree: &'a dyn FileTree,
    pub version: PgVersion,
}

/// The directory itself, also where `path` is a link to it.
pub(super) fn directory(tree: &dyn FileTree, path: &StoragePath) -> Result<Option<FileInfo>> {
    Ok(tree.info(
        &StoragePath::new([path.as_bytes(), b"/."].concat()),
        InfoLevel::Detail,
    )?)
}

impl Targets<'_> {
    /// Examines all targets.
    ///
    /// # Errors
    /// [`ErrorCode::PathNotEmpty`], [`ErrorCode::FileExists`] where something is in the way and may not be removed;
    /// [`ErrorCode::PathOpen`] where we could not write.
    pub(super) fn examine(&self) -> Result<Vec<Found>> {
        let mut found = Vec::with_capacity(self.manifest.targets().len());
        for target in self.manifest.targets() {
            self.context.cancel.check()?;
            let target = self.examine_target(target, &found)?;
            found.push(target);
        }
        Ok(found)
    }

    fn examine_target(&self, target: &Target, before: &[Found]) -> Result<Found> {
        let mut path = StoragePath::new(self.manifest.target_path(target));
        let mut name = target.name.clone();
        if target.tablespace_oid().is_some() {
            let directory = catalog_dir_name(self.version, self.manifest.pg.catalog_version);
            path = path.join(&directory);
            name.push(b'/');
            name.extend_from_slice(directory.as_bytes());
        }
        let shown = self.tree.display(&path);
        // Several links to files may lead to one directory.
        if !before.iter().any(|other| other.path == path) {
            crate::detail!("check '{shown}' exists");
        }
        let made_as = if target.file().is_some() {
            PG_DATA.to_vec()
        } else {
            target.name.clone()
        };
        let mut found = Found {
            name,
            path,
            made_as,
            exists: false,
            is_file: target.file().is_some(),
            changes: Vec::new(),
        };
        let Some(info) = directory(self.tree, &found.path)? else {
            return Ok(found);
        };
        found.exists = true;
        if let Some(file) = target.file() {
            self.check_access(&info, &shown, None)?;
            let file = found.path.join(file);
            if !self.settings.cleans() && self.tree.info(&file, InfoLevel::Exists)?.is_some() {
                let message = format!(
                    "unable to restore file '{}' because it already exists",
                    self.tree.display(&file)
                );
                return Err(Error::new(ErrorCode::FileExists, message)
                    .with_hint("try using --delta if this is what you intended."));
            }
            return Ok(found);
        }
        let path = self
            .manifest
            .path(&found.name)
            .ok_or_else(|| missing_path(&found.name))?;
        let wanted = self.owners.wanted(path.user, path.group);
        let mode = modes::path_at_work(path.mode);
        self.check_access(&info, &shown, Some(path.mode))?;
        let at = found.path.clone();
        note_owner(&mut found.changes, &at, info.owner.as_ref(), wanted);
        note_mode(&mut found.changes, &at, info.mode, mode);
        let name = found.name.clone();
        self.examine_path(&name, &at, &mut found.changes)?;
        Ok(found)
    }

    /// Whether we can work in a target. One that is closed to its owner is opened only if it is of that mode in the backup too:
    /// otherwise somebody has closed it since.
    fn check_access(&self, info: &FileInfo, shown: &str, wanted: Option<u32>) -> Result<()> {
        let uid = self.context.user.uid;
        if uid != 0 && info.owner.as_ref().is_some_and(|owner| owner.uid != uid) {
            let message = format!("unable to restore to path '{shown}' not owned by current user");
            return Err(Error::new(ErrorCode::PathOpen, message));
        }
        let is_as_wanted = wanted.is_some_and(|wanted| info.mode & 0o700 == wanted & 0o700);
        if info.mode & 0o700 != 0o700 && !is_as_wanted {
            let message = format!("unable to restore to path '{shown}' without rwx permissions");
            return Err(Error::new(ErrorCode::PathOpen, message));
        }
        Ok(())
    }

    /// Whether a file of the data directory is none of our business.
    fn is_ignored(&self, name: &[u8]) -> bool {
        let preserved: &[&str] = match (
            &self.settings.target,
            self.version.has_recovery_settings_in_conf(),
        ) {
            (RecoveryTarget::Preserve, true) => &[AUTO_CONF, RECOVERY_SIGNAL, STANDBY_SIGNAL],
            (RecoveryTarget::Preserve, false) => &[RECOVERY_CONF],
            _ => &[],
        };
        // A manifest left by an interrupted restore does not count as content.
        name == layout::MANIFEST.as_bytes()
            || preserved
                .iter()
                .any(|preserved| name == preserved.as_bytes())
    }

    pub(super) fn examine_path(
        &self,
        name: &[u8],
        path: &StoragePath,
        changes: &mut Vec<Change>,
    ) -> Result<()> {
        self.context.cancel.check()?;
        let options = ListOptions {
            level: InfoLevel::Detail,
            sort: true,
        };
        let entries = match self.tree.list(path, &options) {
            Ok(entries) => entries.unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Denied => {
                changes.push(Change::ExamineAgain(name.to_vec(), path.clone()));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            // The unfinished manifest of a restore that was killed. Each leaves one under a name of its own. This run holds the
            // lock, so nobody writes it any more.
            if name == PG_DATA
                && entry.kind == FileType::File
                && final_name(entry.name.as_bytes()) == Some(layout::MANIFEST.as_bytes())
            {
                let place = path.join(entry.name.as_bytes());
                changes.push(Change::Remove("temporary file", place));
                continue;
            }
            if name == PG_DATA
                && entry.kind == FileType::File
                && self.is_ignored(entry.name.as_bytes())
            {
                continue;
            }
            if !self.settings.cleans() {
                let message = format!(
                    "unable to restore to path '{}' because it contains files",
                    self.tree.display(path)
                );
                return Err(Error::new(ErrorCode::PathNotEmpty, message)
                    .with_hint("try using --delta if this is what you intended."));
            }
            let below = [name, b"/", entry.name.as_bytes()].concat();
            self.note_entry(&below, path.join(entry.name.as_bytes()), &entry, changes)?;
        }
        Ok(())
    }

    /// Notes what has to be done about one entry of a target.
    fn note_entry(
        &self,
        name: &[u8],
        place: StoragePath,
        entry: &FileInfo,
        changes: &mut Vec<Change>,
    ) -> Result<()> {
        let manifest = self.manifest;
        let link = manifest.link(name);
        match entry.kind {
            // Gone before anything else changes.
            FileType::File if name == data_dir::CONTROL_FILE => {}
            FileType::File => match manifest.file(name).filter(|_| link.is_none()) {
                Some(file) => {
                    note_owner(
                        changes,
                        &place,
                        entry.owner.as_ref(),
                        self.owners.wanted(file.user, file.group),
                    );
                    note_mode(changes, &place, entry.mode, modes::file_at_work(file.mode));
                }
                None => changes.push(Change::Remove("invalid file", place)),
            },
            FileType::Link => match link {
                Some(link) if entry.link_destination.as_deref() != Some(&link.destination) => {
                    changes.push(Change::Remove("link", place));
                }
                Some(link) => {
                    note_owner(
                        changes,
                        &place,
                        entry.owner.as_ref(),
                        self.owners.wanted(link.user, link.group),
                    );
                }
                None => changes.push(Change::Remove("invalid link", place)),
            },
            FileType::Path => match manifest.path(name).filter(|_| link.is_none()) {
                Some(path) => {
                    note_owner(
                        changes,
                        &place,
                        entry.owner.as_ref(),
                        self.owners.wanted(path.user, path.group),
                    );
                    note_mode(changes, &place, entry.mode, modes::path_at_work(path.mode));
                    self.examine_path(name, &place, changes)?;
                }
                None => changes.push(Change::Remove("invalid path", place)),
            },
            FileType::Special => changes.push(Change::Remove("special file", place)),
        }
        Ok(())
    }
}

/// The error of a manifest that lacks a path.
pub(super) fn missing_path(name: &[u8]) -> Error {
    Error::new(
        ErrorCode::Format,
        format!(
            "unable to find '{}' in manifest path list",
            String::from_utf8_lossy(name)
        ),
    )
}

fn note_owner(
    changes: &mut Vec<Change>,
    path: &StoragePath,
    owner: Option<&Owner>,
    wanted: (u32, u32),
) {
    if owner.is_some_and(|owner| (owner.uid, owner.gid) != wanted) {
        changes.push(Change::SetOwner(path.clone(), wanted));
    }
}

fn note_mode(changes: &mut Vec<Change>, path: &StoragePath, mode: u32, wanted: u32) {
    if mode != wanted {
        changes.push(Change::SetMode(path.clone(), wanted));
    }
}
