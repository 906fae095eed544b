//! Making the targets ready: does what [`super::targets`] noted, and makes the paths and links that are missing.

use pgkeep_postgres::control::CONTROL_FILE;
use pgkeep_repo::layout;
use pgkeep_repo::manifest::{Link, PG_DATA};
use pgkeep_storage::{InfoLevel, ListOptions};

use super::modes;
use super::places::Places;
use super::targets::{Change, Found, Targets, directory, missing_path};
use crate::error::Result;

/// Does what was noted, the control file first; then makes missing paths and links.
///
/// # Errors
/// Those of the file system.
pub(super) fn clean(targets: &Targets<'_>, places: &Places, found: &mut [Found]) -> Result<()> {
    let tree = targets.tree;
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
        targets.context.cancel.check()?;
        if !target.exists {
            make_target(targets, target)?;
        }
        if target.name == PG_DATA {
            // By it a delta restore is allowed to go on where this one may be interrupted, even before PG_VERSION is
            // there. So it comes before anything else that would be in the way of the next restore.
            let place = places.in_data_dir(layout::MANIFEST);
            targets.manifest.save_file(tree, &place, None)?;
        }
        if target.exists && !target.is_file {
            if targets.settings.cleans() {
                log::info!(
                    "remove invalid files/links/paths from '{}'",
                    tree.display(&target.path)
                );
            }
            for change in std::mem::take(&mut target.changes) {
                targets.context.cancel.check()?;
                apply(targets, change)?;
            }
        }
    }
    make_paths(targets, places)
}

fn make_target(targets: &Targets<'_>, target: &Found) -> Result<()> {
    let path = targets
        .manifest
        .path(&target.made_as)
        .ok_or_else(|| missing_path(&target.made_as))?;
    // Of a tablespace the directory above is new too, and the server must be able to go through it.
    let above = target.path.parent();
    let above_is_new = target.made_as != target.name
        && !target.is_file
        && directory(targets.tree, &above)?.is_none();
    targets
        .tree
        .create_path(&target.path, modes::path_at_work(path.mode))?;
    if let Some((uid, gid)) = targets.owners.to_set(path.user, path.group) {
        if above_is_new {
            targets.tree.set_owner(&above, uid, gid)?;
        }
        targets.tree.set_owner(&target.path, uid, gid)?;
    }
    Ok(())
}

/// Makes the paths and links of the data directory that are not there. Their durability comes at the end of the restore,
/// all at once.
fn make_paths(targets: &Targets<'_>, places: &Places) -> Result<()> {
    let (tree, manifest) = (targets.tree, targets.manifest);
    for path in manifest.paths() {
        targets.context.cancel.check()?;
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
            make_link(targets, places, link)?;
            continue;
        }
        let place = places.path(&path.name);
        if tree.info(&place, InfoLevel::Exists)?.is_none() {
            crate::detail!("create path '{}'", tree.display(&place));
            tree.create_path(&place, modes::path_at_work(path.mode))?;
            if let Some((uid, gid)) = targets.owners.to_set(path.user, path.group) {
                tree.set_owner(&place, uid, gid)?;
            }
        }
    }
    // Links to files have no path.
    manifest
        .links()
        .iter()
        .try_for_each(|link| make_link(targets, places, link))
}

fn make_link(targets: &Targets<'_>, places: &Places, link: &Link) -> Result<()> {
    let place = places.path(&link.name);
    if targets.tree.info(&place, InfoLevel::Exists)?.is_some() {
        // A link that is there has been found right, or made by us.
        return Ok(());
    }
    let destination = String::from_utf8_lossy(&link.destination);
    crate::detail!(
        "create symlink '{}' to '{destination}'",
        targets.tree.display(&place)
    );
    targets.tree.link(&place, &link.destination)?;
    if let Some((uid, gid)) = targets.owners.to_set(link.user, link.group) {
        targets.tree.set_owner(&place, uid, gid)?;
    }
    Ok(())
}

fn apply(targets: &Targets<'_>, change: Change) -> Result<()> {
    let shown = |path| targets.tree.display(path);
    match change {
        Change::Remove(what, path) => {
            match what {
                "link" => {
                    crate::detail!("remove link '{}' because destination changed", shown(&path))
                }
                _ => crate::detail!("remove {what} '{}'", shown(&path)),
            }
            if what == "invalid path" {
                targets.tree.remove_tree(&path)?;
            } else {
                targets.tree.remove(&path)?;
            }
        }
        Change::SetOwner(path, (uid, gid)) => {
            crate::detail!("update ownership for '{}'", shown(&path));
            targets.tree.set_owner(&path, uid, gid)?;
        }
        Change::SetMode(path, mode) => {
            crate::detail!("update mode for '{}' to {mode:04o}", shown(&path));
            targets.tree.set_mode(&path, mode)?;
        }
        Change::ExamineAgain(name, path) => {
            let options = ListOptions {
                level: InfoLevel::Exists,
                ..ListOptions::default()
            };
            // Still closed to us: this time it is an error.
            targets.tree.list(&path, &options)?;
            let mut changes = Vec::new();
            targets.examine_path(&name, &path, &mut changes)?;
            changes
                .into_iter()
                .try_for_each(|change| apply(targets, change))?;
        }
    }
    Ok(())
}
