//! Where a scratch cluster may be: a directory of its own, in no place that something else uses.
#![allow(clippy::disallowed_methods)] // a scratch directory is no storage of ours

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use pgkeep_repo::layout::{ARCHIVE_INFO, BACKUP_INFO};
use rustix::fs::OFlags;

use super::error::failed;
use super::marker;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Files that stand at the top of what must not be worked in: a cluster, and a stanza of a repository.
const TAKEN: [&str; 3] = ["PG_VERSION", BACKUP_INFO, ARCHIVE_INFO];

/// The path without links, if one may be there. `used`: directories of repositories.
///
/// # Errors
/// A path that goes wrong in a shell or a socket; one in a cluster or a repository.
pub(crate) fn find(path: &Path, used: &[PathBuf]) -> Result<PathBuf> {
    check_name(path)?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!("path '{}' has no name of its own", path.display()),
        )
        .with_hint("name a directory with --scratch-path."));
    };
    let root = fs::canonicalize(parent)
        .map_err(|error| {
            failed(ErrorCode::PathOpen, "find path", parent, &error)
                .with_hint("make the directory, or choose another one with --scratch-path.")
        })?
        .join(name);
    check_name(&root)?;
    let real = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let taken = used
        .iter()
        .map(real)
        .find(|used| root.starts_with(used) || used.starts_with(&root))
        .or_else(|| {
            let above = root.ancestors();
            above
                .filter(|path| TAKEN.iter().any(|name| path.join(name).exists()))
                .last()
                .map(Path::to_owned)
        });
    match taken {
        Some(taken) => Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!(
                "path '{}' is not apart from '{}', which is of a cluster or a repository",
                root.display(),
                taken.display()
            ),
        )
        .with_hint("choose a path of its own with --scratch-path.")),
        None => Ok(root),
    }
}

/// The path goes through the settings of PostgreSQL and through a shell, and a socket lies below it.
fn check_name(path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_encoded_bytes();
    // The path of a socket must fit in about 107 bytes.
    if bytes.len() > 80 {
        return Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!("path '{}' is too long for a socket", path.display()),
        )
        .with_hint("choose a shorter one with --scratch-path."));
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=@".contains(byte);
    if bytes.iter().all(is_plain) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::OptionInvalidValue,
        format!(
            "path '{}' has characters that mean something to a shell",
            path.display()
        ),
    )
    .with_hint("choose one of letters, digits and ._-+=@ with --scratch-path."))
}

/// Makes the directory if it is missing.
pub(crate) fn make(root: &Path) -> Result<bool> {
    match fs::DirBuilder::new().mode(0o700).create(root) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(ErrorCode::PathCreate, "create path", root, &error)
            .with_hint("make the directory, or choose another one with --scratch-path.")),
    }
}

pub(crate) fn open_directory(root: &Path) -> std::io::Result<fs::File> {
    // A link is none.
    fs::OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed())
        .open(root)
}

/// Somebody else could put files under our feet.
pub(crate) fn refuse_foreign(context: &Context, path: &Path, found: &fs::Metadata) -> Result<()> {
    let open = found.permissions().mode() & 0o022 != 0;
    if found.uid() != context.user.uid || open {
        return Err(Error::new(
            ErrorCode::FileOwner,
            format!(
                "path '{}' {}",
                path.display(),
                if open {
                    "can be written to by others"
                } else {
                    "belongs to somebody else"
                }
            ),
        )
        .with_hint("a directory is needed that only the user who runs it may write to."));
    }
    Ok(())
}

/// A marker is a file of ours with one name: writing to another one would change something else.
pub(crate) fn refuse_link(context: &Context, path: &Path, found: &fs::Metadata) -> Result<()> {
    if found.is_file() && found.nlink() == 1 && found.uid() == context.user.uid {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::PathNotEmpty,
        format!(
            "'{}' is not the marker of a scratch directory",
            path.display()
        ),
    )
    .with_hint("choose a missing or empty directory with --scratch-path."))
}

/// Refuses what was not made by us.
pub(crate) fn refuse_others(root: &Path, names: &[OsString]) -> Result<()> {
    let Some(name) = names.iter().find(|name| **name != marker::NAME) else {
        return Ok(());
    };
    Err(Error::new(
        ErrorCode::PathNotEmpty,
        format!(
            "path '{}' is not empty: '{}' was not made by pgkeep",
            root.display(),
            name.to_string_lossy()
        ),
    )
    .with_hint("nothing of it was removed: move it away, or choose a missing or empty path with --scratch-path."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scratch_directory_is_in_a_cluster_or_a_repository_whatever_leads_there() {
        let directory = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir_all(top.join("main/pg_notify")).unwrap();
        fs::create_dir(top.join("repo")).unwrap();
        fs::write(top.join("main/PG_VERSION"), "17\n").unwrap();
        std::os::unix::fs::symlink(top.join("main"), top.join("link")).unwrap();
        let used = [
            top.join("repo"),
            top.join("missing"),
            top.join("above/data"),
        ];
        for refused in [
            "main",
            "main/pg_notify",
            "link/pg_notify",
            "repo",
            "repo/own",
            "missing",
            "main/..",
            "above",
        ] {
            let error = find(&top.join(refused), &used).unwrap_err();
            assert_eq!(error.code, ErrorCode::OptionInvalidValue, "{refused}");
        }
        assert_eq!(find(&top.join("own"), &used).unwrap(), top.join("own"));
        assert!(find(Path::new("/"), &used).is_err());
        assert_eq!(
            find(&top.join("gone/own"), &used).unwrap_err().code,
            ErrorCode::PathOpen
        );
    }
}
