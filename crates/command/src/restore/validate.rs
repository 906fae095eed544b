//! What must hold before anything is changed: of the data directory, and of the manifest.
//!
//! A manifest comes from the repository and is not trusted with paths: whatever it says, files are written below the
//! data directory, tablespaces and link targets that the plan names, and nowhere else.

use std::collections::HashSet;

use pgkeep_postgres::data_dir::{PG_VERSION, POSTMASTER_PID};
use pgkeep_repo::manifest::{PG_DATA, PG_TBLSPC, Target};
use pgkeep_repo::{BackupLabel, Manifest, layout};
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use super::repository_file::needed_range;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};

/// Refuses a running cluster.
///
/// # Errors
/// [`ErrorCode::PgRunning`].
pub(super) fn not_running(tree: &dyn Storage, settings: &Settings) -> Result<()> {
    let root = StoragePath::new(&settings.data_dir);
    let shown = tree.display(&root);
    if tree
        .info(&root.join(POSTMASTER_PID), InfoLevel::Exists)?
        .is_some()
    {
        return Err(Error::new(
            ErrorCode::PgRunning,
            "unable to restore while PostgreSQL is running",
        )
        .with_hint(format!(
            "presence of '{POSTMASTER_PID}' in '{shown}' indicates PostgreSQL is running."
        ))
        .with_hint(format!(
            "remove '{POSTMASTER_PID}' only if PostgreSQL is not running."
        )));
    }
    Ok(())
}

/// Switches delta and force off where nothing says that the target is a cluster at all.
///
/// # Errors
/// Those of the file system.
pub(super) fn data_dir(tree: &dyn Storage, settings: &mut Settings) -> Result<()> {
    let root = StoragePath::new(&settings.data_dir);
    let shown = tree.display(&root);
    let exists =
        |name: &str| Ok::<_, Error>(tree.info(&root.join(name), InfoLevel::Exists)?.is_some());
    if settings.cleans() && !exists(PG_VERSION)? && !exists(layout::MANIFEST)? {
        let manifest = layout::MANIFEST;
        log::warn!(
            "--delta or --force specified but unable to find '{PG_VERSION}' or '{manifest}' in '{shown}' to confirm \
             that this is a valid $PGDATA directory. --delta and --force have been disabled and if any files exist in the \
             destination directories the restore will be aborted."
        );
        settings.delta = false;
        settings.force = false;
    }
    Ok(())
}

/// Checks that the manifest is complete, is the one asked for, and names nothing outside its targets.
///
/// # Errors
/// [`ErrorCode::Format`].
pub(super) fn manifest(manifest: &Manifest, label: &BackupLabel) -> Result<()> {
    manifest.validate(false)?;
    // Would be found out only when the file is read, and then there is no control file any more.
    for file in manifest.files().filter(|file| file.size > 0) {
        for nothing_there in [true, false] {
            needed_range(manifest, &file, nothing_there)?;
        }
        if file.repo_size > 0 {
            continue;
        }
        return Err(unsafe_name(
            "file",
            &file.name.to_vec(),
            "has bytes but nothing is stored of it",
        ));
    }
    if manifest.file_count() == 0 {
        return Err(Error::new(ErrorCode::Format, "manifest missing files"));
    }
    let found = manifest
        .backup
        .label
        .as_ref()
        .map_or("", BackupLabel::as_str);
    if found != label.as_str() {
        return Err(Error::new(
            ErrorCode::Format,
            format!("requested backup '{label}' and manifest label '{found}' do not match"),
        )
        .with_hint(
            "this indicates some sort of corruption (at the very least paths have been renamed).",
        ));
    }
    names(manifest)
}

fn unsafe_name(what: &str, name: &[u8], why: &str) -> Error {
    Error::new(ErrorCode::Format, format!("manifest {what} '{}' {why}", String::from_utf8_lossy(name)))
        .with_hint("the manifest is damaged or was made to write outside of the cluster; nothing has been restored.")
}

fn names(manifest: &Manifest) -> Result<()> {
    for target in manifest.targets() {
        check_target(manifest, target)?;
    }
    if manifest.base_target().is_none() {
        return Err(unsafe_name("target", PG_DATA, "is missing"));
    }
    let mut paths: HashSet<&[u8]> = HashSet::with_capacity(manifest.paths().len());
    for path in manifest.paths() {
        check_name(manifest, "path", &path.name)?;
        paths.insert(&path.name);
    }
    for link in manifest.links() {
        check_name(manifest, "link", &link.name)?;
        check_link(manifest, &link.name, &link.destination)?;
    }
    let mut last: Option<&[u8]> = None;
    for file in manifest.files() {
        let Some(directory) = file.name.directory() else {
            return Err(unsafe_name(
                "file",
                &file.name.to_vec(),
                "is outside of all targets",
            ));
        };
        if !is_plain(file.name.base()) {
            return Err(unsafe_name(
                "file",
                &file.name.to_vec(),
                "is not a plain name",
            ));
        }
        // Neighbours mostly share their directory.
        if last != Some(directory) {
            if !paths.contains(directory) {
                return Err(unsafe_name(
                    "file",
                    &file.name.to_vec(),
                    "is in a path that the manifest does not have",
                ));
            }
            last = Some(directory);
        }
        if paths.contains(&*file.name.to_vec()) {
            return Err(unsafe_name("file", &file.name.to_vec(), "is also a path"));
        }
    }
    // A link to a file must not be a way into a directory.
    for target in manifest.targets() {
        if target.is_link() && (target.file().is_some() == paths.contains(&*target.name)) {
            return Err(unsafe_name(
                "target",
                &target.name,
                "is not what its link leads to",
            ));
        }
        if target.file().is_some() && manifest.file(&target.name).is_none() {
            return Err(unsafe_name(
                "target",
                &target.name,
                "leads to a file that the manifest does not have",
            ));
        }
    }
    Ok(())
}

/// Whether one part of a name is neither empty nor a way out.
fn is_plain(part: &[u8]) -> bool {
    !part.is_empty() && part != b"." && part != b".." && !part.contains(&0) && !part.contains(&b'/')
}

fn check_name(manifest: &Manifest, what: &str, name: &[u8]) -> Result<()> {
    let mut parts = name.split(|&byte| byte == b'/');
    if !parts.clone().all(is_plain) {
        return Err(unsafe_name(what, name, "is not a plain name"));
    }
    let inside = match (parts.next(), parts.next()) {
        (Some(PG_DATA), _) => true,
        // The directory of all tablespaces is in every manifest that has tablespaces.
        (Some(PG_TBLSPC), None) => true,
        (Some(PG_TBLSPC), Some(oid)) => manifest.target(&[PG_TBLSPC, b"/", oid].concat()).is_some(),
        _ => false,
    };
    if inside {
        Ok(())
    } else {
        Err(unsafe_name(what, name, "is outside of all targets"))
    }
}

fn check_target(manifest: &Manifest, target: &Target) -> Result<()> {
    if !target.name.split(|&byte| byte == b'/').all(is_plain) {
        return Err(unsafe_name("target", &target.name, "is not a plain name"));
    }
    let fits = match (target.is_link(), target.tablespace_oid()) {
        (false, _) => target.name == PG_DATA,
        (true, Some(oid)) => target.name == format!("pg_tblspc/{oid}").into_bytes(),
        (true, None) => target.name.starts_with(b"pg_data/") && target.file().is_none_or(is_plain),
    };
    if !fits {
        return Err(unsafe_name("target", &target.name, "has no valid name"));
    }
    if target.is_link() && manifest.link(&link_name(target)).is_none() {
        return Err(unsafe_name("target", &target.name, "has no link"));
    }
    Ok(())
}

/// Manifest name of the link that leads to a target.
pub(super) fn link_name(target: &Target) -> Vec<u8> {
    match target.tablespace_oid() {
        Some(_) => [PG_DATA, b"/", &target.name].concat(),
        None => target.name.clone(),
    }
}

/// A link must lead to its target: the plan names targets, so a link elsewhere would write where nobody was told.
fn check_link(manifest: &Manifest, name: &[u8], destination: &[u8]) -> Result<()> {
    let tablespace = name
        .strip_prefix(b"pg_data/")
        .filter(|rest| rest.starts_with(b"pg_tblspc/"));
    let Some(target) = tablespace
        .and_then(|name| manifest.target(name))
        .or_else(|| manifest.target(name))
    else {
        return Err(unsafe_name("link", name, "has no target"));
    };
    let same = match target.file() {
        None => target.path == destination,
        Some(file) => split_destination(destination) == Some((&target.path, file)),
    };
    if same {
        Ok(())
    } else {
        Err(unsafe_name("link", name, "does not lead to its target"))
    }
}

/// Directory and file of the destination of a file link; `None` without a directory.
pub(super) fn split_destination(destination: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = destination.iter().rposition(|&byte| byte == b'/')?;
    let directory = if at == 0 {
        &destination[..1]
    } else {
        &destination[..at]
    };
    Some((directory, &destination[at + 1..]))
}
