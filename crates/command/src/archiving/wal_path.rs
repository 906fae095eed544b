//! What `archive-push` and `archive-get` make of the paths PostgreSQL hands them.
//!
//! PostgreSQL starts its commands inside the data directory and often passes relative paths. Such a path is taken to be
//! below `pg1-path`, and only when that is the directory we were started in: otherwise the option names another cluster.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pgkeep_config::option::{self, Group};
use pgkeep_storage::StoragePath;

use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// Absolute path of a file that PostgreSQL named.
///
/// # Errors
/// [`ErrorCode::OptionRequired`] for a relative path without `pg1-path`, [`ErrorCode::OptionInvalidValue`] when the
/// working directory is another one, [`ErrorCode::PathMissing`] when `pg1-path` is not there.
pub fn absolute(context: &Context, given: &str) -> Result<PathBuf> {
    if given.starts_with('/') {
        return Ok(PathBuf::from(given));
    }
    let config = &context.config;
    let key = config.default_key(Group::Pg);
    let Some(pg_path) = config.string(option::PG_PATH) else {
        let command = config.command().name();
        return Err(Error::new(
            ErrorCode::OptionRequired,
            format!("option 'pg{key}-path' must be specified when relative wal paths are used"),
        )
        .with_hint(format!("is %f passed to {command} instead of %p?"))
        .with_hint(
            "PostgreSQL may pass relative paths even with %p depending on the environment.",
        ));
    };
    let working = &context.working_directory;
    if Path::new(pg_path) != working && !same_directory(pg_path, working)? {
        return Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!(
                "PostgreSQL working directory '{}' is not the same as option pg{key}-path '{pg_path}'",
                working.display()
            ),
        )
        .with_hint(format!(
            "is the PostgreSQL data_directory configured the same as the pg{key}-path option?"
        )));
    }
    Ok(Path::new(pg_path).join(given))
}

/// Links and other spellings of one directory are the same.
fn same_directory(pg_path: &str, working: &Path) -> Result<bool> {
    let identity = |path: &Path| rustix::fs::stat(path).map(|stat| (stat.st_dev, stat.st_ino));
    let option = identity(Path::new(pg_path)).map_err(|errno| {
        let reason = std::io::Error::from(errno);
        Error::new(
            ErrorCode::PathMissing,
            format!(
                "unable to chdir() to '{pg_path}': [{}] {reason}",
                errno.raw_os_error()
            ),
        )
    })?;
    // A working directory that cannot be looked at cannot be shown to be the same.
    Ok(identity(working).is_ok_and(|working| working == option))
}

/// The path as the storage at `/` (`this_host::directory(Path::new("/"))`) takes it.
#[must_use]
pub fn from_root(path: &Path) -> StoragePath {
    StoragePath::new(path.as_os_str().as_bytes())
}

/// Last part of a path, as text.
#[must_use]
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
