//! What a user has on the database host before a guide is followed: none of it may be changed or removed by a guide.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pgkeep_testkit::throw_away_root::ThrowAwayRoot;

use crate::page::Result;

/// Where configuration, schedules, units, programs of the administrator and keys are.
const PLACES: &[&str] = &["/etc", "/usr-local-bin", "/var/lib/postgresql/.ssh"];
/// Directories whose owner and mode are the user's.
const DIRECTORIES: &[&str] = &[
    "/etc/pgbackrest",
    "/var/lib/pgbackrest",
    "/var/log/pgbackrest",
];

/// Content, mode and owner of each file and link; those of the directories.
#[derive(Debug)]
pub struct Belongings {
    files: BTreeMap<String, (Vec<u8>, u32, u32, u32)>,
}

impl Belongings {
    pub fn of(host: &ThrowAwayRoot) -> Result<Self> {
        let mut files = BTreeMap::new();
        for place in PLACES {
            let path = host.path(place);
            if path.exists() {
                collect(&path, place, &mut files)?;
            }
        }
        for directory in DIRECTORIES {
            if let Ok(found) = fs::symlink_metadata(host.path(directory)) {
                let what = (Vec::new(), found.mode(), found.uid(), found.gid());
                files.insert((*directory).to_owned(), what);
            }
        }
        Ok(Self { files })
    }

    /// All of it is there as it was. Lines may have come to `known_hosts`; what a page says that it removes is `removed`.
    pub fn are_there(&self, host: &ThrowAwayRoot, removed: &[&str]) -> Result<()> {
        let now = Self::of(host)?;
        for (path, before) in &self.files {
            if removed.contains(&path.as_str()) {
                continue;
            }
            let same = now.files.get(path).is_some_and(|after| {
                let (content, rest) = (&after.0, (after.1, after.2, after.3));
                rest == (before.1, before.2, before.3)
                    && (*content == before.0
                        || path.ends_with("/known_hosts") && content.starts_with(&before.0))
            });
            if !same {
                let show = |what: Option<&(Vec<u8>, u32, u32, u32)>| {
                    what.map_or("nothing".to_owned(), |(content, mode, uid, gid)| {
                        let text = String::from_utf8_lossy(content.get(..600).unwrap_or(content));
                        format!("mode {mode:o}, owner {uid}:{gid}\n{text}")
                    })
                };
                return Err(format!(
                    "{path} was there before and is not as it was\nbefore: {}\nafter: {}",
                    show(Some(before)),
                    show(now.files.get(path))
                )
                .into());
            }
        }
        Ok(())
    }
}

fn collect(
    path: &Path,
    name: &str,
    files: &mut BTreeMap<String, (Vec<u8>, u32, u32, u32)>,
) -> Result<()> {
    let found = fs::symlink_metadata(path)?;
    if found.is_dir() {
        for entry in path.read_dir()? {
            let entry = entry?;
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            collect(&entry.path(), &name, files)?;
        }
        return Ok(());
    }
    let content = if found.is_symlink() {
        fs::read_link(path)?
            .to_string_lossy()
            .into_owned()
            .into_bytes()
    } else {
        fs::read(path)?
    };
    files.insert(
        name.to_owned(),
        (content, found.mode(), found.uid(), found.gid()),
    );
    Ok(())
}
