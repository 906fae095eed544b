//! Which file systems of this host should be mounted, by `/etc/fstab` and systemd's mount units, and which are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pgkeep_storage::copy::read_all;
use pgkeep_storage::{FileType, InfoLevel, ListOptions, Storage, StoragePath};

use crate::hosts::this_host;

/// Directories of mount units that administrators and other programs write; those of packages are in the third.
const UNITS: [&str; 3] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
];
/// Most bytes of a file that are looked at.
const MOST: u64 = 1 << 20;

/// A mount point and who wants it mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) point: PathBuf,
    /// `/etc/fstab`, or the path of a unit.
    pub(super) by: String,
}

/// What should be mounted and what is.
#[derive(Debug, Default)]
pub(super) struct MountTable {
    wanted: Vec<Wanted>,
    mounted: Vec<PathBuf>,
}

impl MountTable {
    /// Of this host; what cannot be read says nothing.
    pub(super) fn of_host() -> Self {
        let mut wanted = from_fstab(&text(Path::new("/etc/fstab")));
        for directory in UNITS {
            wanted.extend(from_units(Path::new(directory)));
        }
        Self {
            wanted,
            mounted: mounted(&text(Path::new("/proc/self/mountinfo"))),
        }
    }

    /// The innermost mount point on the way to `path` that should be mounted and is not.
    pub(super) fn missing(&self, path: &Path) -> Option<&Wanted> {
        // Without any mount nothing is known.
        if self.mounted.is_empty() {
            return None;
        }
        self.wanted
            .iter()
            .filter(|one| path.starts_with(&one.point) && !self.mounted.contains(&one.point))
            .max_by_key(|one| one.point.components().count())
    }

    /// The mount point of the file system that holds `path`.
    pub(super) fn holding(&self, path: &Path) -> Option<&Path> {
        self.mounted
            .iter()
            .filter(|point| path.starts_with(point))
            .max_by_key(|point| point.components().count())
            .map(PathBuf::as_path)
    }
}

/// The directory a path leads to, links followed; the rest of a path that does not exist stays as it is.
pub(super) fn resolved(path: &Path) -> PathBuf {
    const MOST_LINKS: usize = 40;
    let mut left: Vec<PathBuf> = parts(path);
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop() {
        if part.as_os_str() == ".." {
            at.pop();
            continue;
        }
        let info = this_host::directory(&at).info(
            &StoragePath::new(part.as_os_str().as_encoded_bytes()),
            InfoLevel::Detail,
        );
        let link = match info {
            Ok(Some(info)) if info.kind == FileType::Link => info.link_destination,
            _ => None,
        };
        match link {
            Some(to) if links < MOST_LINKS => {
                links += 1;
                let to = Path::new(OsStr::from_bytes(&to));
                if to.is_absolute() {
                    at = PathBuf::from("/");
                }
                left.extend(parts(to));
            }
            _ => at.push(part),
        }
    }
    at
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<PathBuf> {
    use std::path::Component;
    path.components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| PathBuf::from(part.as_os_str()))
        .rev()
        .collect()
}

fn text(file: &Path) -> String {
    let (directory, name) = (
        file.parent().unwrap_or(Path::new("/")),
        file.file_name().unwrap_or_default(),
    );
    let name = StoragePath::new(name.as_encoded_bytes());
    let read = read_all(&*this_host::directory(directory), &name, MOST);
    let bytes = read.ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn from_fstab(text: &str) -> Vec<Wanted> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter_map(|field| wanted(&unescaped(field), "/etc/fstab"))
        .collect()
}

fn from_units(directory: &Path) -> Vec<Wanted> {
    let entries =
        this_host::directory(directory).list(&StoragePath::root(), &ListOptions::default());
    let Ok(Some(entries)) = entries else {
        return Vec::new();
    };
    entries
        .iter()
        .map(|entry| directory.join(entry.name.as_os_str()))
        .filter(|file| file.extension().is_some_and(|ending| ending == "mount"))
        .filter_map(|file| from_unit(&text(&file), &file.display().to_string()))
        .collect()
}

fn from_unit(text: &str, file: &str) -> Option<Wanted> {
    let point = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Where="))
        .next_back()?;
    wanted(point.trim(), file)
}

/// Nothing for what is no mount point (`none`), and for the root, which is always mounted.
fn wanted(point: &str, by: &str) -> Option<Wanted> {
    let point = point.trim_end_matches('/');
    point.starts_with('/').then(|| Wanted {
        point: PathBuf::from(point),
        by: by.to_owned(),
    })
}

/// Mount points of `/proc/self/mountinfo`. Those that only wait for somebody to come by (`autofs`) hold nothing yet.
fn mounted(text: &str) -> Vec<PathBuf> {
    text.lines()
        .filter(|line| {
            let kind = line
                .split_once(" - ")
                .and_then(|(_, rest)| rest.split(' ').next());
            kind != Some("autofs")
        })
        .filter_map(|line| line.split(' ').nth(4))
        .map(|field| PathBuf::from(unescaped(field)))
        .collect()
}

/// Blanks and backslashes are written as `\040` and the like.
fn unescaped(field: &str) -> String {
    let mut text = field.to_owned();
    for (escape, char) in [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ] {
        text = text.replace(escape, char);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
        22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        30 22 8:2 / /srv rw - xfs /dev/sdb1 rw\n\
        31 22 0:50 / /mnt/auto rw - autofs systemd-1 rw\n\
        32 22 0:51 / /mnt/with\\040blank rw - nfs4 host:/x rw\n";
    const FSTAB: &str = "\
        # a comment /not\n\
        UUID=1 / ext4 defaults 0 1\n\
        UUID=2 none swap sw 0 0\n\
        UUID=3\t/srv\txfs\tdefaults 0 0\n\
        UUID=4 /backup/ ext4 noauto 0 0\n\
        host:/x /mnt/with\\040blank nfs4 defaults 0 0\n\
        host:/y /mnt/auto nfs4 x-systemd.automount 0 0\n\
        UUID=5 /srv/deep xfs defaults 0 0\n";

    fn table() -> MountTable {
        MountTable {
            wanted: from_fstab(FSTAB),
            mounted: mounted(MOUNTINFO),
        }
    }

    #[test]
    fn a_mount_point_on_the_way_that_is_not_mounted_is_found() {
        let table = table();
        for (path, point) in [
            ("/backup", Some("/backup")),
            ("/backup/pg/repo", Some("/backup")),
            ("/backups", None),
            ("/srv/repo", None),
            ("/srv/deep/repo", Some("/srv/deep")),
            ("/mnt/with blank/repo", None),
            ("/mnt/auto/repo", Some("/mnt/auto")),
            ("/var/lib/pgbackrest", None),
        ] {
            let found = table.missing(Path::new(path));
            let found = found.map(|one| one.point.display().to_string());
            assert_eq!(found.as_deref(), point, "{path}");
        }
        assert_eq!(
            table.holding(Path::new("/srv/deep/repo")),
            Some(Path::new("/srv"))
        );
        assert_eq!(table.holding(Path::new("/var")), Some(Path::new("/")));
        // Where the mounts cannot be read, none is missing.
        let blind = MountTable {
            wanted: from_fstab(FSTAB),
            mounted: Vec::new(),
        };
        assert_eq!(blind.missing(Path::new("/backup")), None);
    }

    #[test]
    fn a_unit_names_its_mount_point() {
        let unit = "[Unit]\nDescription=x\n[Mount]\nWhat=/dev/sdb1\nWhere=/backup\n";
        let found = from_unit(unit, "/etc/systemd/system/backup.mount").expect("a mount point");
        assert_eq!(found.point, Path::new("/backup"));
        assert_eq!(from_unit("[Mount]\nWhat=x\n", "x"), None);
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // makes the links that are followed
    fn links_are_followed_to_where_they_lead_even_if_nothing_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let root = resolved(directory.path());
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(to, root.join(name)).unwrap();
        };
        link("/mnt/nothing-here", "absolute");
        link("absolute", "relative");
        link("around", "around");
        assert_eq!(
            resolved(&root.join("absolute/repo")),
            Path::new("/mnt/nothing-here/repo")
        );
        assert_eq!(resolved(&root.join("relative/../x")), Path::new("/mnt/x"));
        assert_eq!(resolved(&root.join("missing/x")), root.join("missing/x"));
        assert!(resolved(&root.join("around/x")).starts_with(&root));
    }
}
