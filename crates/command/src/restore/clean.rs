//! Looking at the targets, and making them ready: what is not of the backup goes, owners and modes are put right.
//!
//! [`Look::look`] changes nothing, so that the plan can say what will be removed, and so that a target that must not be
//! touched is refused while all is as it was. [`clean`] then does what was noted.

use pgkeep_postgres::PgVersion;
use pgkeep_postgres::control::CONTROL_FILE;
use pgkeep_postgres::control::layout::catalog_dir_name;
use pgkeep_postgres::data_dir;
use pgkeep_postgres::recovery::{
    AUTO_CONF, RECOVERY_CONF, RECOVERY_SIGNAL, RecoveryTarget, STANDBY_SIGNAL,
};
use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::{PG_DATA, Target};
use pgkeep_storage::temporary::final_name;
use pgkeep_storage::{
    ErrorKind, FileInfo, FileTree, FileType, InfoLevel, ListOptions, Owner, StoragePath,
};

use super::BACKUP_MANIFEST;
use super::modes;
use super::owner::Owners;
use super::places::Places;
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
    /// Looks into a path that could not be read before its mode was put right.
    LookAgain(Vec<u8>, StoragePath),
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

/// What is needed to judge targets.
#[derive(Debug)]
pub(super) struct Look<'a> {
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

impl Look<'_> {
    /// Looks at all targets.
    ///
    /// # Errors
    /// [`ErrorCode::PathNotEmpty`], [`ErrorCode::FileExists`] where something is in the way and may not be removed;
    /// [`ErrorCode::PathOpen`] where we could not write.
    pub(super) fn look(&self) -> Result<Vec<Found>> {
        let mut found = Vec::with_capacity(self.manifest.targets().len());
        for target in self.manifest.targets() {
            self.context.cancel.check()?;
            let target = self.look_at(target, &found)?;
            found.push(target);
        }
        Ok(found)
    }

    fn look_at(&self, target: &Target, before: &[Found]) -> Result<Found> {
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
        self.look_into(&name, &at, &mut found.changes)?;
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
        name == BACKUP_MANIFEST.as_bytes()
            || preserved
                .iter()
                .any(|preserved| name == preserved.as_bytes())
    }

    fn look_into(&self, name: &[u8], path: &StoragePath, changes: &mut Vec<Change>) -> Result<()> {
        self.context.cancel.check()?;
        let options = ListOptions {
            level: InfoLevel::Detail,
            sort: true,
        };
        let entries = match self.tree.list(path, &options) {
            Ok(entries) => entries.unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Denied => {
                changes.push(Change::LookAgain(name.to_vec(), path.clone()));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            // Nor does half of one, of which every run that is killed leaves its own. This run holds the lock: nobody writes
            // it any more.
            if name == PG_DATA
                && entry.kind == FileType::File
                && final_name(entry.name.as_bytes()) == Some(BACKUP_MANIFEST.as_bytes())
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
            self.judge(&below, path.join(entry.name.as_bytes()), &entry, changes)?;
        }
        Ok(())
    }

    /// Notes what has to be done about one entry of a target.
    fn judge(
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
                    self.look_into(name, &place, changes)?;
                }
                None => changes.push(Change::Remove("invalid path", place)),
            },
            FileType::Special => changes.push(Change::Remove("special file", place)),
        }
        Ok(())
    }

    fn apply(&self, change: Change) -> Result<()> {
        let shown = |path| self.tree.display(path);
        match change {
            Change::Remove(what, path) => {
                match what {
                    "link" => {
                        crate::detail!("remove link '{}' because destination changed", shown(&path))
                    }
                    _ => crate::detail!("remove {what} '{}'", shown(&path)),
                }
                if what == "invalid path" {
                    self.tree.remove_tree(&path)?;
                } else {
                    self.tree.remove(&path)?;
                }
            }
            Change::SetOwner(path, (uid, gid)) => {
                crate::detail!("update ownership for '{}'", shown(&path));
                self.tree.set_owner(&path, uid, gid)?;
            }
            Change::SetMode(path, mode) => {
                crate::detail!("update mode for '{}' to {mode:04o}", shown(&path));
                self.tree.set_mode(&path, mode)?;
            }
            Change::LookAgain(name, path) => {
                let options = ListOptions {
                    level: InfoLevel::Exists,
                    ..ListOptions::default()
                };
                // Still closed to us: this time it is an error.
                self.tree.list(&path, &options)?;
                let mut changes = Vec::new();
                self.look_into(&name, &path, &mut changes)?;
                changes
                    .into_iter()
                    .try_for_each(|change| self.apply(change))?;
            }
        }
        Ok(())
    }
}

fn missing_path(name: &[u8]) -> Error {
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

/// Does what was noted, the control file first; then makes missing paths and links.
///
/// # Errors
/// Those of the file system.
pub(super) fn clean(look: &Look<'_>, places: &Places, found: &mut [Found]) -> Result<()> {
    let tree = look.tree;
    // Before any other change, and durable: from here on no server can start on what is half a cluster, not even after
    // the host itself went down. The directory is synced also when the file has gone before, for an interrupted restore
    // may have removed it without that.
    let control = places.in_data_dir(CONTROL_FILE);
    if tree.info(&control, InfoLevel::Exists)?.is_some() {
        crate::detail!(
            "remove '{CONTROL_FILE}' so cluster will not start if restore does not complete"
        );
        tree.remove(&control)?;
    }
    if directory(tree, &control.parent())?.is_some() {
        tree.sync_paths(&[control.parent()])?;
    }
    for target in found.iter_mut() {
        look.context.cancel.check()?;
        if !target.exists {
            make_target(look, target)?;
        }
        if target.name == PG_DATA {
            // By it a delta restore is allowed to go on where this one may be interrupted, even before PG_VERSION is
            // there. So it comes before anything else that would be in the way of the next restore.
            let place = places.in_data_dir(BACKUP_MANIFEST);
            look.manifest.save_file(tree, &place, None)?;
        }
        if target.exists && !target.is_file {
            if look.settings.cleans() {
                log::info!(
                    "remove invalid files/links/paths from '{}'",
                    tree.display(&target.path)
                );
            }
            for change in std::mem::take(&mut target.changes) {
                look.context.cancel.check()?;
                look.apply(change)?;
            }
        }
    }
    make_paths(look, places)
}

fn make_target(look: &Look<'_>, target: &Found) -> Result<()> {
    let path = look
        .manifest
        .path(&target.made_as)
        .ok_or_else(|| missing_path(&target.made_as))?;
    // Of a tablespace the directory above is new too, and the server must be able to go through it.
    let above = target.path.parent();
    let above_is_new =
        target.made_as != target.name && !target.is_file && directory(look.tree, &above)?.is_none();
    look.tree
        .create_path(&target.path, modes::path_at_work(path.mode))?;
    if let Some((uid, gid)) = look.owners.to_set(path.user, path.group) {
        if above_is_new {
            look.tree.set_owner(&above, uid, gid)?;
        }
        look.tree.set_owner(&target.path, uid, gid)?;
    }
    Ok(())
}

/// Makes the paths and links of the data directory that are not there. Their durability comes at the end of the restore,
/// all at once.
fn make_paths(look: &Look<'_>, places: &Places) -> Result<()> {
    let (tree, manifest) = (look.tree, look.manifest);
    for path in manifest.paths() {
        look.context.cancel.check()?;
        // The directory of all tablespaces exists only in the manifest.
        if path.name == b"pg_tblspc" {
            continue;
        }
        let as_link = if path.name.starts_with(b"pg_tblspc/") {
            [PG_DATA, b"/", &path.name].concat()
        } else {
            path.name.clone()
        };
        if let Some(link) = manifest.link(&as_link) {
            make_link(look, places, link)?;
            continue;
        }
        let place = places.path(&path.name);
        if tree.info(&place, InfoLevel::Exists)?.is_none() {
            crate::detail!("create path '{}'", tree.display(&place));
            tree.create_path(&place, modes::path_at_work(path.mode))?;
            if let Some((uid, gid)) = look.owners.to_set(path.user, path.group) {
                tree.set_owner(&place, uid, gid)?;
            }
        }
    }
    // Links to files have no path.
    manifest
        .links()
        .iter()
        .try_for_each(|link| make_link(look, places, link))
}

fn make_link(look: &Look<'_>, places: &Places, link: &pgkeep_repo::manifest::Link) -> Result<()> {
    let place = places.path(&link.name);
    if look.tree.info(&place, InfoLevel::Exists)?.is_some() {
        // A link that is there has been found right, or made by us.
        return Ok(());
    }
    let destination = String::from_utf8_lossy(&link.destination);
    crate::detail!(
        "create symlink '{}' to '{destination}'",
        look.tree.display(&place)
    );
    look.tree.link(&place, &link.destination)?;
    if let Some((uid, gid)) = look.owners.to_set(link.user, link.group) {
        look.tree.set_owner(&place, uid, gid)?;
    }
    Ok(())
}
