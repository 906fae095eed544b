//! Where the programs of PostgreSQL are on this host: the search path, and one directory per major version where packages put them.

use std::path::{Path, PathBuf};

use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath};

use super::this_host;
use crate::run::Context;

/// Directories of packages that hold one directory per major version, and what is below that.
const VERSIONED: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
];

/// Where a server that was built by hand is.
pub(crate) const BY_HAND: &str = "/usr/local/pgsql/bin";

/// Directories of the search path.
pub(crate) fn search_path(context: &Context) -> Vec<PathBuf> {
    let path = context
        .environment
        .get("PATH")
        .map(String::as_str)
        .unwrap_or_default();
    std::env::split_paths(path).collect()
}

/// Directories of programs that packages have installed, with their major versions, the newest first.
pub(crate) fn versioned() -> Vec<(u32, PathBuf)> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (directory, prefix, below) in VERSIONED {
        let storage = this_host::directory(Path::new(directory));
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        for entry in storage
            .list(&StoragePath::root(), &options)
            .ok()
            .flatten()
            .unwrap_or_default()
        {
            let name = entry.name.to_string();
            if let Some(version) = name
                .strip_prefix(prefix)
                .and_then(|version| version.parse().ok())
            {
                found.push((version, Path::new(directory).join(&name).join(below)));
            }
        }
    }
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found
}

/// The first of these directories that has the program.
pub(crate) fn first<'a>(
    directories: impl IntoIterator<Item = &'a PathBuf>,
    name: &str,
) -> Option<PathBuf> {
    directories
        .into_iter()
        .map(|directory| directory.join(name))
        .find(|program| exists(program))
}

/// Whether a program is there.
pub(crate) fn exists(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
