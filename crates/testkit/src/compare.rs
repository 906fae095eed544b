//! Comparing file trees: by kind, link target, mode, size and SHA-256 of the content.
//!
//! A `Snapshot` is taken at one moment and compared later, so a tree may change in between. Times are not compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};

use crate::error::{During, Error, Result};

/// Which paths do not count, relative to the tree's top.
#[derive(Debug, Clone, Default)]
pub struct Ignore {
    paths: Vec<PathBuf>,
    names: Vec<&'static str>,
    endings: Vec<&'static str>,
    modes: bool,
}

impl Ignore {
    /// Nothing is ignored.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// What a stopped cluster and its restored copy may differ in when the copy was not started: files that a backup
    /// leaves out or a restore writes. `global/pg_control` is among them: a restore changes it on purpose.
    pub fn of_restore() -> Self {
        let mut ignore = Self::nothing();
        // Caches of catalogs: left out of backups, made again by the server.
        ignore.names.push("pg_internal.init");
        for path in [
            "backup_label",
            "backup_label.old",
            "backup_manifest",
            "current_logfiles",
            "global/pg_control",
            "pg_dynshmem",
            "pg_notify",
            "pg_replslot",
            "pg_serial",
            "pg_snapshots",
            "pg_stat_tmp",
            "pg_subtrans",
            "pg_wal",
            "postgresql.auto.conf",
            "postmaster.opts",
            "postmaster.pid",
            "recovery.done",
            "recovery.signal",
            "standby.signal",
            "tablespace_map",
        ] {
            ignore = ignore.path(path);
        }
        ignore
    }

    /// Ignores a path and all below it.
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Ignores what has a name that ends so, and all below it.
    pub fn names_ending(mut self, ending: &'static str) -> Self {
        self.endings.push(ending);
        self
    }

    /// Ignores permission bits.
    pub fn modes(mut self) -> Self {
        self.modes = true;
        self
    }

    fn covers(&self, path: &Path) -> bool {
        let named = |name: &&str| path.file_name().is_some_and(|found| found == *name);
        let ends = |ending: &&str| path.to_string_lossy().ends_with(ending);
        self.names.iter().any(named)
            || self.endings.iter().any(ends)
            || self.paths.iter().any(|ignored| path.starts_with(ignored))
    }
}

/// What a tree was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Directory {
        mode: u32,
    },
    File {
        mode: u32,
        size: u64,
        sha256: Vec<u8>,
    },
    Link {
        target: PathBuf,
    },
    Other,
}

impl Snapshot {
    /// Reads a tree. Links are not followed, but for those directly in `pg_tblspc`, whose trees are read under their name.
    pub fn of(top: &Path, ignore: &Ignore) -> Result<Self> {
        let mut entries = BTreeMap::new();
        read_tree(top, Path::new(""), ignore, &mut entries)?;
        Ok(Self { entries })
    }

    /// Number of regular files.
    pub fn files(&self) -> usize {
        self.entries
            .values()
            .filter(|entry| matches!(entry, Entry::File { .. }))
            .count()
    }

    /// One line for each path in which the other tree differs; empty when they are equal.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (path, entry) in &self.entries {
            match other.entries.get(path) {
                None => found.push(format!("{} is missing", path.display())),
                Some(theirs) if theirs != entry => found.push(format!(
                    "{}: {} became {}",
                    path.display(),
                    describe(entry),
                    describe(theirs)
                )),
                Some(_) => {}
            }
        }
        for path in other
            .entries
            .keys()
            .filter(|path| !self.entries.contains_key(*path))
        {
            found.push(format!("{} was added", path.display()));
        }
        found
    }

    /// An error that lists the first differences, if there are any.
    pub fn must_equal(&self, other: &Self) -> Result<()> {
        let differences = self.differences(other);
        if differences.is_empty() {
            return Ok(());
        }
        let shown = differences
            .iter()
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        Err(Error::Failed(format!(
            "{} differences between trees:\n{shown}",
            differences.len()
        )))
    }
}

/// Compares two trees as they are now.
pub fn trees(left: &Path, right: &Path, ignore: &Ignore) -> Result<()> {
    Snapshot::of(left, ignore)?.must_equal(&Snapshot::of(right, ignore)?)
}

fn read_tree(
    path: &Path,
    name: &Path,
    ignore: &Ignore,
    entries: &mut BTreeMap<PathBuf, Entry>,
) -> Result<()> {
    let context = || format!("read {}", path.display());
    let found = fs::symlink_metadata(path).during(context())?;
    let mode = if ignore.modes {
        0
    } else {
        found.permissions().mode() & 0o7777
    };
    let tablespace = name.parent() == Some(Path::new("pg_tblspc")) && found.is_symlink();
    if found.is_dir() || tablespace {
        entries.insert(name.to_owned(), Entry::Directory { mode });
        for entry in fs::read_dir(path).during(context())? {
            let entry = entry.during(context())?;
            let below = name.join(entry.file_name());
            if !ignore.covers(&below) {
                read_tree(&entry.path(), &below, ignore, entries)?;
            }
        }
    } else if found.is_file() {
        let content = fs::read(path).during(context())?;
        let sha256 = digest(&SHA256, &content).as_ref().to_vec();
        entries.insert(
            name.to_owned(),
            Entry::File {
                mode,
                size: found.len(),
                sha256,
            },
        );
    } else if found.is_symlink() {
        entries.insert(
            name.to_owned(),
            Entry::Link {
                target: fs::read_link(path).during(context())?,
            },
        );
    } else {
        entries.insert(name.to_owned(), Entry::Other);
    }
    Ok(())
}

fn describe(entry: &Entry) -> String {
    match entry {
        Entry::Directory { mode } => format!("directory {mode:04o}"),
        Entry::File { mode, size, sha256 } => {
            format!(
                "file {mode:04o} of {size} bytes ({:02x}{:02x}{:02x}…)",
                sha256[0], sha256[1], sha256[2]
            )
        }
        Entry::Link { target } => format!("link to {}", target.display()),
        Entry::Other => "special file".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_added_and_missing_paths_are_named_and_ignored_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let (left, right) = (dir.path().join("left"), dir.path().join("right"));
        for top in [&left, &right] {
            fs::create_dir_all(top.join("base")).unwrap();
            fs::write(top.join("base/1"), "same").unwrap();
            fs::write(top.join("base/2"), top.to_string_lossy().as_bytes()).unwrap();
        }
        fs::write(left.join("only_left"), "").unwrap();
        fs::write(right.join("only_right"), "").unwrap();
        let of = |top: &Path, ignore: &Ignore| Snapshot::of(top, ignore).unwrap();
        let found = of(&left, &Ignore::nothing()).differences(&of(&right, &Ignore::nothing()));
        assert_eq!(found.len(), 3);
        assert!(found[0].starts_with("base/2: file 0644 of "));
        assert_eq!(found[1..], ["only_left is missing", "only_right was added"]);
        let ignore = Ignore::nothing()
            .path("base/2")
            .path("only_left")
            .path("only_right");
        assert!(trees(&left, &right, &ignore).is_ok());
        assert!(trees(&left, &right, &Ignore::nothing()).is_err());
    }
}
